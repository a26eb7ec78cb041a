"""Graph, communities and labels against umap-learn, networkx and planted clusters."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator

import igraph
import networkx
import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from topocraft.config import ClusterMethod, TopologyConfig
from topocraft.errors import InputError
from topocraft.topology.clusters import communities, find_topology
from topocraft.topology.components import principal_components
from topocraft.topology.graph import as_network, connectivities
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors

METHODS: tuple[ClusterMethod, ...] = ("leiden", "louvain")


@pytest.fixture(autouse=True)
def _own_global_state() -> Iterator[None]:
    state = random.getstate()
    yield
    random.setstate(state)


def _blobs(n_types: int = 4, per_type: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    types = np.repeat(np.arange(n_types), per_type)
    centers = 10 * np.eye(n_types, 8)
    return (centers[types] + generator.normal(size=(len(types), 8))).astype(np.float32), types


def _cells(per_type: int = 20, seed: int = 0) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Expression of three types in two batches, in no order: (expression, batch, types)."""
    generator = np.random.default_rng(seed)
    types, batch = (part.ravel() for part in np.indices((3, 2)).repeat(per_type, axis=2))
    rates = np.where(np.arange(45) // 15 == types[:, None], 4.0, 0.3) + 0.2 * batch[:, None]
    order = generator.permutation(len(types))
    expression = np.log1p(generator.poisson(rates)).astype(np.float32)
    return sparse.csr_matrix(expression[order]), batch[order], types[order]


def _graph(points: np.ndarray) -> sparse.csr_matrix:
    return connectivities(nearest_neighbors(points, 15))


def _pairs(*codes: np.ndarray) -> set[tuple[int, ...]]:
    return set(zip(*(code.tolist() for code in codes), strict=True))


def _umap_weights(points: np.ndarray, found: NeighborGraph) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # umap says that it has no tensorflow
        from umap.umap_ import fuzzy_simplicial_set
    n, k = found.indices.shape
    itself = np.arange(n)[:, None]  # umap counts a point as its own first neighbour
    weights, _, _ = fuzzy_simplicial_set(
        points, k + 1, np.random.RandomState(0), "euclidean",
        knn_indices=np.hstack([itself, found.indices]),
        knn_dists=np.hstack([0 * itself, found.distances]).astype(np.float32),
    )  # fmt: skip
    return weights.toarray()


@pytest.mark.parametrize("k", [4, 15])
def test_connectivities_agree_with_umap(k: int) -> None:
    points, _ = _blobs()
    points[::7] *= 3  # neighbourhoods of unlike widths
    found = nearest_neighbors(points, k)
    weights = connectivities(found)
    np.testing.assert_allclose(weights.toarray(), _umap_weights(points, found), atol=1e-4)
    assert abs(weights - weights.T).max() < 1e-12


def test_the_nearest_neighbour_that_counts_is_one_apart_as_in_umap() -> None:
    points, _ = _blobs(per_type=20)
    points[1::4] = points[::4]  # twins at distance zero
    points[2::20] = points[::20]  # triplets
    found = nearest_neighbors(points, 6)
    assert (found.distances[:, 0] == 0).sum() > 40
    np.testing.assert_allclose(connectivities(found).toarray(), _umap_weights(points, found), atol=1e-4)


def test_connectivities_of_coincident_cells_are_finite() -> None:
    weights = _graph(np.zeros((20, 3), dtype=np.float32))
    assert np.isfinite(weights.data).all()
    assert weights.data.min() > 0
    assert weights.data.max() <= 1


def test_principal_components_agree_with_a_singular_value_decomposition() -> None:
    expression, _, _ = _cells()
    dense = expression.toarray().astype(np.float64)
    left, lengths, _ = np.linalg.svd(dense - dense.mean(axis=0), full_matrices=False)
    found = principal_components(expression, 5)
    expected = left[:, :5] * lengths[:5]
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), lengths[:5] ** 2, rtol=1e-3)
    np.testing.assert_allclose(found.T @ found, np.diag(lengths[:5] ** 2), atol=1e-3 * lengths[0] ** 2)


