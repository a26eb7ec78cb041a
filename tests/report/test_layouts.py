"""Places found in another process are those found in this one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from topocraft.plot import umap_layout
from topocraft.report import layouts

POINTS = np.random.default_rng(0).normal(size=(40, 5))


def test_the_other_process_finds_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "WORTHWHILE", 4)
    monkeypatch.setattr(layouts, "granted_cores", lambda: 2)
    started: list[list[str]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **rest: started.append(command) or popen(command, **rest))
    monkeypatch.setattr(layouts, "_here", lambda points, seed: pytest.fail("it was computed here"))
    with layouts.laid_out([POINTS, POINTS[:30]], 3) as places:
        found = places()
    assert len(started) == 1
    assert all((one == umap_layout(points, 3)).all() for one, points in zip(found, (POINTS, POINTS[:30]), strict=True))


@pytest.mark.parametrize(("cores", "executable"), [(1, sys.executable), (2, "/bin/false")])
def test_without_another_process_the_places_are_found_here(
    monkeypatch: pytest.MonkeyPatch, cores: int, executable: str
) -> None:
    monkeypatch.setattr(layouts, "WORTHWHILE", 4)
    monkeypatch.setattr(layouts, "granted_cores", lambda: cores)
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: points[:, :2] + seed)
    with layouts.laid_out([POINTS], 3) as places:
        assert (places()[0] == POINTS[:, :2] + 3).all()
