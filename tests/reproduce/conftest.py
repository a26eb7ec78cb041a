"""Runs that take no time, on cells that are few."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anndata import AnnData

from topocraft.baselines.method import Method, Output, Run
from topocraft.baselines.preparation import open_preparation
from topocraft.benchmark.records import Record
from topocraft.data import datasets
from topocraft.errors import FileError
from topocraft.metrics.suite import Score
from topocraft.simulate.demo import demo_cells

Calls = list[tuple[str, int, Mapping[str, Any] | None]]


@pytest.fixture(autouse=True)
def only_own_pictures(monkeypatch: pytest.MonkeyPatch, quick_scores: None) -> None:
    """Draw nothing of what every grid has, and score nothing: that is tested with the grids."""
    monkeypatch.setattr("topocraft.benchmark.results.write_pictures", lambda *_: [])


@pytest.fixture
def calls() -> Calls:
    return []


@pytest.fixture
def run(calls: Calls) -> Any:
    """Return what stands for ``execute``: the components with noise, and more of it for larger settings."""

    def execute(method: Method, prepared: Path, seed: int, **limits: Any) -> Run:
        calls.append((method.name, seed, limits["settings"]))
        points = open_preparation(prepared).read().obsm["X_pca"]
        noise = sum((limits["settings"] or {}).values())
        moved = points + np.random.default_rng(seed).normal(scale=1 + noise, size=points.shape)
        costs = {"seconds": 1.0, "wall_seconds": len(points) / 10, "peak_bytes": 10**6 * len(points)}
        return Run(method.name, seed, "ok", output=Output(embedding=moved.astype(np.float32)), **costs)

    return execute


@pytest.fixture(scope="session")
def cells() -> AnnData:
    return demo_cells(n_cells=160, n_genes=90, seed=2)


@pytest.fixture
def own(tmp_path: Path, cells: AnnData, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of own datasets where there is no network, and no other folder is named."""
    folder = tmp_path / "own"
    folder.mkdir()
    cells.write_h5ad(folder / "pbmc_10x_6batch.h5ad")
    monkeypatch.delenv("TOPOCRAFT_DATA", raising=False)
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(tmp_path / "cache"))
    for name in ("get", "load"):
        found = getattr(datasets, name)

        def offline(name: str, found: Any = found, **options: Any) -> Any:
            if not datasets.is_here(name, options.get("folder")):
                raise FileError("There is no network.")
            return found(name, **options)

        monkeypatch.setattr(datasets, name, offline)
    return folder


@pytest.fixture
def scored() -> Any:
    """Return a record with scores by name, of dataset and method."""

    def record(dataset: str, method: str, scores: Mapping[str, float], **values: Any) -> Record:
        found = tuple(Score(name, value) for name, value in scores.items())
        return Record(**{"dataset": dataset, "method": method, "seed": 0, "scores": found, **values})

    return record
