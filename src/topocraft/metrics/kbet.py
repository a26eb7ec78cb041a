"""Do the nearest cells hold the batches in the shares that chance would give? kBET."""

from __future__ import annotations

import numpy as np

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import Space, as_neighbors, codes_of, n_cells_of
from topocraft.metrics.counting import neighbor_counts
from topocraft.topology.neighbors import NeighborGraph

ALPHA = 0.05


def kbet_p_values(space: Space, batch: np.ndarray, k: int = 50) -> np.ndarray:
    """Return, per cell, the p-value of a chi² test of the batches among its k nearest cells, itself one of them.

    The statistic Σ_b (n_b − k π_b)² / (k π_b), with n_b of the k in batch b and π_b that batch's share of all
    cells, is held against chi² of (number of batches − 1) degrees of freedom.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or a neighbour graph of at least k − 1 neighbours.
    batch
        Batch of every cell, (n_cells,).
    k
        Cells per neighbourhood, 2 … n_cells − 1; the cell itself counts as one.

    Returns
    -------
    np.ndarray
        (n_cells,), 0 … 1; near 0 where one batch is crowded.

    Raises
    ------
    InputError
        An array is not usable, or k is below 2.
    UndefinedScore
        There is one batch only, or no more than k cells: the whole always has the shares of the whole.

    Notes
    -----
    The chi² distribution is an approximation, poor where k π_b is below about 5: a single cell of a rare batch
    then rejects. Neighbourhoods overlap, so that the tests are not independent.

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.kbet import kbet_p_values
    >>> points = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> kbet_p_values(points, np.array(["a", "a", "b", "b", "b", "a"]), k=3).round(3)
    array([0.564, 0.564, 0.564, 0.564, 0.564, 0.564])
    """
    n_cells = n_cells_of(space)
    names, codes = codes_of(batch, n_cells, "batch")
    check_k(k)
    if len(names) < 2:
        raise UndefinedScore("All cells are of one batch, so that there is nothing to mix.")
    if n_cells <= k:
        raise UndefinedScore(f"The {k} nearest cells of every cell are all {n_cells} cells: choose a smaller k.")
    return p_values(as_neighbors(space, k - 1), codes, len(names))


def kbet(space: Space, batch: np.ndarray, k: int = 50, alpha: float = ALPHA) -> float:
    """Score how often the batches around a cell pass for a random draw: the share of p-values of at least alpha.

    Parameters
    ----------
    space, batch, k
        As in ``kbet_p_values``.
    alpha
        Level of the test, above 0 and below 1.

    Returns
    -------
    float
        0 … 1, the acceptance rate; higher is better, about 1 − alpha or more in random order.

    Raises
    ------
    InputError
        An array or a number is not usable.
    UndefinedScore
        As in ``kbet_p_values``.

    Notes
    -----
    It equals the acceptance rate of scib-metrics' ``kbet`` given the same neighbours. It is strict: batches
    that differ in their cell types cannot pass (see ``kbet_types``), nor small shifts of the shares if k is
    large (see ``kbet_types.kbet_at``).

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.kbet import kbet
    >>> kbet(np.arange(40.0)[:, None], np.repeat(["a", "b"], 20), k=11)
    0.15
    """
    check_alpha(alpha)
    return float((kbet_p_values(space, batch, k) >= alpha).mean())


def p_values(neighbors: NeighborGraph, batch: np.ndarray, n_batches: int) -> np.ndarray:
    """Test every cell and its neighbours against the shares of 0 … n_batches−1 among all cells."""
    from scipy.special import chdtrc

    expected = np.bincount(batch, minlength=n_batches) / len(batch) * (neighbors.indices.shape[1] + 1)
    result = np.empty(len(batch))
    for rows, counts in neighbor_counts(neighbors.indices, batch, n_batches):
        counts[np.arange(len(counts)), batch[rows]] += 1
        result[rows] = chdtrc(n_batches - 1, (np.square(counts - expected) / expected).sum(axis=1))
    return result


def check_k(k: int) -> None:
    """Refuse a neighbourhood without a neighbour."""
    if k < 2:
        raise InputError(f"k must be at least 2 cells, of which one is the cell itself; got {k!r}.")


def check_alpha(alpha: float) -> None:
    """Refuse a level that would accept everything, or nothing."""
    if not 0 < alpha < 1:
        raise InputError(f"alpha must be above 0 and below 1; got {alpha!r}.")