def test_principal_components_are_at_most_what_the_matrix_has() -> None:
    assert principal_components(_cells()[0][:6], 50).shape == (6, 5)
    assert principal_components(_cells()[0][:, :4], 50).shape == (120, 3)


@pytest.mark.parametrize("method", METHODS)
def test_communities_recover_planted_blobs(method: ClusterMethod) -> None:
    points, types = _blobs()
    assert adjusted_rand_score(types, communities(as_network(_graph(points)), 0.5, method, seed=0)) == 1


@pytest.mark.parametrize("method", METHODS)
def test_communities_are_numbered_by_falling_size(method: ClusterMethod) -> None:
    sizes = [3, 9, 5]
    graph = sparse.block_diag([np.ones((size, size)) for size in sizes]).tocsr()
    assert communities(as_network(graph), 1.0, method, seed=0).tolist() == [2] * 3 + [0] * 9 + [1] * 5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 4])
def test_cells_without_an_edge_stand_alone(method: ClusterMethod, n: int) -> None:
    assert communities(as_network(sparse.csr_matrix((n, n))), 1.0, method, seed=0).tolist() == list(range(n))


@pytest.mark.parametrize("method", METHODS)
def test_modularity_of_the_karate_club(method: ClusterMethod) -> None:
    """The optimum, unweighted, is 0.4198 (doi:10.1109/TKDE.2007.190689); Louvain may stop a little below."""
    club = networkx.karate_club_graph()
    found = communities(
        as_network(networkx.to_scipy_sparse_array(club, weight=None, format="csr")), 1.0, method, seed=0
    )
    groups = [set(np.flatnonzero(found == code).tolist()) for code in np.unique(found)]
    least = {"leiden": 0.4197, "louvain": 0.41}[method]
    assert least < networkx.community.modularity(club, groups, weight=None) < 0.4199


@pytest.mark.parametrize("resolution", [0.5, 1.0, 3.0])
def test_leiden_is_not_below_other_programs(resolution: float) -> None:
    points = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    network = networkx.from_scipy_sparse_array(sparse.triu(_graph(points), k=1))

    def modularity(codes: np.ndarray) -> float:
        groups = [set(np.flatnonzero(codes == code).tolist()) for code in np.unique(codes)]
        return networkx.community.modularity(network, groups, resolution=resolution)

    other = networkx.community.louvain_communities(network, resolution=resolution, seed=0)
    reference = networkx.community.modularity(network, other, resolution=resolution)
    assert modularity(communities(as_network(_graph(points)), resolution, "leiden", seed=0)) >= reference - 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_communities_touch_no_global_generator(method: ClusterMethod) -> None:
    graph = _graph(np.random.default_rng(1).normal(size=(150, 5)).astype(np.float32))

    def draw() -> list[tuple[int, int]]:
        random.seed(7)
        return igraph.Graph.Erdos_Renyi(n=30, m=60).get_edgelist()

    expected = draw()
    random.seed(11)
    before = random.getstate()
    first = communities(as_network(graph), 1.0, method, seed=4)
    assert random.getstate() == before
    random.seed(12)
    assert np.array_equal(communities(as_network(graph), 1.0, method, seed=4), first)
    assert draw() == expected  # igraph draws from the standard library's generator again


@pytest.mark.parametrize("method", METHODS)
def test_low_clusters_recover_the_types(method: ClusterMethod) -> None:
    expression, batch, types = _cells()
    found = find_topology(expression, batch, TopologyConfig(method=method, low_resolution=0.3))
    assert adjusted_rand_score(types, found.low) == 1
    assert found.low_names == ("0", "1", "2")


def test_high_clusters_are_nested_in_low_ones_and_finer() -> None:
    expression, batch, _ = _cells()
    found = find_topology(expression, batch, TopologyConfig())
    assert len(_pairs(found.low, found.high)) == found.high.max() + 1 > found.low.max() + 1
    assert set(found.high.tolist()) == set(range(len(found.high_names)))


