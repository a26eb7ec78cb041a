"""Two clusterings, and what may be asserted between them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from topocraft.config import Scope, TopologyConfig
from topocraft.errors import InputError
from topocraft.randomness import numpy_stream, python_stream
from topocraft.rows import Rows
from topocraft.topology.components import NO_DIFFERENCE, all_alike, principal_components
from topocraft.topology.graph import as_network, connectivities
from topocraft.topology.neighbors import nearest_neighbors
from topocraft.topology.separation import separations
from topocraft.topology.sketch import fair_sketch, nearest_of

if TYPE_CHECKING:
    import igraph

UNDECIDED = -1
FEWEST_FOR_A_GRAPH = 4


@dataclass(frozen=True, eq=False)
class Topology:
    """What is reliably known inside each batch.

    Cells of one batch with different ``low`` codes are unlike; with equal ``low`` and ``high`` codes alike.
    ``UNDECIDED`` (−1) in ``low`` means that nothing is asserted about the cell. ``low_names`` and ``high_names``
    are the names behind the codes; both code arrays are int64 of shape (n_cells,). ``separation`` is how clearly
    every two low clusters are apart, from 0 to 1, float32 of shape (n_low, n_low).
    """

    low: np.ndarray
    high: np.ndarray
    low_names: tuple[str, ...]
    high_names: tuple[str, ...]
    separation: np.ndarray


def find_topology(
    expression: Rows,
    batch: np.ndarray,
    config: TopologyConfig,
    seed: int = 0,
    labels_low: np.ndarray | None = None,
    labels_high: np.ndarray | None = None,
    components: np.ndarray | None = None,
    device: str = "cpu",
) -> Topology:
    """Cluster log-normalised cells at two resolutions; the user's labels override where they are given.

    Parameters
    ----------
    expression
        Log-normalised values, (n_cells, n_genes): CSR, or rows that lie on disk.
    batch
        Batch codes, (n_cells,).
    config
        Resolutions, scope and method (doi:10.1038/s41598-019-41695-z for Leiden).
    seed
        Of the community detection, and of what is drawn of many cells.
    labels_low, labels_high
        The user's annotation, ``None`` for unlabelled cells.
    components
        Principal components of the cells, (n_cells, n_components), where they are at hand.
    device
        Where neighbours are searched: on "cuda" by the card. Communities are always found by the processor, so that
        the same graph has the same clusters on every machine.

    Raises
    ------
    InputError
        All cells are alike.
    """
    if all_alike(expression):
        raise InputError(
            f"Cells must differ in the genes chosen; all {len(batch):,} have the same values of "
            f"{expression.shape[1]:,} genes, to within {NO_DIFFERENCE:g}. Pass other cells, or more genes "
            "(n_top_genes)."
        )
    if components is None:
        components = principal_components(expression, config.n_components, seed)
    low = np.zeros(len(batch), dtype=np.int64)
    high = np.zeros(len(batch), dtype=np.int64)
    graphs = []
    for members in _groups(batch, config.scope):
        points = components[members]
        drawn = _sketch(points, batch[members], config.sketch, seed)
        low_here, high_here, graph = _two_levels(points if drawn is None else points[drawn], config, seed, device)
        nearest = slice(None) if drawn is None else nearest_of(points, drawn, device)
        low[members] = low_here[nearest] + low.max() + 1
        high[members] = high_here[nearest] + high.max() + 1
        graphs.append((members if drawn is None else members[drawn], graph))
    low_names, low = _names_and_codes(low, labels_low, spread=True)
    high_names, high = _names_and_codes(high, labels_high, spread=False)
    separation = np.ones((len(low_names), len(low_names)), dtype=np.float32)
    if config.separation == "graded":
        for members, graph in graphs:
            found = separations(graph, low[members], len(low_names), config.low_resolution)
            separation = np.minimum(separation, found)
        told = np.isin(low_names, [] if labels_low is None else [name for name in labels_low if name is not None])
        separation[np.ix_(told, told)] = 1.0
    return Topology(low, high, low_names, high_names, separation)


def _groups(batch: np.ndarray, scope: Scope) -> Iterator[np.ndarray]:
    """Yield the cells that are clustered together."""
    if scope == "global":
        yield np.arange(len(batch))
    else:
        yield from (np.flatnonzero(batch == code) for code in np.unique(batch))


def _sketch(points: np.ndarray, batch: np.ndarray, most: int | None, seed: int) -> np.ndarray | None:
    """Return the cells that are clustered; ``None`` where all are, because a sketch would be over half of them."""
    if most is None or len(points) <= 2 * most:
        return None
    return fair_sketch(points, batch, most, numpy_stream(seed, "sketch"))


def _two_levels(
    points: np.ndarray, config: TopologyConfig, seed: int, device: str
) -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix]:
    """Return low and high codes, and the graph that was clustered; of a few cells one cluster and no links."""
    if len(points) < FEWEST_FOR_A_GRAPH:
        alike = np.zeros(len(points), dtype=np.int64)
        return alike, alike, sparse.csr_matrix((len(points), len(points)))
    graph = connectivities(nearest_neighbors(points, config.n_neighbors, seed, device))
    network = as_network(graph)
    low = communities(network, config.low_resolution, config.method, seed)
    if config.nesting == "graph":
        return low, communities(network, config.high_resolution, config.method, seed), graph
    high = np.zeros_like(low)
    for cluster in range(low.max() + 1):
        members = np.flatnonzero(low == cluster)
        inside = communities(as_network(graph[members][:, members]), config.high_resolution, config.method, seed)
        high[members] = inside + high.max() + 1
    return low, high, graph


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
