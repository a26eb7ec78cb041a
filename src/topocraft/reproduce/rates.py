"""Rates by cell type: which cells lie among their own, and which of those are mixed as their type is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.baselines.preparation import open_preparation
from topocraft.benchmark.folder import Folder
from topocraft.benchmark.page import in_figures, table_of
from topocraft.benchmark.ranking import ranking
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATES = {"positive_rate": "positive", "true_positive_rate": "true positive"}
RARE = 0.05
"""Types of a smaller share of the cells are drawn; where there are none, the smallest."""
ROOM = 0.55
"""For figures at the end of a bar, as a share of the longest."""
COLOURS = {"positive": "#D9D9D9", "true positive": "#57B894"}


def type_rates(rows: pd.DataFrame, folder: Folder) -> pd.DataFrame:
    """Return rates by cell type, rarest types first.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them.
    folder
        Folder of the benchmark, which holds the cells.

    Returns
    -------
    pandas.DataFrame
        ``dataset``, ``type``, ``cells`` and ``share`` of all cells with a type, ``method``; ``positive``, the share of
        its cells with more than half of their neighbours of their own type; ``true positive``, the share of those
        around which batches are also mixed as in the type. Means over seeds.

    References
    ----------
    Wang et al. 2021 (iMAP), doi:10.1186/s13059-021-02280-8; He et al. 2025, doi:10.1038/s42003-025-07988-y, Fig. 3.
    """
    chosen = rows[rows["score"].isin(RATES) & (rows["part"] != "")]
    places = ["dataset", "part", "method"]
    means = chosen.groupby([*places, "score"])["value"].mean().unstack("score").rename(columns=RATES)
    means = means.reindex(columns=list(RATES.values())).reset_index()
    sizes = pd.DataFrame(_sizes(folder), columns=["dataset", "part", "cells", "share"])
    order = {method: place for place, method in enumerate(ranking(rows)["method"])} if len(rows) else {}
    table = means.merge(sizes, on=["dataset", "part"]).rename(columns={"part": "type"})
    table = table.assign(order=table["method"].map(order)).sort_values(["dataset", "cells", "type", "order"])
    return table[["dataset", "type", "cells", "share", "method", *RATES.values()]].reset_index(drop=True)


def _sizes(folder: Folder) -> Iterator[tuple[str, str, int, float]]:
    prepared = {entry.dataset: entry.prepared for entry in reversed(folder.read_plan().entries) if entry.prepared}
    for dataset, stem in prepared.items():
        obs = open_preparation(folder.dataset(stem)).read().obs
        counted = obs["celltype"].value_counts() if "celltype" in obs else pd.Series(dtype=int)
        yield from ((dataset, str(name), int(cells), cells / counted.sum()) for name, cells in counted.items())


def type_section(table: pd.DataFrame) -> str:
    """Return the rates as Markdown: a table per dataset, types × methods, "true positive / positive"."""
    if not len(table):
        return ""
    blocks = [
        "## By cell type",
        "True positive / positive rate, rarest types first. A cell is positive if more than half of its neighbours "
        "share its type, and true positive if the batches around it are also mixed as in the type.",
    ]
    for dataset, own in table.groupby("dataset", sort=False):
        entries = [
            f"{in_figures(true, 2)} / {in_figures(positive, 2)}"
            for true, positive in zip(own["true positive"], own["positive"], strict=True)
        ]
        named = own.assign(entry=entries, type=own["type"] + own["share"].map(" ({:.1%})".format))
        methods = list(dict.fromkeys(own["method"]))
        wide = named.pivot(index="type", columns="method", values="entry")
        blocks += [f"`{dataset}`", table_of(wide.loc[named["type"].unique(), methods].reset_index())]
    return "\n\n".join(blocks)


def types_figure(table: pd.DataFrame) -> Figure:
    """Draw the rates of the rare types: a panel per dataset and type, a bar per method.

    Parameters
    ----------
    table
        As ``type_rates`` makes it, with at least one row.

    Returns
    -------
    matplotlib.figure.Figure
        At the end of each bar "true positive / positive", "NA" where there is no rate. Not registered with pyplot: it
        needs no display, and no closing.
    """
    from matplotlib.figure import Figure

    shown = _rare(table)
    methods = list(dict.fromkeys(table["method"]))
    n_columns = min(4, len(shown))
    n_rows = -(-len(shown) // n_columns)
    size = (1.6 + 2.1 * n_columns, 0.5 + n_rows * (0.5 + 0.2 * len(methods)))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True, sharex=True)
    for panel, (dataset, name) in zip(panels.ravel(), shown, strict=False):
        own = table[(table["dataset"] == dataset) & (table["type"] == name)].set_index("method").reindex(methods)
        _bars(panel, own)
        panel.set_title(f"{as_drawn(name)}, {own['share'].max():.1%}\n{dataset}", loc="left", fontsize=7.5)
    for panel in panels.ravel()[len(shown) :]:
        panel.set_axis_off()
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8, frameon=False
    )
    return figure


def _rare(table: pd.DataFrame) -> list[tuple[str, str]]:
    types = table.drop_duplicates(["dataset", "type"])
    rare = types[types["share"] < RARE]
    chosen = rare if len(rare) else types.loc[types.groupby("dataset")["share"].idxmin()]
    return list(chosen[["dataset", "type"]].itertuples(index=False, name=None))


def _bars(panel: Axes, own: pd.DataFrame) -> None:
    heights = np.arange(len(own))[::-1]
    for rate, colour in COLOURS.items():
        panel.barh(heights, own[rate].to_numpy(dtype=float), color=colour, height=0.7, label=rate)
    ends = own[list(RATES.values())].max(axis=1).fillna(0.0)
    for height, end, rates in zip(heights, ends, own[["true positive", "positive"]].to_numpy(dtype=float), strict=True):
        words = " / ".join("NA" if np.isnan(rate) else f"{rate:.2f}" for rate in rates)
        panel.annotate(words, (end, height), (2, 0), textcoords="offset points", fontsize=6, va="center")
    panel.set_yticks(heights, [as_drawn(name) for name in own.index], fontsize=7.5)
    panel.set(xlim=(0, 1 + ROOM), xticks=(0, 0.5, 1))
    panel.tick_params(axis="x", labelsize=7)
    panel.spines[["top", "right"]].set_visible(False)
