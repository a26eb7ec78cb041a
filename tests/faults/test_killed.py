"""Killed with -9 at any moment and resumed, an integration ends with the bytes of one that was left alone."""

from __future__ import annotations

from pathlib import Path

import mortals
import numpy as np
import pytest
from mortals import die_at_event, kill_after, run

OPTIONS = ("-o", "out.h5ad", "--save-model", "model", "--checkpoint-every", "0", "--resume")
KILLED = -9


def _check(folder: Path, whole: tuple[bytes, float]) -> None:
    """Resume to the end: the bytes are those of an undisturbed run, and nothing else is left."""
    ended = run(folder, *OPTIONS)
    assert ended.code == 0, ended.said
    _check_result(folder, whole)


def _check_result(folder: Path, whole: tuple[bytes, float]) -> None:
    assert mortals.embedding(folder / "out.h5ad") == whole[0]
    assert {item.name for item in folder.iterdir()} == {"cells.h5ad", "log", "model", "out.h5ad"}


@pytest.mark.parametrize("share", np.random.default_rng(0).uniform(0.05, 0.95, 3).round(2))
def test_killed_at_a_random_moment(folder: Path, whole: tuple[bytes, float], share: float) -> None:
    """On a machine that has become quicker since, the kill comes too late: then nothing is left to resume."""
    if kill_after(folder, share * whole[1], *OPTIONS).code == KILLED:
        _check(folder, whole)
    else:
        _check_result(folder, whole)


@pytest.mark.parametrize("count", [2, 3, 6, 17, 21, 22, 25, 28])
def test_killed_as_it_writes(folder: Path, whole: tuple[bytes, float], count: int) -> None:
    """At one of the operations on files: of the locks, the checkpoints, the result, the model, and of tidying up."""
    ended = run(folder, *OPTIONS, hook=die_at_event(count))
    assert ended.code == KILLED, ended.said
    _check(folder, whole)


def test_killed_again_and_again(folder: Path, whole: tuple[bytes, float]) -> None:
    for _ in range(4):
        assert run(folder, *OPTIONS, hook=die_at_event(6)).code in (KILLED, 0)
    _check(folder, whole)
