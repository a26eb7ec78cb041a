"""Variants of one method side by side: what each of its parts is good for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.benchmark.circles import COLOURS
from topocraft.benchmark.ranking import wide

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {"composite": "Composite", "bio": "Bio-conservation", "batch": "Batch mixing"}
SHADES = (1.0, 0.65, 0.35, 0.8, 0.5)


def variants_figure(rows: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw composite, bio-conservation and batch mixing of variants, a group of bars per dataset.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them.
    names
        Of the variants, in order.

    Returns
    -------
    matplotlib.figure.Figure
        Bars are means over seeds, whiskers standard deviations. Not registered with pyplot.
    """
    from matplotlib.figure import Figure

    means = {score: wide(rows, score).loc[list(names)] for score in TITLES}
    datasets = [name for name in rows["dataset"].unique() if means["composite"][name].notna().any()]
    figure = Figure(figsize=(1.6 + 1.1 * len(datasets) * len(TITLES), 3.2), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(TITLES), sharey=True)
    places, width = np.arange(len(datasets)), 0.8 / len(names)
    for panel, (score, title) in zip(panels, TITLES.items(), strict=True):
        spread = wide(rows, score, "sd")
        for number, name in enumerate(names):
            heights = means[score].loc[name, datasets].to_numpy(dtype=float)
            errors = spread.loc[name, datasets].to_numpy(dtype=float)
            where = places + (number - (len(names) - 1) / 2) * width
            look = {"color": COLOURS[score], "alpha": SHADES[number % len(SHADES)], "error_kw": {"linewidth": 0.8}}
            bars = panel.bar(where, heights, 0.92 * width, yerr=errors, label=name, **look)
            panel.bar_label(bars, labels=[f"{value:.2f}" for value in heights], fontsize=6.5, padding=1)
        panel.set_xticks(places, [name.replace("_", "_\n", 1) for name in datasets], fontsize=7.5)
        panel.set_title(title, loc="left", fontsize=10, fontweight="bold")
        panel.set_ylim(0, 1.05)
        panel.tick_params(axis="y", labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    return figure
