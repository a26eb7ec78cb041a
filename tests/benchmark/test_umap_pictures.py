"""UMAP panels: what is laid out, in which order, and what is told where it cannot be."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.figure import Figure

from topocraft.benchmark import Contender, Dataset, Grid, rebuild, run_grid
from topocraft.progress import Silent


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lay cells out by their first two coordinates, and count: to compile UMAP takes long."""
    counted: list[int] = []

    def layout(points: np.ndarray, *_: Any) -> np.ndarray:
        counted.append(len(points))
        return np.asarray(points[:, :2])

    monkeypatch.setattr("topocraft.benchmark.panels.umap_layout", layout)
    monkeypatch.setattr("topocraft.benchmark.panels.graph_layout", lambda graph, points, seed: layout(points))
    monkeypatch.setattr("topocraft.benchmark.panels.MOST_CELLS", 50)
    return counted


def test_panels_are_best_first_below_the_cells_before(
    demo: Dataset,
    named: Callable[..., tuple[Contender, ...]],
    runs: Any,
    tmp_path: Path,
    laid_out: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures: dict[str, Figure] = {}

    def save(figure: Figure, path: Path, **_: Any) -> None:
        figures[path.name] = figure

    monkeypatch.setattr("topocraft.benchmark.pictures.save_figure", save)
    every = [*named("noise", "fails"), *named("good"), *named("graph")]
    every[-1] = Contender(method=dataclasses.replace(every[-1].method, gives="graph"))
    grid = Grid(datasets=[dataclasses.replace(demo, umap=True)], contenders=every, controls=False, seeds=(1, 2))
    run_grid(grid, tmp_path, run=runs, progress=Silent())
    assert set(figures) == {"scores.png", "costs.png", "umap-demo.png"}
    panels = figures["umap-demo.png"].axes
    assert [panel.get_ylabel() for panel in panels[::2]] == ["unintegrated", "good", "noise", "graph"]
    assert [panel.get_title(loc="left") for panel in panels[:2]] == ["batch", "cell type"]
    assert laid_out == [50] * 4
    run_grid(grid, tmp_path, run=runs, progress=Silent())
    assert laid_out == [50] * 4, "layouts are kept"


def test_a_layout_that_fails_is_told_and_the_others_are_drawn(
    demo: Dataset,
    named: Callable[..., tuple[Contender, ...]],
    runs: Any,
    tmp_path: Path,
    laid_out: list[int],
    heard: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def layout(points: np.ndarray, *_: Any) -> np.ndarray:
        if points.shape[1] == 4:
            raise ValueError("All points are one.")
        return np.asarray(points[:, :2])

    monkeypatch.setattr("topocraft.benchmark.panels.umap_layout", layout)
    grid = Grid(datasets=[dataclasses.replace(demo, umap=True)], contenders=named("noise", "good"), controls=False)
    run_grid(grid, tmp_path, run=runs, progress=heard)
    assert "There is no UMAP of noise on demo: All points are one." in heard.warnings
    assert (tmp_path / "umap-demo.png").exists()
    assert "![umap-demo](umap-demo.png)" in (tmp_path / "table.md").read_text()


def test_of_drawn_cells_the_first_seed_is_shown_whatever_it_is(
    cells: AnnData, named: Callable[..., tuple[Contender, ...]], runs: Any, tmp_path: Path, laid_out: list[int]
) -> None:
    drawn = Dataset(name="drawn", read=lambda seed: cells[: 100 + seed], drawn=True, identity="drawn")
    grid = Grid(datasets=[drawn], contenders=named("good"), controls=False, seeds=(3, 1))
    run_grid(grid, tmp_path, run=runs, progress=Silent())
    assert (tmp_path / "umap-drawn.png").exists()


def test_cells_that_are_gone_are_told_and_the_tables_are_made_all_the_same(
    demo: Dataset,
    named: Callable[..., tuple[Contender, ...]],
    runs: Any,
    tmp_path: Path,
    laid_out: list[int],
    heard: Any,
) -> None:
    grid = Grid(datasets=[dataclasses.replace(demo, umap=True)], contenders=named("good"), controls=False)
    rows = run_grid(grid, tmp_path, run=runs, progress=Silent())
    shutil.rmtree(tmp_path / "datasets")
    pd.testing.assert_frame_equal(rebuild(tmp_path, progress=heard), rows)
    assert heard.warnings[0].startswith("There are no UMAPs of demo: its cells are gone from")
    assert not (tmp_path / "umap-demo.png").exists()
    run_grid(grid, tmp_path, run=runs, progress=Silent())
    assert (tmp_path / "umap-demo.png").exists(), "a run brings them back"
    assert len(runs.calls) == 1
