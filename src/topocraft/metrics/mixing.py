"""Is each cell type kept together, and do the batches mix inside it? Arrays in, numbers per type out."""

from __future__ import annotations

from typing import Any

import numpy as np

from topocraft.errors import InputError
from topocraft.metrics.arrays import checked_embedding, codes_of
from topocraft.topology.neighbors import nearest_neighbors


def neighbor_purity(neighbors_indices: np.ndarray, labels: np.ndarray) -> dict[Any, float]:
    """Return, per label, the mean share of the nearest neighbours that carry the same label.

    A label of m cells is judged on the min(k, m − 1) nearest neighbours of its cells, so that small types can
    reach 1 as well.

    Parameters
    ----------
    neighbors_indices
        The k nearest neighbours of every cell, nearest first and the cell itself left out, (n_cells, k), int.
    labels
        Label of every cell, (n_cells,).

    Returns
    -------
    dict
        From each label, sorted, to a number in 0 … 1; higher is better, 1 where the type stands alone. NaN
        for a label of a single cell, which has no neighbour to be judged by.

    Raises
    ------
    InputError
        The lengths differ, a label is missing, or there are no neighbours.

    Notes
    -----
    By chance a label scores its share of the cells, so that large types start high. A type torn into far
    pieces still scores 1: the measure is local.

    References
    ----------
    The neighbour share behind "positive cells" in iMAP, Wang et al. 2021, doi:10.1186/s13059-021-02280-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.mixing import neighbor_purity
    >>> neighbors = np.array([[1, 2], [0, 2], [3, 1], [2, 1]])
    >>> neighbor_purity(neighbors, np.array(["a", "a", "b", "b"]))
    {'a': 1.0, 'b': 1.0}
    """
    neighbors = np.asarray(neighbors_indices)
    names, codes = codes_of(labels, len(neighbors), "labels")
    if neighbors.ndim != 2 or neighbors.dtype.kind not in "iu":
        raise InputError(
            f"neighbors_indices must be whole numbers, cells × neighbours; got shape {neighbors.shape} of "
            f"{neighbors.dtype}. Take the indices of a neighbour search."
        )
    purity = {}
    for code, label in enumerate(names.tolist()):
        members = np.flatnonzero(codes == code)
        nearest = neighbors[members][:, : len(members) - 1]
        purity[label] = float((codes[nearest] == code).mean()) if nearest.size else float("nan")
    return purity


def batch_mixing(
    embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray, k: int = 15, seed: int = 0
) -> dict[Any, float]:
    """Return, per label, how well its batches mix: neighbours from other batches, observed / expected.

    Among the k nearest neighbours of a cell *within its label* (at most a quarter of the label, so that
    small types are judged locally too), the share from other batches is averaged over the label's cells and
    divided by what random order would give: the mean of (m − m_b) / (m − 1), with m cells of the label, m_b
    of them in the cell's batch.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    batch, labels
        Batch and label of every cell, (n_cells,).
    k
        Neighbours per cell, at least 1.
    seed
        Of the approximate neighbour search, which only labels of more than 20,000 cells need.

    Returns
    -------
    dict
        From each label, sorted, to a number in 0 … 1; higher is better, 1 is perfect mixing, 0 is none. NaN
        for a label found in one batch only, where there is nothing to mix.

    Raises
    ------
    InputError
        An array is not usable, or k is below 1.

    Notes
    -----
    Neighbours are sought inside the label, so that a method that mixes *types* is not found out here: read
    it beside ``neighbor_purity``. Large batches outweigh small ones. Of a label of few cells one neighbour
    each is judged, and the number says little; a batch with fewer than k cells of the label scores above 0
    even when it stands apart.

    References
    ----------
    Batch mixing among nearest neighbours: Büttner et al. 2019, doi:10.1038/s41592-018-0254-1.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.mixing import batch_mixing
    >>> points = np.array([[0.0], [0.1], [9.0], [9.1]])
    >>> batch_mixing(points, np.array([1, 1, 2, 2]), np.array(["t"] * 4), k=1)
    {'t': 0.0}
    """
    if k < 1:
        raise InputError(f"k must be at least 1 neighbour; got {k!r}.")
    points = checked_embedding(embedding)
    _, batches = codes_of(batch, len(points), "batch")
    names, codes = codes_of(labels, len(points), "labels")
    mixing = {}
    for code, label in enumerate(names.tolist()):
        members = codes == code
        mixing[label] = _mixing_of_one(points[members], batches[members], k, seed)
    return mixing


def _mixing_of_one(points: np.ndarray, batch: np.ndarray, k: int, seed: int) -> float:
    _, codes, sizes = np.unique(batch, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return float("nan")
    nearest = nearest_neighbors(points, min(k, max(1, len(points) // 4)), seed).indices
    observed = (codes[nearest] != codes[:, None]).mean()
    expected = (len(codes) - sizes[codes]).mean() / (len(codes) - 1)
    return float(min(1.0, observed / expected))
