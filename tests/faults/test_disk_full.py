"""A disk that runs full, whatever is being written: one message that says so, nothing half-written, and on it goes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import mortals
import pytest
import works
from disks import BALLAST, Disk, small_disk
from hosts import serving
from mortals import at_phase, finish, launch, run, start
from soaking import Soak

NO_ROOM = ("No space left on device.", "File too large.")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 8) as disk:
        yield disk


def _require_told(said: str, what: str) -> None:
    assert f"Output '{what}' cannot be written into '" in said
    assert any(words in said for words in NO_ROOM), said
    assert "Make room (or raise the quota or ulimit -f), or name another folder." in said
    assert "Traceback" not in said


AS_IT_SAVES = """
from topocraft import Integrator
save = Integrator.save
def saved(self, *arguments, **options):
    fill()
    save(self, *arguments, **options)
Integrator.save = saved
"""
MOMENTS = {"checkpoint": at_phase("train", "fill()"), "result": at_phase("write", "fill()"), "model": AS_IT_SAVES}


@pytest.mark.parametrize("output", ["out.h5ad", "out.zarr"])
@pytest.mark.parametrize("missing", MOMENTS)
def test_an_integration(disk: Disk, cells: Path, whole: tuple[bytes, float], output: str, missing: str) -> None:
    """From some moment on there is no room; with room again it is resumed to the same bytes."""
    shutil.copy(cells, disk.folder)
    options = ("-o", output, "--save-model", "model", "--checkpoint-every", "0", "--resume")
    hook = disk.filling(8192) + MOMENTS[missing]
    ended = finish(start(disk.folder, options, hook, "../log"), disk.folder, "../log")
    assert ended.code == 1, ended.said
    _require_told(ended.said, "model" if missing == "model" else output)
    assert ("No checkpoint after epoch 1; training goes on. Output" in ended.said) == (missing == "checkpoint")
    left = {item.name for item in disk.folder.iterdir()} - {BALLAST, "cells.h5ad", f"{output}.checkpoint"}
    assert left == ({output} if missing == "model" else set())
    disk.clear()
    assert run(disk.folder, *options).code == 0
    assert mortals.embedding(disk.folder / output) == whole[0]


@pytest.mark.parametrize("name", ["benchmark", "tune", "get"])
def test_what_goes_on_later(disk: Disk, many_cells: Path, tmp_path: Path, name: str) -> None:
    """Rows, trials and downloads that are there stay, and the rest follows when there is room."""
    (tmp_path / "whole").mkdir()
    with serving() as host:
        work = {"benchmark": works.benchmark, "tune": works.tune, "get": lambda: works.get(host, many_cells)}[name]()
        whole = work.undisturbed(tmp_path / "whole", many_cells)
        shutil.copy(many_cells, disk.folder)
        ended = work.run(disk.folder, disk.filling(20_000) + "fill()\n")
        assert ended.code == 1, ended.said
        assert any(words in ended.said for words in NO_ROOM), ended.said
        assert "Make room" in ended.said
        assert "Traceback" not in ended.said, ended.said
        disk.clear()
        assert whole.ends_alike(disk.folder)


ON_CELLS = ("cells.h5ad", "-b", "batch")
ONCE = {
    "scores.json": ("evaluate", *ON_CELLS, "--no-controls", "--json", "scores.json"),
    "audit": ("audit", *ON_CELLS, "--budget", "0", "--permutations", "19", "-o", "audit"),
    "page.html": ("report", *ON_CELLS, "-o", "page.html"),
    "made.h5ad": ("simulate", "baseline", "--cells", "200", "--genes", "100", "-o", "made.h5ad"),
}


@pytest.mark.parametrize("output", ONCE)
def test_what_is_written_at_the_end(disk: Disk, integrated: Path, output: str) -> None:
    """Nothing half-written stays, and with room again the same command does it."""
    shutil.copy(integrated, disk.folder / "cells.h5ad")
    hook = disk.filling(1000) + at_phase("write", "fill()")
    ended = finish(launch(disk.folder, ONCE[output], hook, "../log"), disk.folder, "../log")
    assert ended.code == 1, ended.said
    _require_told(ended.said, "audited.h5ad" if output == "audit" else output)
    assert {item.name for item in disk.folder.iterdir()} <= {BALLAST, "cells.h5ad"}
    disk.clear()
    ended = finish(launch(disk.folder, ONCE[output], log="../log"), disk.folder, "../log")
    assert ended.code == 0, ended.said
    assert (disk.folder / output).exists()


@pytest.mark.soak
def test_an_integration_at_random(disk: Disk, cells: Path, whole: tuple[bytes, float]) -> None:
    """Every round leaves some room from some moment on: the run ends well, or says so and is resumed."""
    soak = Soak("disk-full")
    for _ in soak.rounds():
        shutil.copy(cells, disk.folder)
        output, missing = str(soak.draws.choice(["out.h5ad", "out.zarr"])), str(soak.draws.choice(list(MOMENTS)))
        options = ("-o", output, "--save-model", "model", "--checkpoint-every", "0", "--resume")
        hook = disk.filling(int(soak.draws.integers(0, 400_000))) + MOMENTS[missing]
        ended = finish(start(disk.folder, options, hook, "../log"), disk.folder, "../log")
        disk.clear()
        if ended.code:
            soak.tried[f"no room for the {missing}"] += 1
            assert any(words in ended.said for words in NO_ROOM), ended.said
            assert "Traceback" not in ended.said, ended.said
            assert run(disk.folder, *options).code == 0
        assert mortals.embedding(disk.folder / output) == whole[0]
        for item in disk.folder.iterdir():
            shutil.rmtree(item) if item.is_dir() else item.unlink()
