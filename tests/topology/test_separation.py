"""Separation of clusters against the modularity that networkx computes, and on planted cells."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from scipy import sparse

from topocraft.config import Scope, TopologyConfig
from topocraft.topology.clusters import UNDECIDED, find_topology
from topocraft.topology.separation import joining_resolutions, separations


def _graph(n: int = 40, seed: int = 0) -> sparse.csr_matrix:
    generator = np.random.default_rng(seed)
    half = sparse.triu(sparse.random(n, n, density=0.2, random_state=generator, data_rvs=generator.random), k=1)
    return (half + half.T).tocsr()


def _modularity(graph: sparse.csr_matrix, codes: np.ndarray, resolution: float) -> float:
    network = networkx.from_scipy_sparse_array(graph)
    parts = [set(np.flatnonzero(codes == code).tolist()) for code in np.unique(codes)]
    return float(networkx.community.modularity(network, parts, weight="weight", resolution=resolution))


def _joined_at(found: np.ndarray, resolution: float) -> np.ndarray:
    return resolution * (1 - found.astype(float)) ** 2


def test_clusters_gain_modularity_by_joining_below_the_resolution_that_separation_tells() -> None:
    """Join the two that are least apart, ask again of what is left, and compare with all that was told at once."""
    graph, codes, resolution = _graph(), np.random.default_rng(1).integers(0, 4, 40), 9.0
    told = _joined_at(separations(graph, codes, 4, resolution), resolution)
    np.fill_diagonal(told, 0)
    before = codes
    for at in sorted(set(np.round(told[told > 0], 6)), reverse=True):
        one, other = (before[codes == code][0] for code in np.argwhere(np.isclose(told, at, atol=1e-5))[0])
        joined = np.where(before == other, one, before)
        gains = [_modularity(graph, joined, at * near) - _modularity(graph, before, at * near) for near in (0.99, 1.01)]
        assert gains[0] > 0 > gains[1]
        before = joined
    assert len(np.unique(before)) == 1


def test_the_ends_of_a_chain_are_as_near_as_its_weakest_link() -> None:
    """Of four clusters in a row, the ends have no link of their own."""
    links = np.diag([9.0] * 4) + np.diag([3.0, 2.0, 3.0], 1) + np.diag([3.0, 2.0, 3.0], -1)
    found = joining_resolutions(links)
    assert found[0, 3] == found[1, 2] == found[0, 2] < found[0, 1]
    assert found[0, 1] == pytest.approx(3 * links.sum() / (12 * 14))
    assert found[0, 3] == pytest.approx(2 * links.sum() / 26**2)
    assert np.isinf(np.diag(found)).all()


def test_clusters_without_a_link_are_wholly_apart_and_such_as_would_be_one_are_not_at_all() -> None:
    graph = sparse.block_diag([_graph(20, 1), _graph(20, 2)]).tocsr()
    codes = np.repeat([0, 1, 2, 2], 10)
    found = separations(graph, codes, 4, 0.5)
    assert found[0, 2] == found[1, 2] == 1
    assert found[0, 1] == 0
    assert (found[3, :3] == 1).all(), "a code that no cell has"
    assert (found == found.T).all()
    assert (np.diag(found) == 0).all()


def test_cells_left_undecided_do_not_count() -> None:
    graph, codes = _graph(), np.random.default_rng(1).integers(0, 3, 40)
    decided = np.arange(40) % 4 > 0
    kept = separations(graph[decided][:, decided], codes[decided], 3, 4.0)
    np.testing.assert_allclose(separations(graph, np.where(decided, codes, UNDECIDED), 3, 4.0), kept, rtol=1e-6)


def _cells() -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Log-normalised cells of two batches, a smooth way from one state to another beside a type of its own."""
    generator = np.random.default_rng(0)
    types = np.repeat([0, 1], [200, 100])
    along = np.where(types == 0, np.linspace(0, 1, 300), 0.0)
    first, last, apart = (np.arange(60) // 20 == part for part in range(3))
    rates = 0.3 + np.where(
        types[:, None] == 1, 5.0 * apart, 4.0 * (1 - along[:, None]) * first + 4.0 * along[:, None] * last
    )
    return sparse.csr_matrix(np.log1p(generator.poisson(rates)).astype(np.float32)), np.arange(300) % 2, types


@pytest.mark.parametrize("scope", ["global", "batch"])
def test_pieces_of_one_course_are_less_apart_than_two_types(scope: Scope) -> None:
    expression, batch, types = _cells()
    found = find_topology(expression, batch, TopologyConfig(scope=scope))
    sides = [set(found.low[(types == kind) & (batch == 0)].tolist()) for kind in (0, 1)]
    assert len(sides[0]) > 1
    assert not sides[0] & sides[1]
    inside = [found.separation[a, b] for a in sides[0] for b in sides[0] if a < b]
    assert min(inside) < 0.8
    assert found.separation[np.ix_(list(sides[0]), list(sides[1]))].min() > 0.95


def test_full_separation_asks_the_whole_margin_of_all() -> None:
    found = find_topology(*_cells()[:2], TopologyConfig(separation="full"))
    assert (found.separation == 1).all()


def test_what_the_user_tells_apart_is_wholly_apart() -> None:
    expression, batch, types = _cells()
    clustered = find_topology(expression, batch, TopologyConfig())
    names = np.array([f"part {code}" for code in clustered.low], dtype=object)
    names[(types == 0) & (clustered.low == clustered.low[0])] = None
    found = find_topology(expression, batch, TopologyConfig(), labels_low=names)
    told = [name.startswith("part") for name in found.low_names]
    assert (found.separation[np.ix_(told, told)] == 1).all()
    assert not all(told)
    assert found.separation[np.ix_(told, np.logical_not(told))].min() < 1


def test_a_cluster_without_any_weight_joins_the_others_at_no_resolution() -> None:
    links = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    found = joining_resolutions(links)
    assert found[0, 1] == pytest.approx(1 * 6 / (3 * 3))
    assert found[0, 2] == found[1, 2] == 0
