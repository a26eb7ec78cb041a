"""Two processes come to what one does; where one of them ends, the job does, with one message and a way on."""

from __future__ import annotations

import re
from pathlib import Path

import anndata
import mortals
import numpy as np
import pytest
import several

from topocraft.topology.neighbors import nearest_neighbors

OPTIONS = ("-o", "out.h5ad", "--set", "precision=float32", "--set", "alignment_rounds=0", "--set", "coordinates=latent")
"""The map of the networks: the last bits of a sum decide at which places further shifts are found."""
KEPT = (*OPTIONS, "--checkpoint-every", "0", "--resume")
KILLED = -9
DIE_IN_EPOCH = """
from topocraft.training import loop
advance = loop._Lesson.epoch
def epoch(self, *arguments):
    if self.course.epoch == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return advance(self, *arguments)
loop._Lesson.epoch = epoch
"""
NO_ROOM = """
import errno
from topocraft.data.scratch import ScratchRows
def append(*_):
    raise OSError(errno.ENOSPC, "full")
ScratchRows.append = append
"""


def _points(folder: Path) -> np.ndarray:
    return np.asarray(anndata.read_h5ad(folder / "out.h5ad").obsm["X_topocraft"])


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> tuple[Path, list[mortals.Ended]]:
    """Return the folder of a job of two processes that nothing disturbed, and how they ended."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "cells.h5ad").write_bytes(cells.read_bytes())
    return folder, several.run(folder, *OPTIONS)


@pytest.mark.parametrize("memory", ["1TB", "1MB"])
def test_two_come_to_what_one_does(folder: Path, together: tuple[Path, list[mortals.Ended]], memory: str) -> None:
    """In memory and in blocks; another number of threads would make as much of a difference."""
    alone = mortals.run(folder, *OPTIONS)
    assert alone.code == 0, alone.said
    one = _points(folder)
    two = _points(together[0])
    if memory == "1MB":
        assert [each.code for each in several.run(folder, *OPTIONS, "--memory", memory, "--force")] == [0, 0]
        two = _points(folder)
    np.testing.assert_allclose(two, one, rtol=0, atol=0.04 * one.std())
    assert not np.array_equal(two, one), "they were one process"


def test_by_the_defaults_two_come_near_to_one(folder: Path) -> None:
    """Same clusters; of the embedding, in which last bits choose places, nearly the same neighbours."""
    found = []
    for threads in ("1", "2"):
        assert mortals.run(folder, "-o", "out.h5ad", "--force", "--threads", threads).code == 0
        found.append(anndata.read_h5ad(folder / "out.h5ad"))
    assert [each.code for each in several.run(folder, "-o", "out.h5ad", "--force", "--threads", "2")] == [0, 0]
    found.append(anndata.read_h5ad(folder / "out.h5ad"))
    one, threaded, two = found
    for level in ("topocraft_low", "topocraft_high"):
        assert two.obs[level].tolist() == one.obs[level].tolist()
    assert min(_shared(one, threaded), _shared(one, two)) > 0.85
    assert not np.array_equal(two.obsm["X_topocraft"], threaded.obsm["X_topocraft"]), "they were one process"


def _shared(one: anndata.AnnData, other: anndata.AnnData) -> float:
    """Return the share of the ten nearest cells that are the same in both."""
    near = [nearest_neighbors(each.obsm["X_topocraft"], 10).indices for each in (one, other)]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)]))


def test_the_first_alone_speaks_and_writes(together: tuple[Path, list[mortals.Ended]]) -> None:
    folder, (first, second) = together
    assert (first.code, second.code, second.said) == (0, 0, "")
    assert "150 cells × 80 genes" in first.said
    assert {item.name for item in folder.iterdir()} == {"cells.h5ad", "log0", "log1", "out.h5ad"}


@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_job_and_it_can_go_on(
    folder: Path, together: tuple[Path, list[mortals.Ended]], killed: int
) -> None:
    hooks = ("", DIE_IN_EPOCH) if killed else (DIE_IN_EPOCH, "")
    ended = several.run(folder, *KEPT, hooks=hooks)
    assert ended[killed].code == KILLED
    left = ended[1 - killed]
    assert left.code == 1
    assert left.said.count("Error: A process of this job ended, or did not answer in time") == 1
    assert left.said.count("A checkpoint is in 'out.h5ad.checkpoint': --resume goes on from it.") == 1
    ended = several.run(folder, *KEPT)
    assert [each.code for each in ended] == [0, 0], ended[0].said
    assert "Going on after epoch 4" in ended[0].said
    assert _points(folder).tobytes() == _points(together[0]).tobytes()


def test_a_job_that_is_resumed_needs_as_many_processes(folder: Path) -> None:
    assert several.run(folder, *KEPT, hooks=("", DIE_IN_EPOCH))[1].code == KILLED
    ended = mortals.run(folder, *KEPT)
    assert ended.code == 1
    assert "processes was 2 and is 1 (torchrun --nproc-per-node 2, or no torchrun for 1)" in ended.said


def test_without_checkpoints_it_says_so(folder: Path) -> None:
    first, _ = several.run(folder, *OPTIONS, hooks=("", DIE_IN_EPOCH))
    assert "There is no checkpoint; with --checkpoint-every MINUTES there would be one" in first.said


def test_what_ends_a_helper_is_told_by_the_first(folder: Path) -> None:
    first, second = several.run(folder, *OPTIONS, "--memory", "1MB", hooks=("", NO_ROOM))
    assert (first.code, second.code, second.said) == (1, 1, "")
    assert "Error: Process 2 of 2 ended. Reading in blocks needs" in first.said
    assert "No space left on device" in first.said


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--set", "epochs=0"), "epochs must be"),
        (("--set", "min_genes=100000"), "must leave cells of at least two batches"),
        (("--set", "cells_per_step=one"), "cells_per_step must be"),
    ],
)
def test_a_refusal_is_told_once_and_the_others_go(folder: Path, arguments: tuple[str, ...], match: str) -> None:
    first, second = several.run(folder, *OPTIONS, *arguments)
    assert (first.code, second.code, second.said) == (1, 0, "")
    assert len(re.findall(match, first.said)) == 1


def test_interrupted_the_others_end_with_a_word_at_most(folder: Path) -> None:
    """On a busy machine the first may be gone before another hears of it, which then says what it sees."""
    hook = mortals.at_phase("train", "os.kill(os.getpid(), signal.SIGINT)")
    first, second = several.run(folder, *OPTIONS, hooks=(hook, ""))
    assert first.code == 130
    assert "Interrupted; nothing was written." in first.said
    assert re.fullmatch(r"(Error: A process of this job ended, .* There is no checkpoint; [^\n]*)?", second.said)
    assert {item.name for item in folder.iterdir()} == {"cells.h5ad", "log0", "log1"}


def test_a_plan_needs_no_help(folder: Path) -> None:
    first, second = several.run(folder, *OPTIONS, "--dry-run")
    assert (first.code, second.code, second.said) == (0, 0, "")
    assert "cells 150, of which 0 set aside" in first.said


def test_a_place_that_cannot_be_is_refused(folder: Path) -> None:
    ended = mortals.run(folder, *OPTIONS, hook="os.environ.update(WORLD_SIZE='2', RANK='2')")
    assert ended.code == 1
    assert "MASTER_ADDR and MASTER_PORT not set. Start with torchrun" in ended.said


def test_who_waits_for_others_in_vain_says_so(folder: Path) -> None:
    environment = several.environments(2)[0]
    hook = f"os.environ.update({environment})\nfrom datetime import timedelta\n"
    hook += "from topocraft.training import job\njob.ANSWER = timedelta(seconds=1)"
    ended = mortals.run(folder, *OPTIONS, hook=hook)
    assert ended.code == 1
    assert "All 2 processes must meet at MASTER_ADDR:MASTER_PORT within 0:00:01; process 1 did not meet" in ended.said
    assert not (folder / "out.h5ad").exists()
