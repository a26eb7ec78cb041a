"""Neighbours at two moments: how many are the same, and of which kind they are."""

from __future__ import annotations

import numpy as np

BLOCK = 4096


def common_share(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the share of neighbours that two graphs of the same cells have in common, (n_cells,).

    Parameters
    ----------
    one, other
        Indices of neighbours, (n_cells, k), no cell twice in a row.

    Examples
    --------
    >>> import numpy as np
    >>> common_share(np.array([[1, 2]]), np.array([[2, 3]]))
    array([0.5])
    """
    shares = np.empty(len(one))
    for start in range(0, len(one), BLOCK):
        rows = slice(start, start + BLOCK)
        shares[rows] = (one[rows, :, None] == other[rows, None, :]).any(axis=2).mean(axis=1)
    return shares


def share_of_others(indices: np.ndarray, codes: np.ndarray, k: int) -> np.ndarray:
    """Return, per cell, the share of its ``k`` nearest that have another code than its own, (n_cells,)."""
    shares: np.ndarray = (codes[indices[:, :k]] != codes[:, None]).mean(axis=1)
    return shares


def nearest_of_pool(points: np.ndarray, asked: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Return the ``k`` nearest of each asked cell among the asked and the others, itself left out.

    Parameters
    ----------
    points
        Coordinates of all cells, (n_cells, d).
    asked, others
        Positions, (m,) and (n,), none in both.

    Returns
    -------
    numpy.ndarray
        Positions, (m, k).
    """
    from sklearn.neighbors import NearestNeighbors

    pool = np.concatenate([asked, others])
    k = min(k, len(pool) - 1)
    search = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(points[pool])
    found = search.kneighbors(points[asked], return_distance=False)
    own = found == np.arange(len(asked))[:, None]
    own[~own.any(axis=1), -1] = True
    nearest: np.ndarray = pool[found[~own].reshape(len(asked), k)]
    return nearest
