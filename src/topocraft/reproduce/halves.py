"""Bio-conservation against batch mixing: the scatter plots of the paper's Fig. 4b and 5b."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from topocraft.benchmark.ranking import groups, wide
from topocraft.plot import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = {"control": "x", "labelled": "^"}
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
        Lines join places of equal composite. Not registered with pyplot.
    """
    from matplotlib.figure import Figure

    bio, batch, group = wide(rows, "bio"), wide(rows, "batch"), groups(rows)
    datasets = [name for name in bio.columns if bio[name].notna().any()]
    size = (PANEL_INCHES * len(datasets) + 1.7, PANEL_INCHES + 0.3)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for panel, dataset in zip(panels, datasets, strict=True):
        _equal_composites(panel)
        for number, method in enumerate(bio.index):
            kind = group[method]
            style = {"marker": MARKERS.get(kind, "o"), "color": GREY if kind == "control" else _colour(number)}
            panel.scatter(batch.loc[method, dataset], bio.loc[method, dataset], s=34, label=method, zorder=3, **style)
        panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        panel.set_box_aspect(1)
        panel.set_title(dataset, loc="left", fontsize=10, fontweight="bold")
        panel.set_xlabel("batch mixing", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("bio-conservation", fontsize=9)
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    return figure


def _equal_composites(panel: Axes) -> None:
    for composite in (0.2, 0.4, 0.6, 0.8):
        panel.plot([0, 1], [composite / 0.6, (composite - 0.4) / 0.6], color="#E4E4E4", linewidth=0.8, zorder=1)


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]
