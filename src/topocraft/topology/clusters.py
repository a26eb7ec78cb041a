"""Two clusterings, and what may be asserted between them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from topocraft.config import TopologyConfig
from topocraft.randomness import python_stream
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors

if TYPE_CHECKING:
    import igraph

UNDECIDED = -1
MIN_WIDTH = 1e-3
BISECTIONS = 64


@dataclass(frozen=True, eq=False)
class Topology:
    """What is reliably known inside each batch.

    Cells of one batch with different ``low`` codes are unlike; with equal ``low`` and ``high`` codes alike.
    ``UNDECIDED`` (−1) in ``low`` means that nothing is asserted about the cell. ``low_names`` and ``high_names``
    are the names behind the codes; both code arrays are int64 of shape (n_cells,).
    """

    low: np.ndarray
    high: np.ndarray
    low_names: tuple[str, ...]
    high_names: tuple[str, ...]


def find_topology(
    expression: sparse.csr_matrix,
    batch: np.ndarray,
    config: TopologyConfig,
    seed: int = 0,
    labels_low: np.ndarray | None = None,
    labels_high: np.ndarray | None = None,
) -> Topology:
    """Cluster log-normalised cells at two resolutions; the user's labels override where they are given.

    Parameters
    ----------
    expression
        Log-normalised values, CSR, (n_cells, n_genes).
    batch
        Batch codes, (n_cells,).
    config
        Resolutions, scope and method (doi:10.1038/s41598-019-41695-z for Leiden).
    seed
        Of the community detection.
    labels_low, labels_high
        The user's annotation, ``None`` for unlabelled cells.
    """
    components = principal_components(expression, config.n_components)
    low = np.zeros(len(batch), dtype=np.int64)
    high = np.zeros(len(batch), dtype=np.int64)
    groups = np.unique(batch) if config.scope == "batch" else [None]
    for group in groups:
        members = np.arange(len(batch)) if group is None else np.flatnonzero(batch == group)
        low_here, high_here = _two_levels(components[members], config, seed)
        low[members] = low_here + low.max() + 1
        high[members] = high_here + high.max() + 1
    low_names, low = _names_and_codes(low, labels_low, spread=True)
    high_names, high = _names_and_codes(high, labels_high, spread=False)
    return Topology(low, high, low_names, high_names)


def principal_components(expression: sparse.csr_matrix, n_components: int) -> np.ndarray:
    """Return the leading principal components, (n_cells, ≤ n_components), float32.

    Where cells are fewer than genes, Lanczos iterations on the cells cost a fraction of a genes × genes decomposition.
    """
    from sklearn.decomposition import PCA

    n_components = min(n_components, min(expression.shape) - 1)
    solver = "arpack" if expression.shape[0] < expression.shape[1] else "covariance_eigh"
    fit = PCA(n_components=n_components, svd_solver=solver, random_state=0)
    components: np.ndarray = fit.fit_transform(expression).astype(np.float32)
    return components


def _two_levels(points: np.ndarray, config: TopologyConfig, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if len(points) < 4:
        return np.zeros(len(points), dtype=np.int64), np.zeros(len(points), dtype=np.int64)
    graph = connectivities(nearest_neighbors(points, config.n_neighbors, seed))
    network = as_network(graph)
    low = communities(network, config.low_resolution, config.method, seed)
    if config.nesting == "graph":
        return low, communities(network, config.high_resolution, config.method, seed)
    high = np.zeros_like(low)
    for cluster in range(low.max() + 1):
        members = np.flatnonzero(low == cluster)
        inside = communities(as_network(graph[members][:, members]), config.high_resolution, config.method, seed)
        high[members] = inside + high.max() + 1
    return low, high


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


def communities(network: igraph.Graph, resolution: float, method: str, seed: int, n_iterations: int = 10) -> np.ndarray:
    """Return the communities of a weighted graph as codes 0, 1, … by falling size, (n,), int64.

    ``n_iterations`` is Leiden's; Louvain ("louvain") runs until nothing moves.
    """
    import igraph

    igraph.set_random_number_generator(python_stream(seed, "communities"))
    try:
        if method == "leiden":
            found = network.community_leiden(
                objective_function="modularity", weights="weight", resolution=resolution, n_iterations=n_iterations
            )
        else:
            found = network.community_multilevel(weights="weight", resolution=resolution)
    finally:
        igraph.set_random_number_generator(random)
    return _by_size(np.asarray(found.membership, dtype=np.int64))


def _by_size(codes: np.ndarray) -> np.ndarray:
    found, compact, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(found), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(found))
    return rank[compact]


def _names_and_codes(
    clusters: np.ndarray, labels: np.ndarray | None, spread: bool
) -> tuple[tuple[str, ...], np.ndarray]:
    _, clusters = np.unique(clusters, return_inverse=True)
    names = np.array([str(code) for code in range(clusters.max() + 1)], dtype=object)[clusters]
    if labels is None:
        return tuple(str(code) for code in range(clusters.max() + 1)), clusters.astype(np.int64)
    labelled = np.array([label is not None for label in labels])
    prefix = "cluster "
    while any(str(label).startswith(prefix) for label in labels):
        prefix = f"unlabelled {prefix}"
    names = np.array([f"{prefix}{name}" for name in names], dtype=object)
    names[labelled] = labels[labelled]
    if spread:
        names = _settle_unlabelled(names, clusters, labels, labelled)
    known = sorted({name for name in names if name is not None})
    position = {name: code for code, name in enumerate(known)}
    return tuple(known), np.array([position.get(name, UNDECIDED) for name in names], dtype=np.int64)


def _settle_unlabelled(names: np.ndarray, clusters: np.ndarray, labels: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Unlabelled cells take the one label of their cluster, or assert nothing where it holds several."""
    settled = names.copy()
    for cluster in range(clusters.max() + 1):
        inside = clusters == cluster
        found = set(labels[inside & labelled])
        if found:
            settled[inside & ~labelled] = found.pop() if len(found) == 1 else None
    return settled
