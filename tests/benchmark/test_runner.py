"""A grid to its end: every run once, nothing stale."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from anndata import AnnData

from topocraft.benchmark import Contender, Dataset, Grid, rebuild, run_grid
from topocraft.progress import Silent

Named = Callable[..., tuple[Contender, ...]]
Whole = Callable[[pd.DataFrame], pd.Series]
RunGrid = Callable[..., pd.DataFrame]


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


def test_progress_is_of_all_runs_that_are_left(run: RunGrid, unscored: Grid, heard: Any) -> None:
    run(dataclasses.replace(unscored, seeds=(0,)))
    run(unscored, progress=heard)
    assert [phase for phase in heard.phases if phase[0] != "draw"] == [("prepare", 1), ("run", 2)]
    assert heard.notes[:3] == ["demo", "good on demo", "noise on demo"]
