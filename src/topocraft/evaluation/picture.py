"""Scores as a picture: a row per score, a column per embedding, shaded between the worst and the best control."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.evaluation.reading import heading_of, is_control, sections
from topocraft.metrics.catalogue import CATALOGUE
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = "cividis"
"""A colour map that reads the same with any colour vision, and in grey."""
ROW_INCHES, COLUMN_INCHES, LEFT_INCHES, TOP_INCHES, LINE_INCHES = 0.24, 0.85, 1.8, 0.7, 0.14
DARK = 0.55


def score_figure(scores: pd.DataFrame) -> Figure:
    """Draw the table of ``evaluate``: values in figures, shades from the worst control to the best.

    Parameters
    ----------
    scores
        What ``evaluate`` returned. Without controls the shades run from 0 to 1, where the best is 1.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Examples
    --------
    >>> import topocraft
    >>> from topocraft.evaluation.picture import score_figure
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :20]
    >>> scores = topocraft.evaluate(adata, "batch", "celltype", embeddings=["X_mine"], controls=False)
    >>> score_figure(scores).axes[0].get_title(loc="left")
    'Summary'
    """
    from matplotlib.figure import Figure

    blocks = [(heading, _grid(rows, scores)) for heading, rows in sections(scores)]
    heights = [len(values) for _, (values, _) in blocks]
    names = list(scores["embedding"].unique())
    top = TOP_INCHES + LINE_INCHES * max(heading_of(name).count("\n") + 1 for name in names)
    size = (LEFT_INCHES + COLUMN_INCHES * len(names), top + ROW_INCHES * (sum(heights) + 1.6 * len(blocks)))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(len(blocks), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for panel, (heading, (values, shades)) in zip(panels, blocks, strict=True):
        _draw(panel, values, shades)
        panel.set_title(heading, loc="left", fontsize=9, fontweight="bold")
    controls = [is_control(scores, name) for name in names]
    _name_columns(panels[0], names, controls)
    scale = "the worst control (dark) to the best (bright)" if any(controls) else "0 (dark) to 1 (bright)"
    figure.supxlabel(f"shades: {scale}", fontsize=8)
    return figure


def _grid(rows: pd.DataFrame, scores: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return values, scores × embeddings, and their shades, 0 … 1, NaN where there is no value."""
    titled = rows.assign(title=[CATALOGUE[name].title for name in rows["score"]])
    order = list(dict.fromkeys(titled["title"]))
    names = list(scores["embedding"].unique())
    if not (scores["kind"] == "control").any():
        best_is_one = [CATALOGUE[name].high == 1 for name in titled["score"]]
        titled["scaled"] = titled["value"].where(best_is_one)
    values, shades = (
        titled.pivot(index="title", columns="embedding", values=column).loc[order, names]
        for column in ("value", "scaled")
    )
    return values, shades.to_numpy(dtype=float).clip(0, 1)


def _draw(panel: Axes, values: pd.DataFrame, shades: np.ndarray) -> None:
    panel.imshow(np.ma.masked_invalid(shades), cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    panel.set(xticks=[], yticks=range(len(values)))
    panel.set_yticklabels([as_drawn(title) for title in values.index], fontsize=8)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values.to_numpy(dtype=float)):
        text = "NA" if math.isnan(value) else f"{value:z.2f}"
        ink = "white" if shades[row, column] < DARK else "black"
        panel.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)


def _name_columns(panel: Axes, names: list[str], controls: list[bool]) -> None:
    panel.xaxis.tick_top()
    panel.set_xticks(range(len(names)))
    labels = panel.set_xticklabels([as_drawn(heading_of(name)) for name in names], fontsize=8)
    for label, control in zip(labels, controls, strict=True):
        label.set(fontweight="normal" if control else "bold", color="#555555" if control else "black")
