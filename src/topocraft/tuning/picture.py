"""A search as a picture: the front, and the score along every searched number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.plot import PALETTE
from topocraft.tuning.records import Tuning
from topocraft.tuning.space import RANGES, RESOLUTION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONG, SHORT, START, CHOSEN = PALETTE[0], "#AAAAAA", PALETTE[6], PALETTE[5]
TITLES = {
    "lambda_adversary": "weight of the adversary",
    "lambda_triplet": "weight of the triplets",
    "kl_coefficient": "KL coefficient",
    RESOLUTION: "low resolution",
}


def tuning_figure(found: Tuning) -> Figure:
    """Draw structure against mixing, with the front and the choice, and beside it the score along every number.

    Parameters
    ----------
    found
        What ``tune`` returned.

    Returns
    -------
    matplotlib.figure.Figure
        Five panels. Not registered with pyplot: it needs no display, and no closing.

    Examples
    --------
    >>> from topocraft import IntegrationConfig
    >>> from topocraft.tuning.ledger import Run, Trial
    >>> from topocraft.tuning.records import conclude
    >>> from topocraft.metrics.yardstick import LabelFree
    >>> from topocraft.tuning.space import make_space
    >>> run, space = Run(LabelFree(0.7, 0.7, 0.5, 0.5), seconds=1.0), make_space(IntegrationConfig())
    >>> found = conclude([Trial(0, space.start(), run, run)], space, "no-worse", run.scores)
    >>> len(tuning_figure(found).axes)
    5
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.5, 5.4), dpi=150, layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.1, 1.0))[0]
    _draw_front(left.subplots(), found)
    panels = right.subplots(2, 2, sharey=True)
    for panel, name in zip(panels.ravel(), (*RANGES, RESOLUTION), strict=True):
        _draw_along(panel, found.trials, name)
    for panel in panels[:, 0]:
        panel.set_ylabel("0.6 structure + 0.4 mixing", fontsize=8)
    return figure


def _draw_front(panel: Axes, found: Tuning) -> None:
    table = found.trials
    panel.scatter(table["short_mixing"], table["short_structure"], s=16, facecolors="none", edgecolors=SHORT, zorder=2)
    front = table[table["front"]].sort_values("mixing")
    panel.step(front["mixing"], front["structure"], where="pre", color=LONG, linewidth=1, alpha=0.6, zorder=1)
    panel.scatter(table["mixing"], table["structure"], s=30, color=LONG, linewidths=0, zorder=3)
    start, chosen = table.iloc[0], table[table["chosen"]].iloc[0]
    panel.plot(start["mixing"], start["structure"], "D", color=START, markersize=7, zorder=4)
    panel.plot(chosen["mixing"], chosen["structure"], "*", color=CHOSEN, markersize=15, markeredgewidth=0, zorder=5)
    panel.set_xlabel("mixing: CiLISI and confusion of batches, inside matched clusters", fontsize=9)
    panel.set_ylabel("structure: NMI and ARI with each batch's own clusters", fontsize=9)
    panel.set_title("Settings, judged without cell types\n", loc="left", fontsize=10, fontweight="bold")
    # As a mark it would lie so far off that the settings could not be told apart.
    before = f"not integrated: structure {found.before.structure:.3f}, mixing {found.before.mixing:.3f}"
    panel.text(0, 1.02, before, fontsize=8.5, transform=panel.transAxes)
    _tidy(panel)
    _add_legend(panel)


def _draw_along(panel: Axes, table: pd.DataFrame, name: str) -> None:
    panel.scatter(table[name], table["short_score"], s=12, facecolors="none", edgecolors=SHORT)
    panel.scatter(table[name], table["score"], s=22, color=LONG, linewidths=0)
    start, chosen = table.iloc[0], table[table["chosen"]].iloc[0]
    panel.plot(start[name], start["score"], "D", color=START, markersize=5)
    panel.plot(chosen[name], chosen["score"], "*", color=CHOSEN, markersize=12, markeredgewidth=0)
    panel.set_xscale("log")
    panel.set_title(TITLES[name], loc="left", fontsize=9)
    ticks = _ticks(table[name])
    panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.minorticks_off()
    _tidy(panel)


def _ticks(values: pd.Series) -> list[float]:
    """Return 1, 2 and 5 times powers of ten over the range of the values, or 1 alone where those are many."""
    low, high = np.log10(values.min()), np.log10(values.max())
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    steps = (1, 2, 5) if high - low < 1.2 else (1, 3) if high - low < 1.9 else (1,)
    every = [step * 10.0**power for power in powers for step in steps]
    return [tick for tick in every if 10 ** (low - 0.05) <= tick <= 10 ** (high + 0.05)] or [float(values.iloc[0])]


def _tidy(panel: Axes) -> None:
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color="#EEEEEE", linewidth=0.6)
    panel.set_axisbelow(True)


def _add_legend(panel: Axes) -> None:
    from matplotlib.lines import Line2D

    hollow = {"markerfacecolor": "none", "markersize": 5}
    looks = (
        ("o", LONG, "trained to the end", {"markersize": 6}),
        ("o", SHORT, "after a third of the epochs", hollow),
        ("D", START, "where the search started", {"markersize": 6}),
        ("*", CHOSEN, "chosen", {"markersize": 12, "markeredgewidth": 0}),
    )
    marks = [
        Line2D([], [], marker=mark, color=colour, linestyle="", label=text, **more)
        for mark, colour, text, more in looks
    ]
    marks.append(Line2D([], [], color=LONG, linewidth=1, alpha=0.6, label="front"))
    panel.legend(handles=marks, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)
