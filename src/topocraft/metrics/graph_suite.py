"""Every score that a graph of cells allows, from a method that gives no coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy import sparse

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.clustering import NEIGHBORS, Clusterings, cluster_network
from topocraft.metrics.searched import Reference, Searched
from topocraft.metrics.suite import Score, attempt, planned
from topocraft.topology.neighbors import NeighborGraph

NO_COORDINATES = "The method gives a graph of cells and no coordinates."
NO_MEAN = f"{NO_COORDINATES} A mean over the few scores that a graph allows does not compare with means over all."
MEANS = ("composite", "bio", "batch", "f1_lisi")
OF_COVARIATES = ("knn_r2", "knn_error", "cross_batch_r2")


def score_graph(graph: sparse.csr_matrix, reference: Reference) -> Iterator[Score]:
    """Yield the scores that a graph of cells allows; the others, and all means, are NaN and say why.

    Leiden clusters the graph as it is, which gives NMI, ARI, the isolated label F1 and the scores within batches. Graph
    connectivity follows the 14 strongest edges of every cell, as it follows the 14 nearest others in an embedding.

    Parameters
    ----------
    graph
        Weights between cells, (n_cells, n_cells), finite, at least 0; a larger weight is nearer. An edge that has two
        weights has the larger one; those of a cell with itself do not count.
    reference
        What the cells are, in the same order.

    Yields
    ------
    Score
        As ``score_embedding``, in the same order.

    Raises
    ------
    InputError
        The graph is not one of these cells, or holds negative weights, NaN or infinity.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8, on outputs that are graphs.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from topocraft.metrics.graph_suite import score_graph
    >>> from topocraft.metrics.searched import Reference
    >>> labels, batch = np.repeat(["a", "b"], 40), np.tile(["x", "y"], 40)
    >>> graph = sparse.csr_matrix((labels[:, None] == labels) * 1.0)
    >>> reference = Reference(batch, labels, before=np.zeros((80, 2)), within_batch=np.repeat([0, 1], 40))
    >>> scores = {score.name: score for score in score_graph(graph, reference)}
    >>> scores["nmi"].value, scores["asw_label"].reason
    (1.0, 'The method gives a graph of cells and no coordinates.')
    """
    cells = SearchedGraph(checked_graph(graph, len(reference.batch)), reference)
    for name in planned(reference):
        yield attempt(name, cells)
    if reference.labels is not None:
        yield from (Score(name, math.nan, reason=NO_MEAN) for name in MEANS)
    for covariate in reference.covariates:
        yield from (Score(name, math.nan, covariate, reason=NO_COORDINATES) for name in OF_COVARIATES)


class SearchedGraph(Searched):
    """A graph in the place of an embedding: what asks for coordinates is undefined."""

    def __init__(self, graph: sparse.csr_matrix, reference: Reference) -> None:
        self.graph, self.reference = graph, reference
        self.batch, self.seed = reference.batch, reference.seed

    @property
    def embedding(self) -> np.ndarray:
        """None: undefined."""
        raise UndefinedScore(NO_COORDINATES)

    @property
    def weights(self) -> np.ndarray:
        """Undefined: perplexity needs distances to 89 others."""
        raise UndefinedScore(NO_COORDINATES)

    @cached_property
    def neighbors(self) -> NeighborGraph:
        """The others with the strongest edges."""
        return strongest(self.graph, NEIGHBORS)

    @cached_property
    def clusterings(self) -> Clusterings:
        """Leiden on the graph itself."""
        from topocraft.topology.graph import as_network

        return cluster_network(as_network(self.graph), seed=self.seed)


def checked_graph(graph: sparse.csr_matrix, n_cells: int) -> sparse.csr_matrix:
    """Return a graph as symmetric CSR without edges from a cell to itself, float64."""
    if graph.shape != (n_cells, n_cells):
        raise InputError(f"graph must be cells × cells, {n_cells:,} of them; got shape {graph.shape}.")
    weights = sparse.csr_matrix(graph, dtype=np.float64)
    if not (weights.data >= 0).all() or not np.isfinite(weights.data).all():
        raise InputError("graph must have finite weights of at least 0, larger where cells are nearer; some are not.")
    weights = weights.maximum(weights.T).tocsr()
    weights -= sparse.diags(weights.diagonal(), format="csr")
    weights.eliminate_zeros()
    return weights


def strongest(graph: sparse.csr_matrix, k: int) -> NeighborGraph:
    """Return the ``k`` others with the largest weights, the earlier cell where weights are equal.

    A cell with fewer edges fills its row with itself, at an infinite distance, which joins it to nobody.
    """
    n_cells = graph.shape[0]
    k = min(k, n_cells - 1)
    indices = np.repeat(np.arange(n_cells)[:, None], k, axis=1)
    distances = np.full((n_cells, k), np.inf)
    rows = np.repeat(np.arange(n_cells), np.diff(graph.indptr))
    order = np.lexsort((graph.indices, -graph.data, rows))
    rank = np.arange(len(order)) - graph.indptr[rows[order]]
    taken = rank < k
    edges, places = order[taken], (rows[order][taken], rank[taken])
    indices[places], distances[places] = graph.indices[edges], 1 / graph.data[edges]
    return NeighborGraph(indices, distances)
