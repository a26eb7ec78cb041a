"""What methods gave is scored by the suite, on the cells that can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.benchmark import Contender, Dataset, Grid, jobs
from topocraft.evaluation import CONTROLS
from topocraft.metrics import islands, nmi
from topocraft.metrics.catalogue import SUITE

Named = Callable[..., tuple[Contender, ...]]
Whole = Callable[[pd.DataFrame], pd.Series]
RunGrid = Callable[..., pd.DataFrame]


def test_every_method_runs_with_every_seed_and_is_scored_by_the_suite(
    run: RunGrid, grid: Grid, runs: Any, cells: AnnData, whole: Whole, tmp_path: Path, real_scores: None
) -> None:
    rows = run(grid)
    assert runs.calls == [(name, "demo", seed, None) for seed in (0, 1) for name in ("good", "noise")]
    types = cells.obs["celltype"].astype(str).to_numpy()
    scores = whole(rows)
    for seed in (0, 1):
        assert scores["demo", "good", seed, "nmi"] == pytest.approx(nmi(islands(types, seed), types))
        noise = np.random.default_rng(seed).normal(size=(120, 4)).astype(np.float32)
        assert scores["demo", "noise", seed, "nmi"] == pytest.approx(nmi(noise, types))
    costs = rows.drop_duplicates(["method", "seed"]).set_index(["method", "seed"])
    assert costs["wall_seconds"].to_dict() == {("good", 0): 2, ("noise", 0): 2, ("good", 1): 3, ("noise", 1): 3}
    assert set(costs["n_cells"]) == {120}
    assert set(costs["n_types"]) == {cells.obs["celltype"].nunique()}
    written = {path.name for path in (tmp_path / "runs").iterdir() if path.is_file() and path.suffix != ".parquet"}
    assert written == {".lock", "grid.json", "rows.csv", "table.csv", "table.md"}


def test_cells_without_quality_are_counted_and_cells_without_a_type_are_not_scored(
    run: RunGrid, demo: Dataset, named: Named, cells: AnnData, real_scores: None
) -> None:
    poor = cells.copy()
    poor.X = poor.X.multiply(np.arange(120)[:, None] >= 7).tocsr()
    poor.obs["celltype"] = poor.obs["celltype"].where(np.arange(120) >= 20)
    grid = Grid(datasets=[dataclasses.replace(demo, read=lambda seed: poor)], contenders=named("noise"), controls=False)
    rows = run(grid)
    assert rows[["n_cells", "n_left_out"]].drop_duplicates().values.tolist() == [[113, 7]]
    types = poor.obs["celltype"][20:].astype(str).to_numpy()
    noise = np.random.default_rng(0).normal(size=(113, 4)).astype(np.float32)[13:]
    assert rows.set_index("score").loc["nmi", "value"] == pytest.approx(nmi(noise, types))


def test_controls_are_scored_once_and_not_run(
    run: RunGrid, demo: Dataset, named: Named, runs: Any, whole: Whole, real_scores: None
) -> None:
    grid = Grid(datasets=[demo], contenders=named("good"), seeds=(2,))
    rows = run(grid)
    controls = rows[rows["kind"] == "control"].drop_duplicates(["method", "seed"])
    assert controls[["method", "seed"]].values.tolist() == [[name, 2] for name in CONTROLS]
    assert {call[0] for call in runs.calls} == {"good"}
    scores = whole(rows)
    assert scores["demo", "type oracle", 2, "nmi"] > 0.95
    assert scores["demo", "types shuffled", 2, "nmi"] < 0.3
    unintegrated = dataclasses.replace(named("noise")[0].method, name="unintegrated", control=True)
    own = run(dataclasses.replace(grid, contenders=[Contender(method=unintegrated)]))
    assert own["method"].unique().tolist() == [*CONTROLS[1:], "unintegrated"]
    assert runs.calls[-1][0] == "unintegrated"


def test_without_cell_types_the_scores_that_need_none_are_given(
    run: RunGrid, demo: Dataset, named: Named, tmp_path: Path, real_scores: None
) -> None:
    bare = dataclasses.replace(demo, label_key=None)
    rows = run(Grid(datasets=[bare], contenders=named("noise")))
    assert {"within_batch_nmi", "ilisi", "pcr"} <= set(rows["score"])
    assert "composite" not in set(rows["score"])
    assert set(rows["method"]) == {"noise", "unintegrated", "types shuffled", "batch islands"}
    page = (tmp_path / "runs" / "table.md").read_text()
    assert "No run has a composite, so that nothing is ranked." in page
    assert "| method | NMI within batches | ARI within batches | iLISI | PCR batch |" in page


def test_a_graph_is_scored_on_what_graphs_allow(
    run: RunGrid, demo: Dataset, named: Named, whole: Whole, real_scores: None
) -> None:
    graph = dataclasses.replace(named("graph")[0].method, gives="graph")
    rows = run(Grid(datasets=[demo], contenders=[Contender(method=graph)], controls=False))
    scores = whole(rows)["demo", "graph", 0]
    assert scores[["nmi", "ari"]].tolist() == pytest.approx([1, 1])
    assert scores[["asw_label", "kbet", "composite", "bio", "batch"]].isna().all()
    assert "no coordinates" in rows.set_index("score").loc["composite", "why"]


def test_another_suite_scores_anew_and_runs_nothing(
    run: RunGrid, grid: Grid, runs: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    grid = dataclasses.replace(grid, seeds=(0,))
    run(grid)
    n_rows = len(list((tmp_path / "runs" / "rows").iterdir()))
    monkeypatch.setattr(jobs, "SUITE", SUITE + 1)
    runs.calls.clear()
    run(grid)
    assert runs.calls == []
    assert len(list((tmp_path / "runs" / "rows").iterdir())) == 2 * n_rows
