"""Bio-conservation against batch mixing: the scatter plots of the paper's Fig. 4b and 5b."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from topocraft.benchmark.costs import styles
from topocraft.benchmark.ranking import MAIN, ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAIN_COLUMNS = ["overall", *MAIN[1:]]
GREY = "#8A8A8A"
PANEL_INCHES = 3.4


def halves_figure(rows: pd.DataFrame) -> Figure:
    """Draw batch mixing (x) against bio-conservation (y), a panel per dataset, means over seeds.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them, with at least one composite.

    Returns
    -------
    matplotlib.figure.Figure
        Lines join places of equal composite; triangles have seen the cell types; controls are grey. Not registered
        with pyplot.
    """
    from matplotlib.figure import Figure

    table = ranking(rows).set_index("method")
    datasets = [name for name in rows["dataset"].unique() if table[f"bio {name}"].notna().any()]
    size = (PANEL_INCHES * len(datasets) + 1.7, PANEL_INCHES + 0.3)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for panel, dataset in zip(panels, datasets, strict=True):
        _draw(panel, table, dataset)
        panel.set_title(dataset, loc="left", fontsize=10, fontweight="bold")
    panels[0].set_ylabel("bio-conservation", fontsize=9)
    if panels[-1].get_legend_handles_labels()[0]:
        panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    return figure


def _draw(panel: Axes, table: pd.DataFrame, dataset: str) -> None:
    _equal_composites(panel)
    places = table[[f"batch {dataset}", f"bio {dataset}"]]
    controls = table["group"] == "control"
    known = places[~controls & table[MAIN_COLUMNS].notna().all(axis=1)]
    for (method, x, y), style in zip(known.itertuples(name=None), styles(), strict=False):
        marker = "^" if table.loc[method, "group"] == "labelled" else style["marker"]
        panel.scatter(x, y, s=34, label=method, zorder=3, color=style["color"], marker=marker)
    for method, x, y in places[controls].dropna().itertuples(name=None):
        panel.scatter(x, y, s=16, zorder=2, color=GREY, marker="x", linewidths=0.9)
        panel.annotate(method, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=6, color=GREY)
    panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    panel.set_box_aspect(1)
    panel.set_xlabel("batch mixing", fontsize=9)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _equal_composites(panel: Axes) -> None:
    for composite in (0.2, 0.4, 0.6, 0.8):
        panel.plot([0, 1], [composite / 0.6, (composite - 0.4) / 0.6], color="#E4E4E4", linewidth=0.8, zorder=1)
