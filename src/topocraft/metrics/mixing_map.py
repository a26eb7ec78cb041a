"""Batch mixing cell by cell, to be drawn on a map."""

from __future__ import annotations

import numpy as np

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import Space, TypeNeighbors, as_neighbors, as_types, codes_of, n_cells_of
from topocraft.topology.neighbors import NeighborGraph


def mixing_map(
    space: Space | tuple[TypeNeighbors, ...], batch: np.ndarray, labels: np.ndarray | None = None, k: int = 50
) -> np.ndarray:
    """Return, per cell, how well the batches mix around it: neighbours from other batches, observed / expected.

    The share of the k nearest neighbours that are of another batch, divided by what random order would give, the
    (m − m_b) / (m − 1) of m cells of which m_b are of the cell's batch; at most 1. With types given, neighbours
    and shares are those within the cell's type.

    Parameters
    ----------
    space
        Embedding, (n_cells, d); a neighbour graph; or the neighbours within types, from
        ``neighbors_within_types``, which takes the place of ``labels``.
    batch
        Batch of every cell, (n_cells,).
    labels
        Cell type of every cell, (n_cells,); only with an embedding.
    k
        Neighbours per cell, at least 1; at most a quarter of the cells (of the type), so that the map stays local.

    Returns
    -------
    np.ndarray
        (n_cells,), 0 … 1; higher is better: 0 among cells of its own batch only, 1 in shares as good as random.
        NaN for cells of a type found in one batch only.

    Raises
    ------
    InputError
        An array is not usable, k is below 1, or labels come with something else than an embedding.
    UndefinedScore
        There is one batch only, or one in every type.

    Notes
    -----
    A value is a matter of k draws: where most cells are of one batch, its cells vary widely even in random order,
    and the cap at 1 pulls their mean below it. For a test per cell see ``kbet_p_values``.

    References
    ----------
    Per-cell scores of mixing: Lütge et al. 2021, doi:10.26508/lsa.202001004.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.mixing_map import mixing_map
    >>> points = np.concatenate([np.arange(10.0), 100 + np.arange(10.0)])[:, None]
    >>> batch = np.array(["a", "b"] * 5 + ["a"] * 5 + ["b"] * 5)
    >>> mixing_map(points, batch, k=2).round(2).tolist()[8:]
    [1.0, 0.95, 0.0, 0.0, 0.0, 0.0, 0.95, 0.95, 0.0, 0.0, 0.0, 0.0]
    """
    if k < 1:
        raise InputError(f"k must be at least 1 neighbour; got {k!r}.")
    if labels is not None:
        if isinstance(space, NeighborGraph | tuple):
            raise InputError(
                "labels need an embedding, in which to search within types; got neighbours. Leave them out."
            )
        space = as_types(space, labels)
    if isinstance(space, tuple):
        return _within_types(space, batch, k)
    names, codes = codes_of(batch, n_cells_of(space), "batch")
    if len(names) < 2:
        raise UndefinedScore("All cells are of one batch, so that there is nothing to mix.")
    return _mixing(as_neighbors(space, _local(k, len(codes))), codes)


def _within_types(within: tuple[TypeNeighbors, ...], batch: np.ndarray, k: int) -> np.ndarray:
    n_cells = sum(len(one.cells) for one in within)
    _, codes = codes_of(batch, n_cells, "batch")
    values = np.full(n_cells, np.nan)
    for one in within:
        present, own = np.unique(codes[one.cells], return_inverse=True)
        if len(present) > 1:
            values[one.cells] = _mixing(as_neighbors(one.neighbors, _local(k, len(own))), own)
    if np.isnan(values).all():
        raise UndefinedScore("Every cell type is found in one batch only, so that there is nothing to mix.")
    return values


def _mixing(neighbors: NeighborGraph, batch: np.ndarray) -> np.ndarray:
    observed = (batch[neighbors.indices] != batch[:, None]).mean(axis=1)
    expected = (len(batch) - np.bincount(batch)[batch]) / (len(batch) - 1)
    mixing: np.ndarray = np.minimum(1.0, observed / expected)
    return mixing


def _local(k: int, n_cells: int) -> int:
    return min(k, max(1, n_cells // 4))
