"""Figures from an AnnData, called as scanpy's are: the cells first, then names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.data.columns import batch_labels, cell_types, column, listed
from topocraft.errors import InputError, list_names, nearest_name
from topocraft.plot.colours import MISSING, palette
from topocraft.plot.layouts import in_chance_order, umap_layout
from topocraft.plot.panels import layouts_figure
from topocraft.plot.words import as_drawn
from topocraft.provenance import EMBEDDING, KEY, recorded

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = {
    "reconstruction": "reconstruction",
    "cosine": "cosine",
    "divergence": "KL divergence",
    "triplet": "triplets",
    "confusion": "classifier's loss",
    "accuracy": "classifier's accuracy",
}
"""Names of the losses that training keeps, as people read them."""


def umap(
    adata: AnnData, color: str | Sequence[str], *, basis: str | Sequence[str] = EMBEDDING, seed: int = 0
) -> Figure:
    """Draw UMAP panels: a row per embedding, a column per annotation.

    Parameters
    ----------
    adata
        Cells with embeddings in ``obsm``.
    color
        Columns of ``obs`` with categories.
    basis
        Keys of ``obsm``. One with two columns is drawn as it is, others are laid out by UMAP. Cells that have no
        coordinates in one of them are left out of all.
    seed
        Of the layouts and of the order in which cells are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Raises
    ------
    InputError
        A column or key is missing, or fewer than 4 cells have coordinates.

    References
    ----------
    McInnes, Healy, Melville 2018, arXiv:1802.03426.

    Examples
    --------
    >>> import topocraft.plot
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=60, n_genes=50)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :2]
    >>> len(topocraft.plot.umap(adata, color=["batch", "celltype"], basis="X_mine").axes)
    2
    """
    points = {key: _points(adata, key) for key in listed(basis)}
    colours = {name: column(adata.obs, name, "color") for name in listed(color)}
    finite = np.all([np.isfinite(array).all(axis=1) for array in points.values()], axis=0)
    drawn = in_chance_order(np.flatnonzero(finite), seed)
    layouts = {
        key: array[drawn] if array.shape[1] == 2 else umap_layout(array[drawn], seed) for key, array in points.items()
    }
    return layouts_figure(layouts, colours, drawn)


def scores(scores: pd.DataFrame) -> Figure:
    """Draw the table of scores, as Fig. 2 of the scCRAFT paper does: a row per score, a column per embedding.

    Parameters
    ----------
    scores
        What ``topocraft.evaluate`` returned.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    References
    ----------
    doi:10.1038/s42003-025-07988-y

    Examples
    --------
    >>> import topocraft.plot
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :20]
    >>> table = topocraft.evaluate(adata, "batch", embeddings=["X_mine"], controls=False)
    >>> len(topocraft.plot.scores(table).axes) > 0
    True
    """
    from topocraft.evaluation.picture import score_figure

    return score_figure(scores)


def composition(adata: AnnData, batch_key: str | Sequence[str], label_key: str) -> Figure:
    """Draw what each batch is made of: a bar per batch, the shares of its cell types stacked.

    Parameters
    ----------
    adata
        The cells.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined.
    label_key
        Column of ``obs`` with the cell types; cells without one are drawn in grey.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Raises
    ------
    InputError
        A column is missing, or a cell has no batch.

    Examples
    --------
    >>> import topocraft.plot
    >>> from topocraft.simulate.demo import demo_cells
    >>> figure = topocraft.plot.composition(demo_cells(n_cells=60, n_genes=50), "batch", "celltype")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['large', 'medium', 'small']
    """
    from matplotlib.figure import Figure

    batch, labels = batch_labels(adata.obs, batch_key), cell_types(adata.obs, label_key)
    batches = sorted(set(batch))
    types: list[str | None] = [*sorted({str(label) for label in labels if label is not None})]
    colours = palette(len(types))
    if any(label is None for label in labels):
        types.append(None)
        colours.append(MISSING)
    figure = Figure(figsize=(6.0, 0.9 + 0.32 * max(len(batches), len(types) // 2)), layout="constrained", dpi=150)
    panel = figure.subplots()
    left = np.zeros(len(batches))
    for kind, colour in zip(types, colours, strict=True):
        shares = np.array([(labels[batch == name] == kind).mean() for name in batches])
        panel.barh(range(len(batches)), shares, left=left, color=colour, label=as_drawn(kind or "no type"))
        left += shares
    panel.set(xlim=(0, 1), xlabel="share of the batch's cells")
    panel.set_yticks(range(len(batches)), [as_drawn(name) for name in batches])
    panel.invert_yaxis()
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False, fontsize=9)
    return figure


def losses(adata: AnnData) -> Figure:
    """Draw how training went: a panel per loss, and the classifier's accuracy against chance.

    Parameters
    ----------
    adata
        Cells that ``topocraft.integrate`` has annotated.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Raises
    ------
    InputError
        There is no record of a training in ``uns["topocraft"]``.

    Examples
    --------
    >>> import topocraft
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> config = topocraft.IntegrationConfig().with_values(epochs=2, warmup_epochs=1)
    >>> _ = topocraft.integrate(adata, "batch", config=config)
    >>> len(topocraft.plot.losses(adata).axes)
    6
    """
    from matplotlib.figure import Figure

    record = recorded(adata)
    if "losses" not in record:
        raise InputError(
            f"adata must hold a training in uns['{KEY}']; there is none. Integrate the cells with topocraft first."
        )
    figure = Figure(figsize=(7.2, 4.0), layout="constrained", dpi=150)
    panels = figure.subplots(2, 3).ravel()
    for panel, (name, title) in zip(panels, CURVES.items(), strict=True):
        _curve(panel, title, np.asarray(record["losses"][name]))
    chance = 1 / len(record["batches"])
    panels[-1].axhline(chance, color="#777777", linestyle="--", linewidth=1)
    panels[-1].annotate("chance", (0, chance), fontsize=8, va="bottom", color="#555555")
    panels[-1].set_ylim(0, 1)
    figure.supxlabel("epoch", fontsize=9)
    return figure


def _curve(panel: Axes, title: str, values: np.ndarray) -> None:
    panel.plot(np.arange(1, len(values) + 1), values, color=palette(1)[0], linewidth=1.2)
    panel.set_title(title, loc="left", fontsize=9)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _points(adata: AnnData, key: str) -> np.ndarray:
    if key not in adata.obsm:
        raise InputError(
            f"basis must name keys of obsm; there is no '{key}'.{nearest_name(key, adata.obsm)} "
            f"Keys: {list_names(adata.obsm)}."
        )
    stored: Any = adata.obsm[key]
    return np.asarray(stored, dtype=np.float32)
