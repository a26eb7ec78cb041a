"""Time and memory of methods: curves over a series of sizes, and a dot for every dataset of other grids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topocraft.benchmark.ranking import ranking
from topocraft.benchmark.rows import runs_of
from topocraft.plot import PALETTE
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vP"
FEWEST_SIZES, LEAST_RANGE = 3, 4
"""Curves and slopes need so many sizes, the largest at least so many times the smallest."""
SIZE = re.compile(r"(\d[\d,.]*)([kM]?)( cells)?")
"""Name of a dataset that is one size of a series, as ``20000``, ``20k`` or ``20,000 cells``."""
UNITS, NEARLY = {"": 1.0, "k": 1e3, "M": 1e6}, 0.1
"""How far the number of cells, with those left out, may be from the size."""
FAR_APART = 100
"""Costs of which the largest is more than so many times the smallest are drawn on a logarithmic axis."""
PANELS = (("wall_seconds", 1.0, "wall time (s)"), ("peak_bytes", 1e9, "peak memory (GB)"))


def costs_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what methods cost by dataset: medians of ``n_cells``, ``n_left_out``, ``wall_seconds`` and ``peak_bytes``.

    Methods come in the order of the ranking, their datasets from the smallest; runs that did not end well are left out.
    """
    runs = runs_of(rows)
    runs = runs[(runs["status"] == "ok") & runs["wall_seconds"].notna()]
    order = {method: place for place, method in enumerate(ranking(rows)["method"])}
    found = runs.groupby(["method", "dataset"], sort=False)[["n_cells", "n_left_out", "wall_seconds", "peak_bytes"]]
    found = found.median().reset_index().astype({"n_cells": int, "n_left_out": int})
    return found.sort_values(
        ["method", "n_cells"],
        key=lambda column: column.map(order) if column.name == "method" else column,
        kind="stable",
    )