def test_low_nesting_clusters_every_low_cluster_by_itself() -> None:
    expression, batch, _ = _cells()
    config = TopologyConfig(nesting="low", high_resolution=3.0)
    found = find_topology(expression, batch, config)
    graph = connectivities(nearest_neighbors(principal_components(expression, config.n_components), config.n_neighbors))
    before = 0
    for cluster in range(found.low.max() + 1):
        members = np.flatnonzero(found.low == cluster)
        inside = communities(as_network(graph[members][:, members]), 3.0, config.method, 0)
        assert adjusted_rand_score(inside, found.high[members]) == 1
        assert set(found.high[members].tolist()) == set(range(before, before + inside.max() + 1))
        before += inside.max() + 1
    assert before == found.high.max() + 1 > found.low.max() + 1


def test_graph_nesting_clusters_the_whole_graph() -> None:
    expression, batch, _ = _cells()
    found = find_topology(expression, batch, TopologyConfig(nesting="graph", high_resolution=3.0))
    whole = communities(as_network(_graph(principal_components(expression, 50))), 3.0, "leiden", seed=0)
    assert adjusted_rand_score(whole, found.high) == 1


def test_batch_scope_shares_no_cluster_between_batches() -> None:
    expression, batch, types = _cells()
    found = find_topology(expression, batch, TopologyConfig(scope="batch", low_resolution=0.3))
    for codes in (found.low, found.high):
        assert len(_pairs(batch, codes)) == codes.max() + 1
    for code in (0, 1):
        assert adjusted_rand_score(types[batch == code], found.low[batch == code]) == 1


def test_batch_scope_takes_batches_of_a_few_cells() -> None:
    expression, _, _ = _cells()
    batch = np.repeat([0, 1, 2, 3], [1, 2, 3, 114])
    found = find_topology(expression, batch, TopologyConfig(scope="batch"))
    assert len(_pairs(batch, found.low)) == found.low.max() + 1
    assert [len(set(found.low[batch == code].tolist())) for code in (0, 1, 2)] == [1, 1, 1]


@pytest.mark.parametrize("scope", ["global", "batch"])
def test_another_order_of_cells_gives_the_same_low_clusters(scope: str) -> None:
    expression, batch, _ = _cells()
    order = np.random.default_rng(5).permutation(len(batch))
    config = TopologyConfig(scope=scope, low_resolution=0.3)
    first, other = (
        find_topology(expression, batch, config),
        find_topology(expression[order], batch[order], config),
    )
    assert adjusted_rand_score(first.low[order], other.low) == 1


def test_cells_that_are_all_alike_are_refused() -> None:
    alike = sparse.csr_matrix(np.ones((30, 7), dtype=np.float32))
    with pytest.raises(InputError, match=r"Cells must differ in the genes chosen; all 30 have the same values of 7"):
        find_topology(alike, np.arange(30) % 2, TopologyConfig())


def test_components_of_cells_that_are_all_alike_are_zero() -> None:
    alike = sparse.csr_matrix(np.tile([0.0, 1.0, 2.0], (6, 1)).astype(np.float32))
    assert np.array_equal(principal_components(alike, 50), np.zeros((6, 2), dtype=np.float32))
    last_differs = alike.toarray()
    last_differs[5, 0] = 1.0
    assert np.ptp(principal_components(sparse.csr_matrix(last_differs), 50)) > 0


@pytest.mark.parametrize(("scale", "alike"), [(1e-30, True), (1e-20, True), (1e-15, False)])
def test_differences_whose_squares_are_lost_are_none(scale: float, alike: bool) -> None:
    counts = np.random.default_rng(0).poisson(2.0, (30, 7)) * np.float32(scale)
    found = principal_components(sparse.csr_matrix(counts.astype(np.float32)), 3)
    assert bool((found == 0).all()) is alike
    if not alike:
        np.testing.assert_allclose(np.abs(found) / scale, np.abs(PCA(3).fit_transform(counts / scale)), rtol=1e-2)


def test_a_batch_whose_cells_are_all_alike_is_one_cluster() -> None:
    values = np.vstack([np.random.default_rng(0).random((30, 6)), np.ones((30, 6))]).astype(np.float32)
    found = find_topology(sparse.csr_matrix(values), np.repeat([0, 1], 30), TopologyConfig(scope="batch"))
    assert np.isfinite(found.separation).all()
