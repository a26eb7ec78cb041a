"""Time and memory of methods: bars on one dataset, curves over the sizes of several."""

from __future__ import annotations

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
FAR_APART = 100
"""Costs of which the largest is more than so many times the smallest are drawn on a logarithmic axis."""
SHADES = ("#2F6DA8", "#8FB8DE")
PANELS = (("wall_seconds", 1.0, "wall time (s)"), ("peak_bytes", 1e9, "peak memory (GB)"))


def costs_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what methods cost: ``method``, ``n_cells``, medians of ``wall_seconds`` and ``peak_bytes`` over runs.

    Methods come in the order of the ranking; runs that did not end well are left out.
    """
    runs = runs_of(rows)
    runs = runs[(runs["status"] == "ok") & runs["wall_seconds"].notna()]
    order = {method: place for place, method in enumerate(ranking(rows)["method"])}
    found = runs.groupby(["method", "n_cells"], sort=False)[["wall_seconds", "peak_bytes"]].median().reset_index()
    return found.sort_values(
        ["method", "n_cells"], key=lambda column: column.map(order) if column.name == "method" else column
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
        Indexed by method: ``wall_seconds`` and ``peak_bytes``, 1 where ten times the cells cost ten times as much, NaN
        of fewer than three sizes or where the largest is less than four times the smallest; ``n_sizes``.

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
        method: {column: _slope(own["n_cells"], own[column]) for column, _, _ in PANELS} | {"n_sizes": len(own)}
        for method, own in costs.groupby("method", sort=False)
    }
    return pd.DataFrame.from_dict(found, orient="index", columns=["wall_seconds", "peak_bytes", "n_sizes"])


def _make_a_curve(cells: pd.Series) -> bool:
    return cells.nunique() >= FEWEST_SIZES and bool(cells.max() >= LEAST_RANGE * cells.min())


def _slope(cells: pd.Series, costs: pd.Series) -> float:
    if not _make_a_curve(cells):
        return float("nan")
    return float(np.polyfit(np.log(cells.to_numpy(dtype=float)), np.log(costs.to_numpy(dtype=float)), 1)[0])


def costs_figure(rows: pd.DataFrame) -> Figure:
    """Draw wall time and peak memory of every method.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them, with at least one run that ended well.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels: of three sizes or more, the largest at least four times the smallest, curves over the number of
        cells, both axes logarithmic, with the log-log slope; of one or two sizes a bar for each; of others one bar for
        each method, its median over all runs. Not registered with pyplot.

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
    curves = _make_a_curve(costs["n_cells"])
    if not curves and costs["n_cells"].nunique() > len(SHADES):
        costs = _over_sizes(rows, costs)
    figure = Figure(figsize=(9.5, 4.2 if curves else 1.1 + 0.3 * len(costs)), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2)
    growth = slopes(rows)
    for panel, (column, unit, title) in zip(panels, PANELS, strict=True):
        if curves:
            _curves(panel, costs, column, unit, growth[column])
        else:
            _bars(panel, costs, column, unit)
        panel.set_title(title, loc="left", fontsize=10, fontweight="bold")
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    return figure


def _over_sizes(rows: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Return medians over all runs of a method, whatever the number of cells; methods in the same order."""
    return costs_of(rows.assign(n_cells=costs["n_cells"].max()))


def _bars(panel: Axes, costs: pd.DataFrame, column: str, unit: float) -> None:
    heights, values = np.arange(len(costs))[::-1], costs[column].to_numpy(dtype=float) / unit
    sizes = sorted(set(costs["n_cells"]))
    shades = [SHADES[sizes.index(size)] for size in costs["n_cells"]]
    bars = panel.barh(heights, values, color=shades, height=0.7)
    panel.bar_label(bars, labels=[_in_figures(value) for value in values], fontsize=8, padding=3)
    names = costs["method"] if len(sizes) == 1 else costs["method"] + costs["n_cells"].map(", {:,} cells".format)
    panel.set_yticks(heights, [as_drawn(name) for name in names])
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
