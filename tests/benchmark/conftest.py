"""Small cells, and methods that take no time: a run without a process, whose end is in its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.baselines.method import Method, Output, Run
from topocraft.baselines.preparation import open_preparation
from topocraft.benchmark import Contender, Dataset, Grid, run_grid
from topocraft.benchmark.records import Record
from topocraft.metrics import islands
from topocraft.metrics.suite import Score
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells

Named = Callable[..., tuple[Contender, ...]]
RunGrid = Callable[..., pd.DataFrame]
GIGABYTE = 10**9
ENDINGS = {
    "fails": Run("fails", 0, "failed", "ValueError: no.", log="one\ntwo", wall_seconds=1.0, peak_bytes=GIGABYTE),
    "slow": Run("slow", 0, "timed out", "Stopped after 2 h, the limit of time."),
    "large": Run("large", 0, "out of memory", "Stopped at 31.0 GB, above the limit of memory."),
    "absent": Run("absent", 0, "not installed", "Its library is not there."),
}


def fake_method(name: str, **values: Any) -> Method:
    """Return a method that exists by name alone."""
    texts = dict.fromkeys(("title", "summary", "licence", "homepage", "doi"), name)
    return Method(**{"name": name, "program": f"/nowhere/{name}.py", **texts, **values})


class FakeRuns:
    """Stands for ``execute``: counts its calls, and gives islands of types ("good"), or noise, or a graph."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int, Mapping[str, Any] | None]] = []

    def __call__(self, method: Method, prepared: Path, seed: int, **limits: Any) -> Run:
        self.calls.append((method.name, prepared.name.partition(".")[0], seed, limits["settings"]))
        if method.name in ENDINGS:
            return ENDINGS[method.name]
        adata = open_preparation(prepared).read()
        done = partial(Run, method.name, seed, "ok", seconds=1.0, wall_seconds=2.0 + seed, peak_bytes=GIGABYTE)
        return done(output=_output(method.name, adata, seed))


def _output(name: str, adata: AnnData, seed: int) -> Output:
    if name == "graph":
        types = adata.obs["celltype"].astype(str).to_numpy()
        return Output(graph=sparse.csr_matrix((types[:, None] == types).astype(np.float32)))
    if name == "good":
        return Output(embedding=islands(adata.obs["celltype"].astype(str).to_numpy(), seed))
    return Output(embedding=np.random.default_rng(seed).normal(size=(adata.n_obs, 4)).astype(np.float32))


@pytest.fixture(autouse=True)
def no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, but for tests of pictures: it takes longer than all the rest."""
    if "pictures" not in request.module.__name__:
        monkeypatch.setattr("topocraft.benchmark.results.write_pictures", lambda *_: [])


@pytest.fixture
def real_scores() -> None:
    """Score by the suite: tests ask for it where they look at scores, and pay for it."""


@pytest.fixture(autouse=True)
def scores_or_none(request: pytest.FixtureRequest) -> None:
    if "real_scores" not in request.fixturenames:
        request.getfixturevalue("quick_scores")


@pytest.fixture
def runs() -> FakeRuns:
    return FakeRuns()


@pytest.fixture
def named() -> Callable[..., tuple[Contender, ...]]:
    """Return contenders of made-up methods, by name."""
    return lambda *names: tuple(Contender(method=fake_method(name)) for name in names)


@pytest.fixture(scope="session")
def cells() -> AnnData:
    return demo_cells(n_cells=120, n_genes=80, seed=1)


@pytest.fixture
def demo(cells: AnnData) -> Dataset:
    return Dataset(name="demo", read=lambda seed: cells, identity="demo", umap=False)


@pytest.fixture
def scored() -> Callable[..., Record]:
    """Return a record with scores, by name of dataset, method, seed and composite."""

    def record(dataset: str, method: str, seed: int = 0, composite: float = 0.5, **values: Any) -> Record:
        halves = {"composite": composite, "bio": composite + 0.1, "batch": composite - 0.15, "nmi": composite}
        scores = tuple(Score(name, value) for name, value in halves.items())
        costs = {"wall_seconds": 2.0, "peak_bytes": 2e8, "n_cells": 100, "n_batches": 2}
        return Record(dataset=dataset, method=method, seed=seed, **{"scores": scores, **costs, **values})

    return record


@pytest.fixture
def whole() -> Callable[[pd.DataFrame], pd.Series]:
    """Return the scores of all cells in a table of rows, by dataset, method, seed and score."""

    def scores(rows: pd.DataFrame) -> pd.Series:
        chosen = rows[(rows["part"] == "") & (rows["score"] != "")]
        return chosen.set_index(["dataset", "method", "seed", "score"])["value"]

    return scores


@pytest.fixture
def run(tmp_path: Path, runs: Any) -> RunGrid:
    """Run a grid in one folder, with runs that take no time."""

    def call(grid: Grid, **options: Any) -> pd.DataFrame:
        return run_grid(grid, tmp_path / "runs", run=runs, **{"progress": Silent(), **options})

    return call


@pytest.fixture
def grid(demo: Dataset, named: Named) -> Grid:
    return Grid(datasets=[demo], contenders=named("good", "noise"), seeds=(0, 1), controls=False)


@pytest.fixture
def unscored(grid: Grid) -> Grid:
    return dataclasses.replace(grid, scored=False)
