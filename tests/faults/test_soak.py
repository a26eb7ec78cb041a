"""Integrations killed at random for as long as is asked: ``make soak``."""

from __future__ import annotations

from pathlib import Path

import mortals
import numpy as np
import pytest
from mortals import die_at_event, kill_after, run
from soaking import SEED, Soak

EVENTS = 29
"""Operations on files from the first checkpoint to where the result is whole and its checkpoint about to go."""


@pytest.mark.soak
def test_kills_at_random_moments_lose_nothing(tmp_path: Path, cells: Path, whole: tuple[bytes, float]) -> None:
    """Every round kills one integration up to four times, resumes it, and compares the bytes."""
    soak = Soak("killed-integrate")
    for number in soak.rounds():
        place = tmp_path / str(number)
        place.mkdir()
        (place / "cells.h5ad").write_bytes(cells.read_bytes())
        output = str(soak.draws.choice(["out.h5ad", "out.zarr"]))
        options = ("-o", output, "--save-model", "model", "--checkpoint-every", "0", "--resume")
        for _ in range(soak.draws.integers(1, 5)):
            soak.tried["kills"] += _kill(place, options, soak.draws, whole[1])
        ended = run(place, *options)
        done = ended.code == 1 and f"'{output}' does." in ended.said  # the last kill came too late
        assert ended.code == 0 or done, (SEED, number, ended.said)
        assert mortals.embedding(place / output) == whole[0], (SEED, number)
        soak.tried["runs that went on"] += ended.code == 0


def _kill(place: Path, options: tuple[str, ...], draws: np.random.Generator, seconds: float) -> bool:
    """Kill a run at a random moment or at a random operation on files; tell whether it was still alive."""
    if draws.random() < 0.5:
        return kill_after(place, draws.uniform(0, seconds), *options).code == -9
    return run(place, *options, hook=die_at_event(int(draws.integers(1, EVENTS)))).code == -9
