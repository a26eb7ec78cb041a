"""Pictures show the numbers: where a circle is, how large, how long a bar."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.patches import Circle, Rectangle

from topocraft.benchmark import costs_figure, scores_figure, slopes, tidy
from topocraft.benchmark.circles import BAR, COLOURS, LARGEST, TRACK
from topocraft.benchmark.costs import costs_of
from topocraft.benchmark.records import Record
from topocraft.errors import ConfigError
from topocraft.metrics.catalogue import CATALOGUE, members
from topocraft.metrics.suite import Score

Scored = Callable[..., Record]
OVERALL = {"first": 0.7, "second": 0.5, "worst": 0.3}


@pytest.fixture
def rows(scored: Scored) -> pd.DataFrame:
    composites = {"second": (0.4, 0.6), "first": (0.6, 0.8), "worst": (0.2, 0.4)}
    return tidy(
        scored(dataset, name, 0, value, kind="control" if name == "worst" else "method")
        for name, values in composites.items()
        for dataset, value in zip(("a", "b"), values, strict=True)
    )


def _words(panel: Axes) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for text in panel.texts:
        found.setdefault(text.get_text(), []).append(text.get_position())
    return found


def _circles(panel: Axes) -> list[Circle]:
    return [patch for patch in panel.patches if isinstance(patch, Circle)]


def _bars(panel: Axes) -> list[Rectangle]:
    found = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
    return [patch for patch in found if patch.get_facecolor() != to_rgba(TRACK)]


def test_methods_stand_in_the_order_of_their_places(rows: pd.DataFrame) -> None:
    (panel,) = scores_figure(rows).axes
    words = _words(panel)
    heights = {name: words[name][0][1] for name in OVERALL}
    assert heights["first"] > heights["second"] > heights["worst"]
    assert words["1"][0][1] == heights["first"]
    assert words["2"][0][1] == heights["second"]
    assert "3" not in words, "a control has no place"
    assert words["controls"][0][1] > heights["worst"]


def test_of_a_grid_circles_are_datasets_and_bars_their_means(rows: pd.DataFrame) -> None:
    (panel,) = scores_figure(rows).axes
    assert all(len(_words(panel)[name]) == 3 for name in ("a", "b", "mean"))
    assert len(_circles(panel)) == 3 * 2 * 3
    height = _words(panel)["first"][0][1]
    widths = [bar.get_width() / (BAR - 0.16) for bar in _bars(panel) if bar.get_y() < height < bar.get_y() + 0.3]
    assert widths == pytest.approx([OVERALL["first"] + 0.1, OVERALL["first"] - 0.15, OVERALL["first"]])


def test_circles_grow_and_deepen_from_the_worst_to_the_best_of_a_column(rows: pd.DataFrame) -> None:
    (panel,) = scores_figure(rows).axes
    by_column: dict[float, list[Circle]] = {}
    for circle in sorted(_circles(panel), key=lambda one: -one.center[1]):
        by_column.setdefault(round(circle.center[0], 3), []).append(circle)
    assert len(by_column) == 6
    for circles in by_column.values():
        assert [2 * circle.radius / LARGEST for circle in circles] == pytest.approx([1, 0.8, 0.6])
        best, *others = (np.array(circle.get_facecolor()[:3]) for circle in circles)
        assert any(np.allclose(best, to_rgb(colour)) for colour in COLOURS.values())
        np.testing.assert_allclose([(1 - other) / (1 - best) for other in others], [[0.65] * 3, [0.3] * 3])


def test_of_one_dataset_circles_are_scores(scored: Scored) -> None:
    names = (*members("bio"), *members("batch"))
    values = {name: (number + 1) / 20 for number, name in enumerate(names)}
    values |= {"bio": 0.4, "batch": 0.6, "composite": 0.48}
    values["kbet"] = math.nan
    record = Record(
        dataset="a", method="mine", seed=0, scores=tuple(Score(name, value) for name, value in values.items())
    )
    (panel,) = scores_figure(tidy([record])).axes
    words = _words(panel)
    assert all(len(words[CATALOGUE[name].title]) == 1 for name in names)
    assert len(_circles(panel)) == len(names) - 1
    assert words["NA"][0][0] == pytest.approx(words["kBET"][0][0], abs=0.05)
    assert words[".480"]
    assert words[".05"][0][0] == pytest.approx(words["NMI"][0][0], abs=0.05)


def test_nothing_is_cut_off(scored: Scored) -> None:
    long = "a_dataset_with_a_name_that_is_far_too_long"
    rows = tidy(
        [scored(long, "a method with a long name, λ_T = 0.25"), scored("b", "a method with a long name, λ_T = 0.25")]
    )
    figure = scores_figure(rows)
    figure.draw_without_rendering()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
        assert box.y1 <= figure.bbox.y1, text.get_text()


def test_a_dataset_that_is_not_there_is_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="dataset must be one of 'a', 'b'; got 'c'"):
        scores_figure(rows, "c")


def _costs(method: str, slope: float, sizes: tuple[int, ...] = (100, 1000, 10_000)) -> list[Record]:
    costs = [{"n_cells": size, "wall_seconds": size**slope, "peak_bytes": 1e6 * size**0.5} for size in sizes]
    return [Record(dataset=str(cost["n_cells"]), method=method, seed=0, **cost) for cost in costs]


def test_slopes_are_of_the_logarithms() -> None:
    rows = tidy([*_costs("square", 2.0), *_costs("line", 1.0), *_costs("short", 1.0, (100, 1000))])
    found = slopes(rows)
    assert found["wall_seconds"].tolist() == pytest.approx([2, 1, math.nan], nan_ok=True)
    assert found["peak_bytes"].tolist() == pytest.approx([0.5, 0.5, math.nan], nan_ok=True)


def test_three_sizes_of_a_series_are_curves() -> None:
    figure = costs_figure(tidy([*_costs("square", 2.0), *_costs("line", 1.0)]))
    seconds, memory = figure.axes
    assert [text.get_text() for text in seconds.get_legend().get_texts()] == ["square (2.00)", "line (1.00)"]
    assert seconds.lines[0].get_xydata().tolist() == [[100, 1e4], [1000, 1e6], [10_000, 1e8]]
    shown = seconds.xaxis.get_major_formatter()
    assert [shown(cells) for cells in (500, 1000, 2e4, 1e6, 2.5e6)] == ["500", "1k", "20k", "1M", "2.5M"]
    assert memory.lines[0].get_ydata().tolist() == pytest.approx([0.01, 0.0316227766, 0.1])
    assert (seconds.get_xscale(), seconds.get_yscale()) == ("log", "log")


@pytest.mark.parametrize(
    ("name", "is_size"),
    [("{:,} cells", True), ("{}", True), ("{}k", False), ("{} mice", False), ("set{}", False), ("{}.h5ad", False)],
)
def test_datasets_named_by_their_sizes_are_a_series(name: str, is_size: bool) -> None:
    rows = tidy(dataclasses.replace(one, dataset=name.format(one.n_cells)) for one in _costs("line", 1.0))
    assert slopes(rows)["wall_seconds"].notna().tolist() == [is_size]
    assert (costs_figure(rows).axes[0].get_yscale() == "log") == is_size


def _dots(panel: Axes) -> dict[str, list[list[float]]]:
    """Return seconds and lines of the dots, by dataset."""
    return {str(dots.get_label()): np.asarray(dots.get_offsets()).tolist() for dots in panel.collections}


@pytest.mark.parametrize("sizes", [(100, 1000), (90, 100, 110)])
def test_few_sizes_and_sizes_that_hardly_differ_are_dots(sizes: tuple[int, ...]) -> None:
    rows = tidy([*_costs("line", 1.0, sizes), *_costs("half", 0.5, sizes)])
    assert slopes(rows)["wall_seconds"].isna().all()
    seconds, memory = costs_figure(rows).axes
    assert [label.get_text() for label in seconds.get_yticklabels()] == ["line", "half"]
    assert _dots(seconds) == {str(size): [[size, 0], [pytest.approx(size**0.5), -1]] for size in sizes}
    assert [text.get_text() for text in memory.get_legend().get_texts()] == [str(size) for size in sizes]


def test_datasets_of_other_cells_make_no_curve_and_those_of_one_size_are_kept_apart() -> None:
    sizes = {"blood": 100, "skin": 100, "lung": 2000}
    rows = tidy(
        Record(dataset=name, method="x", seed=seed, n_cells=n, wall_seconds=len(name) + seed, peak_bytes=1e9)
        for name, n in sizes.items()
        for seed in (0, 2)
    )
    assert slopes(rows)["wall_seconds"].isna().all()
    assert costs_of(rows)[["dataset", "n_cells", "wall_seconds"]].values.tolist() == [
        ["blood", 100, 6],
        ["skin", 100, 5],
        ["lung", 2000, 5],
    ]
    panel = costs_figure(rows).axes[0]
    assert _dots(panel) == {"blood": [[6, 0]], "skin": [[5, 0]], "lung": [[5, 0]]}
    assert (panel.get_xscale(), panel.get_xlim()[0]) == ("linear", 0)


def test_costs_on_one_dataset_have_their_figures_beside_them() -> None:
    seconds = {"fast": 2.0, "slow": 1234.0}
    rows = tidy(
        Record(dataset="a", method=name, seed=0, n_cells=9, wall_seconds=value, peak_bytes=1e9)
        for name, value in seconds.items()
    )
    panel, memory = costs_figure(rows).axes
    assert [(text.get_text(), text.xy) for text in panel.texts] == [("2", (2.0, 0)), ("1,234", (1234.0, -1))]
    assert panel.get_xscale() == "log", "far apart"
    assert memory.get_legend() is None


@pytest.mark.parametrize("sizes", [(100, 200, 400), (100,)])
def test_names_are_drawn_as_they_are_and_never_as_formulas(sizes: tuple[int, ...]) -> None:
    figure = costs_figure(tidy(_costs(r"$\bad{$", 1.0, sizes)))
    figure.savefig(io.BytesIO())
    legend, ticks = figure.axes[0].get_legend(), figure.axes[0].get_yticklabels()
    names = [text.get_text() for text in (legend.texts if legend else ticks)]
    assert names[0].startswith(r"\$\bad{\$")


def test_many_methods_have_marks_of_their_own() -> None:
    figure = costs_figure(tidy([record for number in range(12) for record in _costs(f"m{number}", 1.0)]))
    styles = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(styles) == 12


def test_runs_that_did_not_end_well_cost_nothing() -> None:
    failed = [dataclasses.replace(record, status="timed out") for record in _costs("slow", 1.0, (5,))]
    assert "slow" not in slopes(tidy([*_costs("line", 1.0), *failed])).index
