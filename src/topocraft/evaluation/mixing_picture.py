"""Where batches mix and where they do not: a map of every embedding, shaded cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.evaluation.picture import SHADES
from topocraft.plot import MISSING, dot_area, hide_scales, in_chance_order, umap_layout
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

PANEL_INCHES = 3.6
COLUMNS = 3


def mixing_figure(embeddings: Mapping[str, np.ndarray], mixing: pd.DataFrame, seed: int = 0) -> Figure:
    """Draw a UMAP of each embedding, every cell shaded by how well batches mix around it.

    Parameters
    ----------
    embeddings
        Coordinates by name, (n_cells, d) each; cells with NaN coordinates are left out.
    mixing
        What ``mixing_of_cells`` returned, (n_cells, n_embeddings); NaN is drawn in grey.
    seed
        Of the layouts and of the order in which cells are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from topocraft.evaluation.mixing_picture import mixing_figure
    >>> draws = np.random.default_rng(0)
    >>> mixing = pd.DataFrame({"X_mine": draws.random(40)})
    >>> len(mixing_figure({"X_mine": draws.normal(size=(40, 5))}, mixing).axes)
    2
    """
    from matplotlib.figure import Figure

    n_columns = min(COLUMNS, len(embeddings))
    n_rows = -(-len(embeddings) // n_columns)
    size = (PANEL_INCHES * n_columns + 0.6, PANEL_INCHES * n_rows)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel, (name, points) in zip(panels, embeddings.items(), strict=False):
        drawn = in_chance_order(np.flatnonzero(np.isfinite(points).all(axis=1)), seed)
        shaded = _draw(panel, umap_layout(points[drawn], seed), mixing[name].to_numpy(dtype=float)[drawn])
        panel.set_title(as_drawn(name), loc="left", fontsize=10, fontweight="bold")
    for panel in panels[len(embeddings) :]:
        panel.set_axis_off()
    figure.colorbar(shaded, ax=panels.tolist(), label="batches mix: 0 not at all, 1 as by chance", shrink=0.7)
    return figure


def _draw(panel: Axes, layout: np.ndarray, values: np.ndarray) -> PathCollection:
    """Draw cells without a value in grey, the others in shades; return these, for the scale."""
    known, area = ~np.isnan(values), dot_area(len(values))
    x, y = layout.T
    panel.scatter(x[~known], y[~known], s=area, c=MISSING, linewidths=0)
    hide_scales(panel)
    return panel.scatter(x[known], y[known], s=area, c=values[known], cmap=SHADES, vmin=0, vmax=1, linewidths=0)
