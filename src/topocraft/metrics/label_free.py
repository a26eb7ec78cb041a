"""Scores that need no cell types: whether the structure inside each batch is still there."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import Space, codes_of, n_cells_of
from topocraft.metrics.clustering import Clusterings, agreement, leiden_clusterings

REFERENCE_RESOLUTION = 0.5
MIN_BATCH = 30
COMPONENTS = 50


def within_batch_clusters(expression: sparse.csr_matrix | np.ndarray, batch: np.ndarray, seed: int = 0) -> np.ndarray:
    """Cluster every batch by itself: Leiden of resolution 0.5 on 50 principal components of the batch alone.

    Parameters
    ----------
    expression
        Log-normalised values of the cells before any integration, (n_cells, n_genes).
    batch
        Batch of every cell, (n_cells,).
    seed
        Of the clustering.

    Returns
    -------
    numpy.ndarray
        Cluster codes, (n_cells,), int64, counted anew in every batch; −1 in batches of fewer than 30 cells, which
        show no clusters to rely on.

    Raises
    ------
    InputError
        The values are no matrix of finite numbers, or a cell has no batch.
    """
    values = _checked_expression(expression)
    _, codes = codes_of(batch, values.shape[0], "batch")
    found = np.full(len(codes), -1, dtype=np.int64)
    for code in range(codes.max() + 1):
        cells = np.flatnonzero(codes == code)
        if len(cells) >= MIN_BATCH:
            points = _few_dimensions(values[cells])
            found[cells] = leiden_clusterings(points, (REFERENCE_RESOLUTION,), seed).codes[0]
    return found


def _checked_expression(expression: sparse.csr_matrix | np.ndarray) -> sparse.csr_matrix | np.ndarray:
    values: Any = sparse.csr_matrix(expression) if sparse.issparse(expression) else np.asarray(expression)
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "biuf":
        raise InputError(
            "expression must be numbers, cells × genes, with at least one of each; got shape "
            f"{values.shape} of {values.dtype}. Pass log-normalised values."
        )
    if not np.isfinite(values.data if sparse.issparse(values) else values).all():
        raise InputError("expression must be finite; some of it is NaN or infinite. Repair it, or leave cells out.")
    checked: sparse.csr_matrix | np.ndarray = values
    return checked


def _few_dimensions(values: sparse.csr_matrix | np.ndarray) -> np.ndarray:
    from topocraft.topology.components import principal_components

    if values.shape[1] > COMPONENTS:
        return principal_components(sparse.csr_matrix(values), COMPONENTS)
    return values if isinstance(values, np.ndarray) else values.toarray()


def within_batch_agreement(
    space: Space | Clusterings, batch: np.ndarray, clusters: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Return NMI and ARI of the embedding's clusters with each batch's own clusters, averaged over batches.

    The embedding's clusters are those of the one resolution, of ten, whose NMI averaged over batches is highest.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), its neighbours, or its clusterings from ``leiden_clusterings``.
    batch
        Batch of every cell, (n_cells,).
    clusters
        Clusters of every batch by itself, from ``within_batch_clusters``; −1 where there are none.
    seed
        Of the clustering.

    Returns
    -------
    tuple of float
        NMI, 0 … 1, and ARI, −0.5 … 1; higher is better.

    Raises
    ------
    InputError
        The arrays do not fit together.
    UndefinedScore
        No batch of at least 30 cells has two clusters of its own.

    Notes
    -----
    It says what became of structure inside batches, and nothing of mixing: unintegrated cells score high. The clusters
    compared with are themselves an estimate.

    References
    ----------
    He, Filippidis, Kleinstein, Guan 2025, doi:10.1038/s42003-025-07988-y, "Hyperparameter setting".

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics import within_batch_agreement
    >>> points = np.random.default_rng(0).normal(size=(80, 2)) + np.repeat([0, 50], 40)[:, None]
    >>> batch, own = np.tile([0, 1], 40), np.repeat([0, 1], 40)
    >>> [round(score, 3) for score in within_batch_agreement(points, batch, own)]
    [1.0, 1.0]
    """
    n_cells = space.codes.shape[1] if isinstance(space, Clusterings) else n_cells_of(space)
    groups = _batches_with_structure(batch, clusters, n_cells)
    clusterings = space if isinstance(space, Clusterings) else leiden_clusterings(space, seed=seed)
    scores = np.array(
        [[agreement(clusters[cells], codes[cells]) for cells in groups] for codes in clusterings.codes]
    ).mean(axis=1)
    best = scores[scores[:, 0].argmax()]
    return float(best[0]), float(best[1])


def _batches_with_structure(batch: np.ndarray, clusters: np.ndarray, n_cells: int) -> list[np.ndarray]:
    _, codes = codes_of(batch, n_cells, "batch")
    codes_of(clusters, n_cells, "clusters")
    groups = [np.flatnonzero((codes == code) & (clusters >= 0)) for code in range(codes.max() + 1)]
    groups = [cells for cells in groups if len(np.unique(clusters[cells])) > 1]
    if not groups:
        raise UndefinedScore(f"No batch of at least {MIN_BATCH} cells has two clusters of its own.")
    return groups
