"""Pictures of cells in the plane, coloured by batch and by type: before and after integration, or by many methods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.plot.colours import MISSING, categories_of, palette
from topocraft.plot.layouts import in_chance_order, umap_layout
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES, DOTS_PER_INCH = 3.4, 150
LEGEND_ROWS = 16
FRAME = "#BBBBBB"


def umap_figure(before: np.ndarray, after: np.ndarray, colours: Mapping[str, Any], seed: int = 0) -> Figure:
    """Draw UMAPs of the cells before and after integration, one column of panels per annotation.

    Parameters
    ----------
    before, after
        Uncorrected and integrated coordinates, (n_cells, d). Cells with NaN coordinates after integration are
        left out.
    colours
        Annotations by title, each with one value per cell; categories keep their order.
    seed
        Of both layouts and of the order in which cells are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.plot import umap_figure
    >>> points = np.random.default_rng(0).normal(size=(40, 5))
    >>> len(umap_figure(points, points, {"batch": ["a", "b"] * 20}).axes)
    2
    """
    drawn = np.flatnonzero(np.isfinite(after).all(axis=1))
    moments = (("before integration", before), ("after integration", after))
    layouts = {moment: umap_layout(points[in_chance_order(drawn, seed)], seed) for moment, points in moments}
    return layouts_figure(layouts, colours, in_chance_order(drawn, seed))


def layouts_figure(
    layouts: Mapping[str, np.ndarray], colours: Mapping[str, Any], drawn: np.ndarray, inches: float = PANEL_INCHES
) -> Figure:
    """Draw layouts of the same cells, a row of panels for each, one column per annotation.

    Parameters
    ----------
    layouts
        Places in the plane by title, (m, 2) each.
    colours
        Annotations by title, each with one value per cell; categories keep their order.
    drawn
        Which cells the layouts are of, (m,), in the order in which they are drawn.
    inches
        Width and height of a panel.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.plot import layouts_figure
    >>> places = np.random.default_rng(0).normal(size=(40, 2))
    >>> len(layouts_figure({"mine": places}, {"batch": ["a", "b"] * 20}, np.arange(40)).axes)
    1
    """
    from matplotlib.figure import Figure

    categories = {title: categories_of(values, drawn) for title, values in colours.items()}
    size = (
        sum(inches + _legend_inches(names) for _, names in categories.values()),
        (len(layouts) + 0.05) * inches,
    )
    figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
    panels = figure.subplots(len(layouts), len(categories), squeeze=False)
    for row, (moment, layout) in zip(panels, layouts.items(), strict=True):
        for panel, (codes, names) in zip(row, categories.values(), strict=True):
            _draw(panel, layout, codes, len(names))
        row[0].set_ylabel(as_drawn(moment), fontsize=11)
    for panel, (title, (_, names)) in zip(panels[0], categories.items(), strict=True):
        panel.set_title(as_drawn(title), loc="left", fontsize=11, fontweight="bold")
        _add_legend(panel, names)
    return figure


def _draw(panel: Axes, layout: np.ndarray, codes: np.ndarray, n_names: int) -> None:
    colours = [*palette(n_names), MISSING]
    worn = [colours[code] for code in codes]
    panel.scatter(layout[:, 0], layout[:, 1], s=dot_area(len(layout)), c=worn, linewidths=0, alpha=0.9)
    hide_scales(panel)
    panel.set_box_aspect(1)


def dot_area(n_cells: int) -> float:
    """Return how large the dot of a cell is, in square points: smaller where there are more."""
    return float(np.clip(12_000 / n_cells, 0.5, 9.0))


def hide_scales(panel: Axes) -> None:
    """Take the numbers off both axes, which mean nothing in a layout, and draw a pale frame."""
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_color(FRAME)


def _legend_inches(names: list[str]) -> float:
    longest = max((len(name) for name in names), default=0)
    return math.ceil(len(names) / LEGEND_ROWS) * (0.65 + 0.08 * longest)


def _add_legend(panel: Axes, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], marker="o", linestyle="", color=colour) for colour in palette(len(names))]
    panel.legend(
        marks,
        [as_drawn(name) for name in names],
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        ncols=math.ceil(len(names) / LEGEND_ROWS),
        frameon=False,
        fontsize=9,
        handletextpad=0.2,
    )
