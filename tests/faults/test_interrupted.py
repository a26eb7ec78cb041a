"""Ctrl-C in every phase, a folder that is removed, files that are cut off, two runs at once: one clear message each."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import anndata
import mortals
import pytest
from mortals import at_phase, finish, run, start

INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"
KEPT = ("-o", "out.h5ad", "--checkpoint-every", "0")


@pytest.mark.parametrize("phase", ["read", "prepare", "cluster", "train", "embed", "align", "write"])
def test_ctrl_c_leaves_nothing_but_a_checkpoint(folder: Path, phase: str) -> None:
    ended = run(folder, *KEPT, hook=at_phase(phase, INTERRUPT))
    assert ended.code == 130, ended.said
    assert "Interrupted; nothing was written." in ended.said
    trained = phase in ("embed", "align", "write")
    assert ("A checkpoint is in 'out.h5ad.checkpoint': --resume goes on from it." in ended.said) == trained
    left = {item.name for item in folder.iterdir()} - {"cells.h5ad", "log"}
    assert left == ({"out.h5ad.checkpoint"} if trained else set())


def test_ctrl_c_amid_training_is_resumed_to_the_same_bytes(folder: Path, whole: tuple[bytes, float]) -> None:
    hook = f"""
from topocraft.training.keeping import FolderKeeper
offer = FolderKeeper.offer
def offered(self, course, *, last):
    offer(self, course, last=last)
    if course.epoch == 3:
        {INTERRUPT}
FolderKeeper.offer = offered
"""
    assert run(folder, *KEPT, hook=hook).code == 130
    ended = run(folder, *KEPT, "--resume")
    assert ended.code == 0
    assert "Going on after epoch 3, from the checkpoint in 'out.h5ad.checkpoint'." in ended.said
    assert mortals.embedding(folder / "out.h5ad") == whole[0]


def test_sigterm_is_said_and_resumable(folder: Path) -> None:
    ended = run(folder, *KEPT, hook=at_phase("embed", "os.kill(os.getpid(), signal.SIGTERM)"))
    assert ended.code == 143
    assert "--resume goes on from it" in ended.said
    assert not (folder / "out.h5ad").exists()


@pytest.mark.parametrize("phase", ["train", "write"])
def test_an_output_folder_that_is_removed_meanwhile(folder: Path, phase: str) -> None:
    (folder / "results").mkdir()
    hook = at_phase(phase, "import shutil; shutil.rmtree('results')")
    ended = run(folder, "-o", "results/out.h5ad", "--checkpoint-every", "0", hook=hook)
    assert ended.code == 1
    assert "Error: The output's folder must exist; there is no" in ended.said
    assert "Traceback" not in ended.said
    assert ("No checkpoint after epoch 1; training goes on." in ended.said) == (phase == "train")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_cells_that_are_cut_off(folder: Path, share: float) -> None:
    content = (folder / "cells.h5ad").read_bytes()
    (folder / "cells.h5ad").write_bytes(content[: int(share * len(content))])
    ended = run(folder, *KEPT)
    assert ended.code == 1
    assert "Error: " in ended.said
    assert "Traceback" not in ended.said
    assert {item.name for item in folder.iterdir()} == {"cells.h5ad", "log"}


@pytest.mark.parametrize("name", ["checkpoint.json", "state-6.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_refused(broken_off: Path, name: str, damage: str) -> None:
    path = broken_off / "out.h5ad.checkpoint" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    ended = run(broken_off, *KEPT, "--resume")
    assert ended.code == 1
    assert "Error: The checkpoint in 'out.h5ad.checkpoint' is damaged" in ended.said
    assert "Begin anew: --force without --resume" in ended.said
    assert path.exists()


def test_by_force_a_run_begins_anew(broken_off: Path, whole: tuple[bytes, float]) -> None:
    (broken_off / "out.h5ad.checkpoint" / "checkpoint.json").write_text("{")
    assert run(broken_off, *KEPT, "--force", "--seed", "1").code == 0
    assert mortals.embedding(broken_off / "out.h5ad") != whole[0]
    assert {item.name for item in broken_off.iterdir()} == {"cells.h5ad", "log", "out.h5ad"}


def test_another_run_is_refused_and_the_checkpoint_stays(broken_off: Path, whole: tuple[bytes, float]) -> None:
    ended = run(broken_off, *KEPT, "--resume", "--seed", "1")
    assert ended.code == 1
    assert "is of another run: seed was 0 and is 1 (--seed 0)." in ended.said
    ended = run(broken_off, "-o", "out.h5ad")
    assert ended.code == 1
    assert "Go on from it with --resume, or begin anew with --force." in ended.said
    assert run(broken_off, *KEPT, "--resume").code == 0
    assert mortals.embedding(broken_off / "out.h5ad") == whole[0]


def test_other_cells_are_refused(broken_off: Path) -> None:
    adata = anndata.read_h5ad(broken_off / "cells.h5ad")
    adata.X.data[0] += 1
    adata.write_h5ad(broken_off / "cells.h5ad")
    ended = run(broken_off, *KEPT, "--resume")
    assert ended.code == 1
    assert "is of another run: the cells are others: give the same files" in ended.said


def test_of_two_runs_into_one_file_one_wins_and_the_other_says_so(folder: Path, whole: tuple[bytes, float]) -> None:
    waiting = """import time, pathlib
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)"""
    first = start(folder, ["-o", "out.h5ad"], at_phase("cluster", waiting), log="first")
    while not (folder / "begun").exists() and first.is_alive():
        time.sleep(0.01)
    second = run(folder, "-o", "out.h5ad", "--force")
    (folder / "go").touch()
    won = finish(first, folder, log="first")
    assert second.code == 1
    assert f"process {first.pid} is writing 'out.h5ad'. Wait for it to end, or name another path." in second.said
    assert won.code == 0, won.said
    assert mortals.embedding(folder / "out.h5ad") == whole[0]
    assert not list(folder.glob(".*"))


def test_a_killed_run_holds_nothing(folder: Path) -> None:
    ended = run(folder, "-o", "out.h5ad", hook=at_phase("cluster", "os.kill(os.getpid(), signal.SIGKILL)"))
    assert ended.code == -signal.SIGKILL
    assert (folder / ".out.h5ad.lock").exists()
    assert run(folder, "-o", "out.h5ad").code == 0
    assert not list(folder.glob(".*"))


def test_zarr_can_be_resumed_too(folder: Path, whole: tuple[bytes, float]) -> None:
    options = ("-o", "out.zarr", "--checkpoint-every", "0", "--resume", "--keep-checkpoint")
    assert run(folder, *options, hook=at_phase("write", "os.kill(os.getpid(), signal.SIGKILL)")).code == -9
    shutil.copytree(folder / "out.zarr.checkpoint", folder / "copy")
    assert run(folder, *options).code == 0
    assert mortals.embedding(folder / "out.zarr") == whole[0]
    kept = {item.name for item in (folder / "out.zarr.checkpoint").iterdir()}
    assert kept - {"ending"} == {item.name for item in (folder / "copy").iterdir() if not item.name.startswith(".")}
