"""Layouts in another process: the protocol, and what happens without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from topocraft.report import layouts

POINTS = np.random.default_rng(0).normal(size=(40, 5))


class _Child:
    """Does in this process what the other one would."""

    def __init__(self, command: list[str], **_: object) -> None:
        assert command[1:4] == ["-P", "-m", "topocraft.report.layouts"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", command[3:])
            layouts.main()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def wait(self) -> int:
        return 0

    kill = wait


def test_the_other_process_reads_the_points_and_leaves_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "WORTHWHILE", 4)
    monkeypatch.setattr(layouts, "granted_cores", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", _Child)
    monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: points[:, :2] + seed)
    with layouts.laid_out([POINTS, POINTS[:30]], 3) as places:
        monkeypatch.setattr(layouts, "_here", lambda points, seed: pytest.fail("it was computed here"))
        found = places()
    assert [array.tolist() for array in found] == [(POINTS[:, :2] + 3).tolist(), (POINTS[:30, :2] + 3).tolist()]


def test_the_other_process_starts(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-P", "-m", "topocraft.report.layouts", str(tmp_path), "0", "0"], check=True)


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