def slopes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how costs grow with the number of cells: log-log slopes by least squares.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them.

    Returns
    -------
    pandas.DataFrame
        Indexed by method: ``wall_seconds`` and ``peak_bytes``, 1 where ten times the cells cost ten times as much;
        ``n_sizes``. NaN where the datasets are no series: one is not named by its size, as "20k" or "20,000 cells",
        there are fewer than three sizes, or the largest is less than four times the smallest.

    Examples
    --------
    >>> from topocraft.benchmark import slopes, tidy
    >>> from topocraft.benchmark.records import Record
    >>> records = [
    ...     Record(dataset=str(n), method="mine", seed=0, n_cells=n, wall_seconds=n / 10, peak_bytes=100 * n**0.5)
    ...     for n in (100, 1000, 10000)
    ... ]
    >>> slopes(tidy(records)).round(2).loc["mine"].tolist()
    [1.0, 0.5, 3.0]
    """
    costs = costs_of(rows)
    found = {
        method: {column: _slope(own, column) for column, _, _ in PANELS} | {"n_sizes": len(own)}
        for method, own in costs.groupby("method", sort=False)
    }
    return pd.DataFrame.from_dict(found, orient="index", columns=["wall_seconds", "peak_bytes", "n_sizes"])


def _are_series(costs: pd.DataFrame) -> bool:
    """Return whether the datasets are sizes of one series: costs of different cells make no curve."""
    cells = costs["n_cells"]
    drawn = costs["n_cells"] + costs["n_left_out"]
    if not all(map(_is_size, costs["dataset"], drawn)):
        return False
    return cells.nunique() >= FEWEST_SIZES and bool(cells.max() >= LEAST_RANGE * cells.min())


def _is_size(name: str, n_cells: int) -> bool:
    """Return whether a name is the number of cells, nearly: a year or the number of a donor is none."""
    found = SIZE.fullmatch(name)
    if found is None:
        return False
    size = float(found[1].replace(",", "")) * UNITS[found[2]]
    return abs(n_cells - size) <= NEARLY * size


def _slope(own: pd.DataFrame, column: str) -> float:
    if not _are_series(own):
        return float("nan")
    cells, costs = np.log(own[["n_cells", column]].to_numpy(dtype=float)).T
    return float(np.polyfit(cells, costs, 1)[0])


def costs_figure(rows: pd.DataFrame) -> Figure:
    """Draw wall time and peak memory of every method.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them, with at least one run that ended well.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels: of a series of sizes, as ``slopes`` knows it, curves over the number of cells, both axes
        logarithmic, with the log-log slope; otherwise a line for each method with a dot for each dataset. Not
        registered with pyplot.

    Examples
    --------
    >>> from topocraft.benchmark import costs_figure, tidy
    >>> from topocraft.benchmark.records import Record
    >>> mine = Record(dataset="mine", method="harmony", seed=0, n_cells=900, wall_seconds=3.0, peak_bytes=5e8)
    >>> len(costs_figure(tidy([mine])).axes)
    2
    """
    from matplotlib.figure import Figure

    costs = costs_of(rows)
    curves = _are_series(costs)
    lines = max(costs["method"].nunique(), costs["dataset"].nunique())
    figure = Figure(figsize=(9.5, 4.2 if curves else 1.1 + 0.3 * lines), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2)
    growth = slopes(rows)
    for panel, (column, unit, title) in zip(panels, PANELS, strict=True):
        if curves:
            _curves(panel, costs, column, unit, growth[column])
        else:
            _dots(panel, costs, column, unit)
        panel.set_title(title, loc="left", fontsize=10, fontweight="bold")
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    if not curves and costs["dataset"].nunique() > 1:
        panels[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    return figure


def _dots(panel: Axes, costs: pd.DataFrame, column: str, unit: float) -> None:
    methods = list(dict.fromkeys(costs["method"]))
    datasets = list(dict.fromkeys(costs.sort_values("n_cells", kind="stable")["dataset"]))
    heights = costs["method"].map({method: -place for place, method in enumerate(methods)})
    values = costs[column] / unit
    for style, dataset in zip(styles(), datasets, strict=False):
        own = (costs["dataset"] == dataset).to_numpy()
        panel.scatter(values[own], heights[own], s=30, label=as_drawn(dataset), zorder=3, **style)
    if len(datasets) == 1:
        for value, height in zip(values, heights, strict=True):
            panel.annotate(_in_figures(value), (value, height), (6, -3), textcoords="offset points", fontsize=8)
    panel.set_yticks(-np.arange(len(methods)), [as_drawn(method) for method in methods])
    panel.set_ylim(0.5 - len(methods), 0.5)
    panel.grid(axis="y", color="#E4E4E4", linewidth=0.6)
    _extend(panel, values)


def _extend(panel: Axes, values: pd.Series) -> None:
    """Let the axis begin at 0, or be logarithmic where costs are far apart, with room for figures at its end."""
    if values.max() > FAR_APART * values.min():
        panel.set(xscale="log", xlim=(0.5 * values.min(), 3 * values.max()))
        panel.xaxis.set_major_formatter(lambda value, _: _in_figures(value))
    else:
        panel.set_xlim(0, 1.15 * values.max())


def _in_figures(value: float) -> str:
    """Return a positive number in three figures, and never with an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _curves(panel: Axes, costs: pd.DataFrame, column: str, unit: float, growth: pd.Series) -> None:
    for style, (method, own) in zip(styles(), costs.groupby("method", sort=False), strict=False):
        slope = growth[method]
        label = str(method) if np.isnan(slope) else f"{method} ({slope:.2f})"
        panel.plot(own["n_cells"], own[column] / unit, label=as_drawn(label), linewidth=1.4, markersize=4.5, **style)
    panel.set(xscale="log", yscale="log")
    _plain_ticks(panel)
    panel.set_xlabel("cells (in brackets: log-log slope)", fontsize=8)
    panel.grid(which="major", color="#E4E4E4", linewidth=0.6)
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)


def _plain_ticks(panel: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis, shown in ((panel.xaxis, _in_thousands), (panel.yaxis, "{:,.10g}".format)):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _, shown=shown: shown(value)))
        axis.set_minor_formatter(NullFormatter())


def _in_thousands(cells: float) -> str:
    """Return 500, 20k, 1M: labels of an axis must not run into one another."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if cells >= size:
            return f"{cells / size:,.10g}{unit}"
    return f"{cells:,.10g}"


def styles() -> Iterator[dict[str, Any]]:
    """Yield colours and marks that differ, for any number of methods."""
    for number in range(len(PALETTE) * len(MARKERS)):
        yield {"color": PALETTE[number % len(PALETTE)], "marker": MARKERS[number // len(PALETTE)]}
