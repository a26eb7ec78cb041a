"""Does each cell type hang together in the neighbour graph? Neighbours in, a number out."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from topocraft.metrics.arrays import Space, as_neighbors, codes_of


def graph_connectivity(space: Space, labels: np.ndarray, k: int = 14) -> float:
    """Return the mean over types of the share of a type's cells in its largest connected piece.

    The graph has an arrow from every cell to its k nearest others. Of each type the arrows among its own cells
    are kept; a piece is *strongly* connected: every cell of it can be reached from every other along arrows.

    Parameters
    ----------
    space
        The embedding, (n_cells, d), finite, or a neighbour graph with at least ``k`` neighbours.
    labels
        Type of every cell, (n_cells,).
    k
        Neighbours of a cell, itself not counted; 14 is the usual graph of 15 that counts the cell.

    Returns
    -------
    float
        In 0 … 1, above 0; higher is better. A type of one cell is connected, 1.

    Raises
    ------
    InputError
        The arrays are not usable, or ``k`` is below 1 or above what the graph holds.

    Notes
    -----
    Nearly all methods score close to 1, so that it adds a constant to a mean rather than tell methods apart;
    nothing is said about other types inside the piece. Since arrows have a direction, outliers that nobody
    counts among the nearest are pieces of their own.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.graph import graph_connectivity
    >>> points = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> graph_connectivity(points, np.array(["a", "a", "a", "a"]), k=1)
    0.5
    """
    neighbors = as_neighbors(space, k)
    n_cells, found = neighbors.indices.shape
    names, codes = codes_of(labels, n_cells, "labels")
    source, target = np.repeat(np.arange(n_cells), found), neighbors.indices.ravel()
    same = codes[source] == codes[target]
    arrows = sparse.csr_array((np.ones(same.sum(), np.int8), (source[same], target[same])), shape=(n_cells, n_cells))
    _, pieces = connected_components(arrows, connection="strong")
    # No arrow joins two types, so a piece lies within one.
    sizes = np.bincount(pieces)
    largest = np.zeros(len(names))
    np.maximum.at(largest, codes, sizes[pieces])
    return float((largest / np.bincount(codes)).mean())
