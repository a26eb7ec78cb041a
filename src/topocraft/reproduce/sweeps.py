"""Scores along a parameter: those that need cell types, those that need none, and whether they tell the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from topocraft.benchmark.page import in_figures, table_of
from topocraft.benchmark.ranking import wide
from topocraft.evaluation.correlation import FEWEST, rank_correlation
from topocraft.reproduce.recipe import Variant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORES = ("nmi", "ari", "within_batch_nmi", "within_batch_ari", "bio", "batch", "composite")
PAIRS = (("nmi", "within_batch_nmi"), ("ari", "within_batch_ari"), ("bio", "within_batch_nmi"))
"""A score that needs cell types, and the one without that should follow it."""
LINES = {"nmi": ("#EFA644", "-"), "within_batch_nmi": ("#EFA644", "--"), "ari": ("#C05A8A", "-")}
LINES |= {"within_batch_ari": ("#C05A8A", "--"), "batch": ("#6DB4E3", "-"), "composite": ("#57B894", "-")}
TITLES = {
    "nmi": "NMI",
    "ari": "ARI",
    "within_batch_nmi": "NMI, no labels",
    "within_batch_ari": "ARI, no labels",
    "batch": "batch mixing",
    "composite": "composite",
}


def sweep_table(rows: pd.DataFrame, variants: Sequence[Variant]) -> pd.DataFrame:
    """Return scores along the swept parameters.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them.
    variants
        Those of a recipe; such as belong to no sweep are left out.

    Returns
    -------
    pandas.DataFrame
        ``dataset``, ``parameter``, ``value``, and the scores, means over seeds; rows without any score are left out.
    """
    about = pd.DataFrame(
        [(variant.name, variant.sweep, variant.value) for variant in variants if variant.sweep],
        columns=["method", "parameter", "value"],
    )
    scores = [wide(rows, score).stack().rename(score) for score in SCORES]
    found = pd.concat(scores, axis=1).reset_index() if len(rows) else pd.DataFrame(columns=["method", "dataset"])
    table = about.merge(found, on="method").dropna(subset=["nmi"]) if "nmi" in found else about.iloc[:0]
    columns = ["dataset", "parameter", "value", *(score for score in SCORES if score in table)]
    return table.reindex(columns=columns).sort_values(columns[:3]).reset_index(drop=True)


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's rank correlation of scores with and without cell types, by dataset and parameter.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.reproduce.sweeps import SCORES, correlations
    >>> table = pd.DataFrame({score: [0.1, 0.2, 0.4, 0.3] for score in SCORES})
    >>> correlations(table.assign(dataset="mine", parameter="λ_T", value=range(4)))["nmi"].tolist()
    [1.0]
    """
    found = []
    for (dataset, parameter), own in table.groupby(["dataset", "parameter"], sort=False):
        row: dict[str, object] = {"dataset": dataset, "parameter": parameter, "values": len(own)}
        for known, unknown in PAIRS:
            row[known] = rank_correlation(own[known], own[unknown])
        found.append(row)
    return pd.DataFrame(found, columns=["dataset", "parameter", "values", *(known for known, _ in PAIRS)])


def sweep_section(table: pd.DataFrame) -> str:
    """Return the rank correlations and the scores as Markdown."""
    if not len(table):
        return ""
    named = {"nmi": "NMI", "ari": "ARI", "bio": "bio-conservation with NMI"}
    shown = table.assign(value=table["value"].map("{:g}".format), dataset="`" + table["dataset"] + "`")
    found = correlations(table)
    return "\n\n".join(
        [
            "## With cell types and without",
            "Spearman's rank correlation along each sweep: NMI and ARI with the cell types, beside the same with "
            "clusters of every batch by itself, which need no cell types. A – stands where one of the two is constant "
            f"along the sweep, or fewer than {FEWEST} values are known.",
            table_of(found.assign(dataset="`" + found["dataset"] + "`"), named, 2),
            "## Along the parameters",
            table_of(shown, TITLES | {"bio": "bio-conservation"}),
        ]
    )


def sweep_figure(table: pd.DataFrame) -> Figure:
    """Draw the scores along each parameter, a panel per dataset and parameter.

    Parameters
    ----------
    table
        As ``sweep_table`` makes it, with at least one row.

    Returns
    -------
    matplotlib.figure.Figure
        Dashed are scores that need no cell types. Not registered with pyplot.
    """
    from matplotlib.figure import Figure

    datasets, parameters = (list(dict.fromkeys(table[name])) for name in ("dataset", "parameter"))
    size = (1.4 + 2.7 * len(datasets), 0.6 + 2.4 * len(parameters))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(len(parameters), len(datasets), squeeze=False, sharey="col")
    told = correlations(table).set_index(["dataset", "parameter"])
    for row, parameter in zip(panels, parameters, strict=True):
        row[0].set_ylabel("score", fontsize=8.5)
        for panel, dataset in zip(row, datasets, strict=True):
            own = table[(table["dataset"] == dataset) & (table["parameter"] == parameter)]
            _draw(panel, own, parameter)
            if (dataset, parameter) in told.index:
                rho = told.loc[(dataset, parameter)]
                words = f"rank correlation: NMI {in_figures(rho['nmi'], 2)}, ARI {in_figures(rho['ari'], 2)}"
                panel.set_title(f"{dataset}\n{words}", loc="left", fontsize=7.5)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    return figure


def _draw(panel: Axes, own: pd.DataFrame, parameter: str) -> None:
    for score, (colour, dashes) in LINES.items():
        (line,) = panel.plot(own["value"], own[score], marker="o", markersize=3, linewidth=1.2, label=TITLES[score])
        line.set(color=colour, linestyle=dashes)
    panel.set_xlabel(parameter, fontsize=8.5)
    panel.tick_params(labelsize=7.5)
    panel.spines[["top", "right"]].set_visible(False)
