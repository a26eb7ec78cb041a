"""Layouts in another process: the protocol, and what happens without it."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from topocraft.hardware import threads_held
from topocraft.plot import umap_layout
from topocraft.report import layouts

POINTS = np.random.default_rng(0).normal(size=(40, 5))


class _Child:
    """Does in this process what the other one would, as soon as it is waited for."""

    def __init__(self, command: list[str], **_: object) -> None:
        assert command[1:4] == ["-P", "-m", "topocraft.report.layouts"]
        self.arguments, self.stdin = command[3:], io.BytesIO()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def wait(self) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", self.arguments)
            patch.setattr(sys, "stdin", io.StringIO(self.stdin.getvalue().decode()))
            patch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: points[:, :2] + seed)
            layouts.main()
        return 0

    def kill(self) -> None:
        return None


def test_the_other_process_reads_the_points_and_leaves_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "granted_cores", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", _Child)
    monkeypatch.setattr(layouts, "_load_umap", lambda n_cells: None)
    with layouts.laid_out(layouts.WORTHWHILE, 3) as made:
        made.begin("few", POINTS[:30])
        made.begin("all", POINTS)
        monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: pytest.fail("laid out here"))
        found = made.places()
    assert (found["all"] == POINTS[:, :2] + 3).all()
    assert (found["few"] == POINTS[:30, :2] + 3).all()


def test_the_other_process_finds_the_same_places(tmp_path: Path) -> None:
    points = np.random.default_rng(1).normal(size=(700, 30)).astype(np.float32)
    np.save(tmp_path / "points-all.npy", points)
    command = [sys.executable, "-P", "-m", "topocraft.report.layouts", str(tmp_path), "700", "0"]
    environment = os.environ | layouts.ONE_THREAD
    subprocess.run(command, input="all\n\nnever read\n", text=True, check=True, env=environment)
    with threads_held(1):
        assert np.array_equal(np.load(tmp_path / "places-all.npy"), umap_layout(points, 0))


def test_a_child_that_has_died_is_found_out_when_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        stdin = io.BytesIO()

        def wait(self) -> int:
            return 1

    def refuse(_: bytes) -> int:
        raise OSError(errno.EINVAL, "as Windows says it")

    monkeypatch.setattr(Dead, "stdin", type("Pipe", (), {"write": staticmethod(refuse)})())
    monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: points[:, :2] + seed)
    monkeypatch.setattr(np, "save", lambda *_: None)
    made = layouts.Layouts("nowhere", 3, Dead())
    made.begin("all", POINTS)
    assert (made.places()["all"] == POINTS[:, :2] + 3).all()


def test_the_other_process_ends_when_nobody_is_left_to_ask(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "topocraft.report.layouts", str(tmp_path), "40", "0"]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("cores", "executable"), [(1, sys.executable), (2, "/bin/false")])
def test_without_another_process_the_places_are_found_here(
    monkeypatch: pytest.MonkeyPatch, cores: int, executable: str
) -> None:
    monkeypatch.setattr(layouts, "granted_cores", lambda: cores)
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: points[:, :2] + seed)
    with layouts.laid_out(layouts.WORTHWHILE, 3) as made:
        made.begin("all", POINTS)
        assert (made.places()["all"] == POINTS[:, :2] + 3).all()


def test_few_cells_need_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    with layouts.laid_out(layouts.WORTHWHILE - 1, 3):
        pass
