"""A grid to its end: every run once, every failure a row, nothing stale."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.benchmark import Contender, Dataset, Grid, jobs, rebuild, run_grid
from topocraft.benchmark.folder import Folder
from topocraft.errors import FileError, InputError
from topocraft.evaluation import CONTROLS
from topocraft.metrics import islands, nmi
from topocraft.metrics.catalogue import SUITE
from topocraft.progress import Silent

Named = Callable[..., tuple[Contender, ...]]
Whole = Callable[[pd.DataFrame], pd.Series]
RunGrid = Callable[..., pd.DataFrame]


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


def _statuses(rows: pd.DataFrame) -> dict[str, str]:
    return dict(zip(rows["method"], rows["status"], strict=True))


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


def test_what_is_there_is_not_run_again(run: RunGrid, grid: Grid, runs: Any, tmp_path: Path) -> None:
    first = run(grid)
    tables = {name: (tmp_path / "runs" / name).read_bytes() for name in ("rows.csv", "table.csv", "table.md")}
    runs.calls.clear()
    pd.testing.assert_frame_equal(run(grid), first)
    assert runs.calls == []
    assert {name: (tmp_path / "runs" / name).read_bytes() for name in tables} == tables
    pd.testing.assert_frame_equal(rebuild(tmp_path / "runs", progress=Silent()), first)


def test_more_seeds_and_methods_add_to_what_is_there(run: RunGrid, unscored: Grid, runs: Any, named: Named) -> None:
    run(unscored)
    runs.calls.clear()
    larger = dataclasses.replace(unscored, seeds=(0, 1, 2), contenders=named("graph", "good", "noise"))
    rows = run(larger)
    assert [call[:3] for call in runs.calls] == [
        ("graph", "demo", 0),
        ("graph", "demo", 1),
        ("graph", "demo", 2),
        ("good", "demo", 2),
        ("noise", "demo", 2),
    ]
    assert rows["method"].unique().tolist() == ["graph", "good", "noise"]


@pytest.mark.parametrize("changed", ["settings", "program", "cells", "types", "threads"])
def test_a_row_of_another_run_is_not_taken_for_this_one(
    run: RunGrid, demo: Dataset, runs: Any, tmp_path: Path, named: Named, changed: str, cells: AnnData
) -> None:
    program = tmp_path / "good.py"
    program.write_text("def integrate(adata, seed):\n    return adata.X\n")
    method = dataclasses.replace(named("good")[0].method, program=str(program))
    grid = Grid(datasets=[demo], contenders=[Contender(method=method)], controls=False, scored=False)
    run(grid)
    if changed == "settings":
        grid = dataclasses.replace(grid, contenders=[Contender(method=method, settings={"theta": 2})])
    elif changed == "program":
        program.write_text("def integrate(adata, seed):\n    return adata.X + 1\n")
    elif changed == "threads":
        grid = dataclasses.replace(grid, threads=1)
    else:
        other = cells.copy()
        if changed == "cells":
            other.X.data[0] += 1
        else:
            other.obs["celltype"] = other.obs["celltype"].cat.rename_categories({"common 1": "other"})
        grid = dataclasses.replace(grid, datasets=[dataclasses.replace(demo, read=lambda seed: other, identity="2")])
    runs.calls.clear()
    run(grid)
    assert len(runs.calls) == 1
    run(grid)
    assert len(runs.calls) == 1


def test_words_in_a_program_and_another_identity_of_the_same_cells_change_nothing(
    run: RunGrid, demo: Dataset, runs: Any, tmp_path: Path, named: Named
) -> None:
    program = tmp_path / "good.py"
    program.write_text("def integrate(adata, seed):\n    return adata.X\n")
    method = dataclasses.replace(named("good")[0].method, program=str(program))
    grid = Grid(datasets=[demo], contenders=[Contender(method=method)], controls=False, scored=False)
    run(grid)
    program.write_text(
        '"""What it does."""\n\n\ndef integrate(adata, seed):\n    """Say."""\n    return adata.X  # so\n'
    )
    moved = dataclasses.replace(demo, identity="moved")
    run(dataclasses.replace(grid, datasets=[moved]))
    run(dataclasses.replace(grid, datasets=[dataclasses.replace(demo, identity="")]))
    assert len(runs.calls) == 1


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


def test_a_run_that_does_not_end_well_is_a_row_and_is_retried_when_asked(
    run: RunGrid, demo: Dataset, named: Named, runs: Any, tmp_path: Path
) -> None:
    every = named("fails", "slow", "large", "absent", "good")
    grid = Grid(datasets=[demo], contenders=every, controls=False, scored=False)
    rows = run(grid)
    ends = {"fails": "failed", "slow": "timed out", "large": "out of memory", "absent": "not installed", "good": "ok"}
    assert _statuses(rows) == ends
    reasons = rows.set_index("method")["reason"]
    assert reasons["fails"] == "ValueError: no."
    assert reasons["large"] == "Stopped at 31.0 GB, above the limit of memory."
    page = (tmp_path / "runs" / "table.md").read_text()
    assert "| `demo` | slow | 0 | timed out | Stopped after 2 h, the limit of time. |" in page
    (row,) = (tmp_path / "runs" / "rows").glob("demo.fails.*")
    assert '"log": "one\\ntwo"' in row.read_text()
    runs.calls.clear()
    run(grid)
    assert runs.calls == []
    run(grid, retry=True)
    assert [call[0] for call in runs.calls] == ["fails", "slow", "large", "absent"]


def test_a_dataset_that_cannot_be_had_is_a_row(
    run: RunGrid, demo: Dataset, named: Named, runs: Any, heard: Any
) -> None:
    def nowhere(seed: int) -> AnnData:
        raise FileError("It is at an address that is gone.")

    grid = Grid(
        datasets=[Dataset(name="gone", read=nowhere), demo], contenders=named("good"), controls=False, scored=False
    )
    rows = run(grid, progress=heard)
    assert rows[["dataset", "status", "reason"]].values.tolist() == [
        ["gone", "no data", "It is at an address that is gone."],
        ["demo", "ok", ""],
    ]
    assert "gone cannot be had: It is at an address that is gone." in heard.warnings
    with pytest.raises(InputError, match="at an address that is gone"):
        run(dataclasses.replace(grid, datasets=grid.datasets[:1]))


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


def test_drawn_cells_differ_from_seed_to_seed(run: RunGrid, named: Named, cells: AnnData) -> None:
    read = []

    def draw(seed: int) -> AnnData:
        read.append(seed)
        return cells[: 100 + seed]

    drawn = Dataset(name="drawn", read=draw, drawn=True, identity="drawn", umap=False)
    grid = Grid(datasets=[drawn], contenders=named("good"), seeds=(0, 5), controls=False, scored=False)
    assert run(grid)[["seed", "n_cells"]].values.tolist() == [[0, 100], [5, 105]]
    run(grid)
    assert read == [0, 5]


def test_drawn_cells_are_removed_when_done_and_drawn_again_when_needed(
    run: RunGrid, named: Named, cells: AnnData, tmp_path: Path
) -> None:
    read = []

    def draw(seed: int) -> AnnData:
        read.append(seed)
        return cells[: 100 + seed]

    drawn = Dataset(name="drawn", read=draw, drawn=True, identity="drawn", umap=False)
    grid = Grid(datasets=[drawn], contenders=named("good"), seeds=(0, 5), controls=False, scored=False)
    first = run(grid)
    kept = [path for path in (tmp_path / "runs" / "datasets").iterdir() if path.is_dir()]
    assert len(kept) == 1
    pd.testing.assert_frame_equal(run(grid), first)
    assert read == [0, 5], "to find that all is done, nothing is drawn"
    rows = run(dataclasses.replace(grid, contenders=named("good", "noise")))
    assert read == [0, 5, 5]
    assert rows["n_cells"].tolist() == [100, 100, 105, 105]


def test_settings_and_limits_reach_the_run(demo: Dataset, named: Named, runs: Any, tmp_path: Path) -> None:
    limits: list[Mapping[str, Any]] = []

    def run(*asked: Any, **given: Any) -> Any:
        limits.append(given)
        return runs(*asked, **given)

    contender = dataclasses.replace(named("good")[0], name="gentle", settings={"theta": 1})
    wanted = {"time_limit": 60.0, "memory_limit": 1e9, "threads": 1}
    grid = Grid(datasets=[demo], contenders=[contender], controls=False, scored=False, **wanted)
    rows = run_grid(grid, tmp_path, run=run, progress=Silent())
    assert limits == [{"settings": {"theta": 1}, **wanted}]
    assert rows[["method", "program", "settings"]].values.tolist() == [["gentle", "good", '{"theta": 1}']]


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


def test_an_output_that_cannot_be_scored_is_a_failure_and_not_the_end(
    run: RunGrid, demo: Dataset, named: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise InputError("It is not finite.")

    monkeypatch.setattr("topocraft.benchmark.bench.score_embedding", refuse)
    rows = run(Grid(datasets=[demo], contenders=named("good", "noise"), controls=False))
    assert _statuses(rows) == {"good": "failed", "noise": "failed"}
    assert set(rows["reason"]) == {"It ended well and cannot be scored: It is not finite."}


def test_progress_is_of_all_runs_that_are_left(run: RunGrid, unscored: Grid, heard: Any) -> None:
    run(dataclasses.replace(unscored, seeds=(0,)))
    run(unscored, progress=heard)
    assert [phase for phase in heard.phases if phase[0] != "draw"] == [("prepare", 1), ("run", 2)]
    assert heard.notes[:3] == ["demo", "good on demo", "noise on demo"]


def test_a_second_process_is_told_who_holds_the_folder(run: RunGrid, unscored: Grid, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "runs")
    folder.create()
    with folder.locked(), pytest.raises(FileError, match=r"Only one benchmark may write .* process \d+ writes into"):
        run(unscored)
    run(unscored)


def test_a_damaged_file_is_named(run: RunGrid, unscored: Grid, tmp_path: Path) -> None:
    run(unscored)
    row = next((tmp_path / "runs" / "rows").glob("demo.good.0.*"))
    text = row.read_text()
    row.write_text(text[:50])
    with pytest.raises(FileError, match=r"demo\.good\..*must be a row; it is damaged"):
        run(unscored)
    row.unlink()
    output = next((tmp_path / "runs" / "outputs").glob("demo.good.0.*"))
    output.write_bytes(output.read_bytes()[:50])
    with pytest.raises(FileError, match="must be an output of a benchmark; it is damaged"):
        run(unscored)


def test_no_folder_of_a_benchmark_has_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="has none that can be read"):
        rebuild(tmp_path, progress=Silent())
