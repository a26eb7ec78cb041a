"""How many batches, or cell types, a cell's neighbourhood holds in effect: LISI and its scores."""

from __future__ import annotations

import numpy as np

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import Space, as_neighbors, codes_of, n_cells_of
from topocraft.metrics.counting import neighbor_counts
from topocraft.metrics.perplexity import neighbor_weights

NEIGHBORS = 89  # with the cell itself 90, of which a third is the perplexity


def lisi(
    space: Space,
    values: np.ndarray,
    perplexity: float | None = None,
    k: int = NEIGHBORS,
    *,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return, per cell, the inverse Simpson index of a column among its weighted neighbours.

    1 / Σ_c s_c², where s_c is category c's share of the weight of the cell's neighbours.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or a neighbour graph of at least k neighbours.
    values
        Batch, type or any other category of every cell, (n_cells,).
    perplexity
        The effective number of neighbours, at least 1; ``max(1, (k + 1) // 3)`` if not given.
    k
        Neighbours per cell, itself left out; all others where they are fewer.
    weights
        Of those neighbours, (n_cells, k), from ``neighbor_weights``: they spare computing them for every column.

    Returns
    -------
    np.ndarray
        (n_cells,), from 1, a single category nearby, to the number of categories, all in equal shares.

    Raises
    ------
    InputError
        An array or a number is not usable; the message says which.

    Notes
    -----
    It equals scib-metrics' ``lisi_knn`` given the same neighbours, except where its float32 weights underflow:
    at neighbours that are far for how little their distances differ it is off by some 0.01, or −1. The weights
    here start from the nearest. The most that mixing can reach depends on the shares: 1 / Σ π², not the number
    of categories.

    References
    ----------
    Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.lisi import lisi
    >>> lisi(np.array([[0.0], [1.0], [2.0], [9.0]]), np.array(["a", "b", "a", "b"]), perplexity=3).round(3)
    array([1.8, 1.8, 1.8, 1.8])
    """
    neighbors = as_neighbors(space, k)
    names, codes = codes_of(values, len(neighbors.indices), "values")
    weights = neighbor_weights(neighbors, perplexity) if weights is None else weights
    if weights.shape != neighbors.indices.shape:
        raise InputError(
            f"weights must have one entry for each of the {neighbors.indices.shape} cells × neighbours; got shape "
            f"{weights.shape}. Compute them from the same k neighbours."
        )
    result = np.empty(len(codes))
    for rows, shares in neighbor_counts(neighbors.indices, codes, len(names), weights):
        result[rows] = np.square(shares.sum(axis=1)) / np.square(shares).sum(axis=1)
    return np.clip(result, 1, len(names))


def ilisi(
    space: Space, batch: np.ndarray, perplexity: float | None = None, *, weights: np.ndarray | None = None
) -> float:
    """Score how well the batches mix around a typical cell.

    (median LISI of the batch − 1) / (number of batches − 1), among 89 neighbours.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or a neighbour graph of at least 89 neighbours.
    batch
        Batch of every cell, (n_cells,).
    perplexity, weights
        As in ``lisi``.

    Returns
    -------
    float
        0 … 1; higher is better: 0 with one batch around most cells, 1 with all in equal shares.

    Raises
    ------
    InputError
        An array is not usable.
    UndefinedScore
        There is one batch only.

    Notes
    -----
    It rewards batches in equal shares, whatever their sizes, and mixing across types as much as within. Random
    order does not reach 1, and batches of unequal size stay far below: see ``cilisi`` and ``expected_lisi``.

    References
    ----------
    Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0; scaled as in Luecken et al. 2022,
    doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.lisi import ilisi
    >>> round(ilisi(np.arange(40.0)[:, None], np.tile(["a", "b"], 20)), 1)
    0.9
    """
    n_batches, median = _median(space, batch, "batch", perplexity, weights)
    if n_batches < 2:
        raise UndefinedScore("All cells are of one batch, so that there is nothing to mix.")
    return (median - 1) / (n_batches - 1)


def clisi(
    space: Space, labels: np.ndarray, perplexity: float | None = None, *, weights: np.ndarray | None = None
) -> float:
    """Score how well the cell types stay apart around a typical cell.

    (number of types − median LISI of the type) / (number of types − 1), among 89 neighbours.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or a neighbour graph of at least 89 neighbours.
    labels
        Cell type of every cell, (n_cells,).
    perplexity, weights
        As in ``lisi``.

    Returns
    -------
    float
        0 … 1; higher is better: 1 with one type around most cells, 0 with all in equal shares.

    Raises
    ------
    InputError
        An array is not usable.
    UndefinedScore
        There is one type only.

    Notes
    -----
    It saturates: most embeddings, the uncorrected one included, reach 0.99, and a median does not see a type
    of less than half of the cells.

    References
    ----------
    Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0; scaled as in Luecken et al. 2022,
    doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.lisi import clisi
    >>> clisi(np.concatenate([np.arange(95.0), 1e3 + np.arange(95.0)])[:, None], np.repeat(["a", "b"], 95))
    1.0
    """
    n_types, median = _median(space, labels, "labels", perplexity, weights)
    if n_types < 2:
        raise UndefinedScore("All cells are of one type, so that there is nothing to keep apart.")
    return (n_types - median) / (n_types - 1)


def f1_lisi(clisi: float, blisi: float) -> float:
    """Return the harmonic mean of type separation and batch mixing, 2 c b / (c + b).

    Parameters
    ----------
    clisi, blisi
        The two scores, 0 … 1.

    Returns
    -------
    float
        0 … 1; higher is better, 0 where either score is 0.

    Raises
    ------
    InputError
        A score is outside 0 … 1.

    Notes
    -----
    As cLISI saturates near 1, it mostly orders methods by their batch mixing.

    References
    ----------
    Tran et al. 2020, doi:10.1186/s13059-019-1850-9.

    Examples
    --------
    >>> from topocraft.metrics.lisi import f1_lisi
    >>> f1_lisi(1.0, 0.5)
    0.6666666666666666
    """
    for name, score in (("clisi", clisi), ("blisi", blisi)):
        if not 0 <= score <= 1:
            raise InputError(f"{name} must be in 0 … 1; got {score!r}.")
    return 2 * clisi * blisi / (clisi + blisi) if clisi + blisi else 0.0


def _median(
    space: Space, column: np.ndarray, name: str, perplexity: float | None, weights: np.ndarray | None
) -> tuple[int, float]:
    names, codes = codes_of(column, n_cells_of(space), name)
    if len(names) < 2:
        return 1, 1.0
    return len(names), float(np.median(lisi(space, codes, perplexity, weights=weights)))
