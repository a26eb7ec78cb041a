"""Cells laid out in the plane, the same for the same seed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from topocraft.errors import InputError
from topocraft.randomness import numpy_stream, stream_seed
from topocraft.topology.graph import connectivities
from topocraft.topology.neighbors import nearest_neighbors

if TYPE_CHECKING:
    from scipy import sparse

NEIGHBORS, SPREAD, MIN_DISTANCE = 15, 1.0, 0.3
FEW = 20
"""Cells for which the spectral start of a layout has too little to go by."""
LARGE, ROUNDS = 5_000, 200
"""Cells from which 200 rounds are enough; UMAP itself takes 500 up to 10,000 cells."""


def umap_layout(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Lay cells out in the plane by UMAP, the same for the same seed.

    Parameters
    ----------
    points
        Coordinates, (n_cells, d), finite, at least 4 cells.
    seed
        Of the layout.

    Returns
    -------
    numpy.ndarray
        (n_cells, 2), float32. Distances in it are no measure of anything: it is for looking at.

    Raises
    ------
    InputError
        Fewer than 4 cells.

    References
    ----------
    McInnes, Healy, Melville 2018, arXiv:1802.03426.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.plot import umap_layout
    >>> umap_layout(np.random.default_rng(0).normal(size=(40, 5))).shape
    (40, 2)
    """
    if len(points) < 4:
        raise InputError(f"A UMAP needs at least 4 cells; got {len(points)}.")
    return graph_layout(connectivities(nearest_neighbors(points, NEIGHBORS, seed)), points, seed)


def graph_layout(graph: sparse.csr_matrix, points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Lay a graph of cells out in the plane as UMAP does, the same for the same seed.

    Parameters
    ----------
    graph
        Weights, 0 … 1, symmetric, (n_cells, n_cells), at least 4 cells.
    points
        Coordinates, (n_cells, d), that say where to begin with pieces of the graph that are not joined.
    seed
        Of the layout.

    Returns
    -------
    numpy.ndarray
        (n_cells, 2), float32.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from topocraft.plot import graph_layout
    >>> points = np.random.default_rng(0).normal(size=(40, 5))
    >>> graph_layout(sparse.csr_matrix(np.ones((40, 40)) - np.eye(40)), points).shape
    (40, 2)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import umap_

        # Our graph, and only the layout from umap: to compile its neighbour search takes 15 s more.
        a, b = umap_.find_ab_params(SPREAD, MIN_DISTANCE)
        layout: np.ndarray = umap_.simplicial_set_embedding(
            points,
            graph.tocoo(),
            n_components=2,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=ROUNDS if len(points) >= LARGE else None,
            init="random" if len(points) < FEW else "spectral",
            random_state=np.random.RandomState(stream_seed(seed, "umap")),
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
        )[0]
    return layout


def in_chance_order(cells: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return cells, (m,), in an order in which no batch is painted over the others."""
    return numpy_stream(seed, "drawing order").permutation(cells)
