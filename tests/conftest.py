"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_cells import real_cells

from topocraft.hardware import let_waiting_threads_sleep
from topocraft.progress import Silent

ROOT = Path(__file__).parents[1]

let_waiting_threads_sleep()  # before any test imports torch


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return the path of a data set by file name; where it is missing, see ``real_cells``."""
    return lambda name: real_cells(name, ROOT / "../shared/data", os.environ)


class Heard(Silent):
    """Remembers what the pipeline told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int | None]] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def phase(self, name: str, total: int | None = None) -> None:
        self.phases.append((name, total))

    def advance(self, note: str = "") -> None:
        self.notes.append(note)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def quick_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let benchmarks score in no time: every score is the mean of the first column."""
    from topocraft.evaluation import CONTROLS
    from topocraft.metrics.suite import Score

    names = ("composite", "bio", "batch", "nmi", "ari", "within_batch_nmi", "within_batch_ari")

    def score(points: np.ndarray, _: object) -> tuple[Score, ...]:
        return tuple(Score(name, float(np.mean(points[:, 0]))) for name in names)

    def controls(judged: Any) -> dict[str, np.ndarray]:
        return {name: np.full((len(judged.batch), 2), place / 10) for place, name in enumerate(CONTROLS)}

    monkeypatch.setattr("topocraft.benchmark.scorer.make_reference", lambda judged, values, seed: judged)
    monkeypatch.setattr("topocraft.benchmark.scorer.score_embedding", score)
    monkeypatch.setattr("topocraft.benchmark.scorer.score_graph", lambda graph, _: (Score("nmi", 0.5),))
    monkeypatch.setattr("topocraft.benchmark.scorer.control_embeddings", controls)


@pytest.fixture
def heard() -> Heard:
    return Heard()
