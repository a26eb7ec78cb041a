"""How far a classifier of batches is from telling them apart, inside populations."""

from __future__ import annotations

import numpy as np

from topocraft.metrics.arrays import Typed
from topocraft.metrics.counting import neighbor_counts
from topocraft.metrics.per_type import MixedType, mixed_types

NEIGHBORS = 15


def batch_confusion(space: Typed, batch: np.ndarray, labels: np.ndarray | None = None) -> float:
    """Score how little the nearest neighbours of a cell tell of its batch: 1 − (accuracy − chance) / (1 − chance).

    A cell is given to the batch that is most overrepresented among its 15 nearest of its own population (fewer in
    populations of under 30): each batch's count over the number of its other cells there. Accuracy is the mean over
    batches of the share of cells given rightly, so that large batches weigh no more than small ones; chance is one over
    the number of batches.

    Parameters
    ----------
    space
        Embedding, (n_cells, d); or populations with their neighbours, from ``neighbors_within_types``.
    batch
        Batch of every cell, (n_cells,).
    labels
        Population of every cell, (n_cells,); only with an embedding.

    Returns
    -------
    float
        0, all batches told apart, to 1, none better than by chance; the mean over populations of at least 10 cells
        in two batches or more.

    Raises
    ------
    InputError
        An array is not usable.
    UndefinedScore
        There is no such population.

    Examples
    --------
    >>> points, batch = np.repeat([0.0, 99.0], 30)[:, None], np.repeat(["a", "b"], 30)
    >>> batch_confusion(points, batch, np.repeat("t", 60))
    0.0
    """
    return float(np.mean([_confusion(one) for one in mixed_types(space, batch, labels)]))


def _confusion(one: MixedType) -> float:
    sizes = np.bincount(one.batch)
    neighbors = one.within.neighbors.first(min(NEIGHBORS, max(1, one.n_cells // 2)))
    right = np.empty(one.n_cells)
    for rows, counts in neighbor_counts(neighbors.indices, one.batch, one.n_batches):
        own = one.batch[rows]
        others = sizes - np.eye(one.n_batches, dtype=int)[own]
        shares = counts / np.maximum(others, 1)
        best = np.isclose(shares, shares.max(axis=1, keepdims=True))
        right[rows] = best[np.arange(len(own)), own] / best.sum(axis=1)
    accuracy = (np.bincount(one.batch, right) / sizes).mean()
    chance = 1 / one.n_batches
    return float(np.clip(1 - (accuracy - chance) / (1 - chance), 0.0, 1.0))
