"""Do the types keep the distances that they have within each batch? Arrays in, a number out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import checked_embedding, codes_of
from topocraft.randomness import stream_seed


@dataclass(frozen=True, eq=False)
class TypeDistances:
    """Distances among cell types, agreed upon by the batches.

    ``names``, (m,), sorted; ``distances``, (m, m), each column with the largest distance 1, and NaN where no batch
    holds both types.
    """

    names: np.ndarray
    distances: np.ndarray


def reference_distances(
    expression: np.ndarray | sparse.csr_matrix | sparse.csr_array,
    batch: np.ndarray,
    labels: np.ndarray,
    *,
    components: int = 10,
    trim: float = 0.05,
    min_batch: int = 100,
    min_type: int = 10,
    seed: int = 0,
) -> TypeDistances:
    """Return how far apart the types lie within single batches, where no batch effect can reach.

    In every batch alone: a PCA, the trimmed mean of each type, the Euclidean distances of these, divided by the
    largest of each column. Their mean over the batches that hold both types, again by the largest of its column.

    Parameters
    ----------
    expression
        Log-normalised expression of the highly variable genes, (n_cells, n_genes), dense or CSR, finite.
    batch, labels
        Batch and type of every cell, (n_cells,).
    components
        Principal components, at least 1.
    trim
        Share of the cells of a type that is cut off at each end of every component, from 0 to below 0.5.
    min_batch, min_type
        Smaller batches, and types with fewer cells in all batches together, are left out.
    seed
        Of the start of the search for components, which decides no digit that matters.

    Returns
    -------
    TypeDistances
        The reference for :func:`scgraph`.

    Raises
    ------
    InputError
        The arrays or options are not usable.
    UndefinedScore
        Fewer than three types are large enough, or no batch is large enough and holds two of them.

    Notes
    -----
    The published tool chooses 1,000 genes anew in each batch; here all genes handed in are used. As there, a type
    may rest on few cells in one batch.

    References
    ----------
    Wang, Leskovec and Regev 2025, doi:10.1038/s41587-025-02702-z.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.scgraph import reference_distances
    >>> types = np.repeat([0, 1, 2], 40)
    >>> expression = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])[types]
    >>> reference_distances(expression, np.zeros(120), types).distances.round(2)[0].tolist()
    [0.0, 0.6, 0.8]
    """
    _require_options(components, trim)
    rows = _checked_expression(expression)
    _, batches = codes_of(batch, rows.shape[0], "batch")
    names, types = codes_of(labels, rows.shape[0], "labels")
    kept = np.flatnonzero(np.bincount(types) >= min_type)
    if len(kept) < 3:
        raise UndefinedScore(f"scGraph needs three types of at least {min_type} cells; there are {len(kept)}.")
    found = []
    for code in np.flatnonzero(np.bincount(batches) >= min_batch):
        members = np.flatnonzero(batches == code)
        # Sparse even where it was dense: the search multiplies by vectors, which threads only slow down.
        own = sparse.csr_array(rows[members], dtype=float)
        if len(np.intersect1d(types[members], kept)) > 1 and _varies(own):
            space = _principal_components(own, components, stream_seed(seed, "scgraph"))
            found.append(_scaled_distances(space, types[members], kept, trim))
    if not found:
        raise UndefinedScore(f"scGraph needs a batch of at least {min_batch} cells with two types; there is none.")
    return TypeDistances(names[kept], _by_column_maximum(_mean_where_known(np.stack(found))))


def scgraph(embedding: np.ndarray, labels: np.ndarray, reference: TypeDistances, *, trim: float = 0.05) -> float:
    """Return how well the distances among types agree with those inside single batches ("Corr-Weighted").

    The mean over types of the weighted Pearson correlation of the type's distances to the others, in the
    embedding and in the reference, with the weights 1 / distance in the reference, so that near types count.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    labels
        Type of every cell, (n_cells,).
    reference
        From :func:`reference_distances`; it is the same for all embeddings of the same cells.
    trim
        Share of the cells of a type that is cut off at each end of every dimension, from 0 to below 0.5.

    Returns
    -------
    float
        In −1 … 1; higher is better, 1 where the distances are proportional.

    Raises
    ------
    InputError
        The arrays or options are not usable, or a type of the reference has no cell.
    UndefinedScore
        No type has two others at different distances, in both the embedding and the reference.

    Notes
    -----
    Only the centres of types are seen, by distances along straight lines, and the reference is itself a linear
    PCA, which PCA-like methods meet most easily. A type with two others to compare scores 1 or −1. Trimming goes
    by dimension, so that turning the embedding moves the score a little.

    References
    ----------
    Wang, Leskovec and Regev 2025, doi:10.1038/s41587-025-02702-z.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.scgraph import TypeDistances, scgraph
    >>> truth = np.array([[0, 0.5, 1, 1], [0.4, 0, 0.5, 0.6], [1, 0.7, 0, 0.3], [1, 0.8, 0.3, 0]])
    >>> points = np.array([[0.0], [1.0], [2.0], [2.2]])
    >>> round(scgraph(points, np.array(list("abcd")), TypeDistances(np.array(list("abcd")), truth)), 2)
    0.93
    """
    _require_options(1, trim)
    points = checked_embedding(embedding)
    names, types = codes_of(labels, len(points), "labels")
    if not np.isin(reference.names, names).all():
        raise InputError("labels must hold every type of the reference; build the reference from the same cells.")
    distances = _scaled_distances(points, types, np.searchsorted(names, reference.names), trim)
    scores = [_weighted_correlation(*columns) for columns in zip(distances.T, reference.distances.T, strict=True)]
    if np.isnan(scores).all():
        raise UndefinedScore("No type has two others at different distances in both embedding and reference.")
    return float(np.nanmean(scores))


def _varies(rows: sparse.csr_array) -> bool:
    return bool((rows.max(axis=0) != rows.min(axis=0)).sum())


def _principal_components(rows: sparse.csr_array, components: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    wanted = min(components, *rows.shape)
    solver = "arpack" if wanted < min(rows.shape) else "covariance_eigh"
    space: np.ndarray = PCA(wanted, svd_solver=solver, tol=1e-4, random_state=seed).fit_transform(rows)
    return space


def _scaled_distances(points: np.ndarray, types: np.ndarray, kept: np.ndarray, trim: float) -> np.ndarray:
    """Return the distances among the trimmed means of the kept types, by column; NaN where a type has no cell."""
    centres = np.full((len(kept), points.shape[1]), np.nan)
    for row, code in enumerate(kept):
        members = np.sort(points[types == code].astype(float), axis=0)
        cut = int(trim * len(members))
        if len(members):
            centres[row] = members[cut : len(members) - cut].mean(axis=0)
    return _by_column_maximum(cdist(centres, centres))


def _by_column_maximum(distances: np.ndarray) -> np.ndarray:
    largest = np.nan_to_num(distances).max(axis=0)
    scaled = np.full_like(distances, np.nan)
    np.divide(distances, largest, out=scaled, where=largest > 0)
    return scaled


def _mean_where_known(stack: np.ndarray) -> np.ndarray:
    known = ~np.isnan(stack)
    counts = known.sum(axis=0)
    total = np.where(known, stack, 0).sum(axis=0)
    mean = np.full(counts.shape, np.nan)
    np.divide(total, counts, out=mean, where=counts > 0)
    return mean


def _weighted_correlation(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the correlation, weighted by 1 / truth; NaN where one side does not vary."""
    usable = (truth > 0) & ~np.isnan(found)
    if usable.sum() < 2:
        return float("nan")
    weights = 1 / truth[usable]
    first, second = found[usable], truth[usable]
    covariance = np.cov(first, second, aweights=weights, ddof=0)
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(np.clip(covariance[0, 1] / scale, -1, 1)) if scale > 1e-15 else float("nan")


def _require_options(components: int, trim: float) -> None:
    if components < 1:
        raise InputError(f"components must be at least 1; got {components!r}.")
    if not 0 <= trim < 0.5:
        raise InputError(f"trim must be from 0 to below 0.5, the share cut off at each end; got {trim!r}.")


def _checked_expression(expression: np.ndarray | sparse.csr_matrix | sparse.csr_array) -> Any:
    rows = sparse.csr_array(expression) if sparse.issparse(expression) else np.asarray(expression)
    if rows.ndim != 2 or 0 in rows.shape:
        raise InputError(f"expression must be cells × genes, with at least one of each; got shape {rows.shape}.")
    if not np.isfinite(rows.data if sparse.issparse(rows) else rows).all():
        raise InputError("expression must be finite; it holds NaN or infinity. Repair those values beforehand.")
    return rows
