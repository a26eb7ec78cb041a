"""The graph of nearest neighbours, weighed as UMAP does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from topocraft.topology.neighbors import NeighborGraph

if TYPE_CHECKING:
    import igraph

MIN_WIDTH = 1e-3
BISECTIONS = 64


def connectivities(neighbors: NeighborGraph) -> sparse.csr_matrix:
    """Return UMAP's fuzzy weights of a neighbour graph, symmetric, (n, n) (arXiv:1802.03426).

    A neighbour at distance d weighs exp(−max(d − ρ, 0) / σ), where ρ is the distance of the nearest one not at zero
    and σ makes the weights of a point sum to log2(k + 1); a + b − ab joins the two directions of an edge.
    """
    n_points, k = neighbors.indices.shape
    apart = np.where(neighbors.distances > 0, neighbors.distances, np.inf)
    nearest = np.nan_to_num(apart.min(axis=1, keepdims=True), posinf=0.0)
    beyond = np.maximum(neighbors.distances - nearest, 0.0)
    width = _solve_widths(beyond, np.log2(k + 1))
    floor = MIN_WIDTH * neighbors.distances.sum(axis=1) / (k + 1)
    weights = np.exp(-beyond / np.maximum(width, np.maximum(floor, 1e-12))[:, None])
    ends = (np.repeat(np.arange(n_points), k), neighbors.indices.ravel())
    directed = sparse.csr_matrix((weights.ravel(), ends), shape=(n_points, n_points))
    backward = directed.T.tocsr()
    return (directed + backward - directed.multiply(backward)).tocsr()


def _solve_widths(beyond: np.ndarray, target: float) -> np.ndarray:
    low, high = np.zeros(len(beyond)), np.full(len(beyond), np.inf)
    width = np.ones(len(beyond))
    for _ in range(BISECTIONS):
        too_wide = np.exp(-beyond / np.maximum(width, 1e-300)[:, None]).sum(axis=1) > target
        high = np.where(too_wide, width, high)
        low = np.where(too_wide, low, width)
        width = np.where(np.isinf(high), 2 * width, (low + high) / 2)
    return width


def as_network(graph: sparse.csr_matrix) -> igraph.Graph:
    """Return a symmetric weighted graph, (n, n), as igraph holds it; build it once for several clusterings."""
    import igraph

    upper = sparse.triu(graph, k=1).tocoo()
    edges = np.column_stack([upper.row, upper.col]).astype(np.int64)
    return igraph.Graph(n=graph.shape[0], edges=edges, edge_attrs={"weight": upper.data})
