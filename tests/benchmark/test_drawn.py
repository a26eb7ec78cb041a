"""Cells that are drawn anew for every seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from anndata import AnnData

from topocraft.benchmark import Contender, Dataset, Grid

Named = Callable[..., tuple[Contender, ...]]
RunGrid = Callable[..., pd.DataFrame]


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


@pytest.mark.parametrize("later", ["gone", "other cells"])
def test_cells_that_cannot_be_drawn_again_are_told_and_the_rest_goes_on(
    run: RunGrid, named: Named, demo: Dataset, cells: AnnData, heard: Any, later: str
) -> None:
    read = []

    def draw(seed: int) -> AnnData:
        read.append(seed)
        if read.count(5) == 2 and later == "gone":
            raise RuntimeError("The disk is gone.")
        return cells[: 100 + len(read)]

    drawn = Dataset(name="drawn", read=draw, drawn=True, identity="drawn", umap=False)
    grid = Grid(datasets=[drawn, demo], contenders=named("good"), seeds=(0, 5), controls=False, scored=False)
    run(grid)
    rows = run(dataclasses.replace(grid, contenders=named("good", "noise")), progress=heard)
    told = "RuntimeError: The disk is gone." if later == "gone" else "they have changed. Run the same command again."
    assert heard.warnings[0].startswith("drawn cannot be had any more, 1 run is left out: ")
    assert heard.warnings[0].endswith(told)
    assert rows.loc[rows["method"] == "noise", ["dataset", "seed", "status"]].values.tolist() == [
        ["drawn", 0, "ok"],
        ["drawn", 5, "not run yet"],
        ["demo", 0, "ok"],
        ["demo", 5, "ok"],
    ]


def test_what_is_known_of_cells_may_be_damaged(run: RunGrid, named: Named, cells: AnnData, tmp_path: Path) -> None:
    drawn = Dataset(name="drawn", read=lambda seed: cells[: 100 + seed], drawn=True, identity="drawn", umap=False)
    grid = Grid(datasets=[drawn], contenders=named("good"), seeds=(0, 5), controls=False, scored=False)
    first = run(grid)
    for path in (tmp_path / "runs" / "datasets").glob("*.json"):
        path.write_text("{}")
    pd.testing.assert_frame_equal(run(grid), first)
