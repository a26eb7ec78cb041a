"""Graph connectivity, against networkx and scib-metrics."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

from topocraft.errors import InputError
from topocraft.metrics.graph import graph_connectivity
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors


def _cells(n_cells: int = 150, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n_cells)
    labels = np.array(["a", "b", "c"])[generator.choice(3, n_cells, p=[0.6, 0.3, 0.1])]
    return generator.normal(size=(n_cells, d)) + 0.7 * (labels == "a")[:, None], labels


def _slow_connectivity(indices: np.ndarray, labels: np.ndarray) -> float:
    shares = []
    for label in sorted(set(labels)):
        graph = networkx.DiGraph()
        members = np.flatnonzero(labels == label).tolist()
        graph.add_nodes_from(members)
        graph.add_edges_from((cell, other) for cell in members for other in indices[cell].tolist())
        inside = graph.subgraph(members)
        shares.append(max(map(len, networkx.strongly_connected_components(inside))) / len(members))
    return sum(shares) / len(shares)


@pytest.mark.parametrize(("n_cells", "k"), [(2, 1), (5, 2), (150, 2), (150, 5), (400, 14)])
def test_the_score_equals_a_search_in_each_type(n_cells: int, k: int) -> None:
    points, labels = _cells(n_cells)
    expected = _slow_connectivity(nearest_neighbors(points, k).indices, labels)
    assert graph_connectivity(points, labels, k=k) == pytest.approx(expected)


def test_the_score_equals_that_of_scib_metrics() -> None:
    import scib_metrics
    from scib_metrics.nearest_neighbors import NeighborsResults

    points, labels = _cells()
    points[40:45], labels[7] = points[40], "alone"
    graph = nearest_neighbors(points, 4)
    own = np.arange(len(points))[:, None]
    theirs = NeighborsResults(
        indices=np.hstack([own, graph.indices]), distances=np.hstack([np.zeros_like(own), graph.distances])
    )
    expected = scib_metrics.graph_connectivity(theirs, labels)
    assert 0.1 < expected < 0.95
    assert graph_connectivity(graph, labels, k=4) == pytest.approx(expected)


def test_arrows_have_a_direction() -> None:
    graph = NeighborGraph(np.array([[1], [0], [0]]), np.ones((3, 1), np.float32))
    assert graph_connectivity(graph, np.full(3, "t"), k=1) == pytest.approx(2 / 3)


def test_arrows_through_other_types_do_not_count() -> None:
    points = np.array([[0.0], [1.0], [2.0], [3.0]])
    labels = np.array(["a", "b", "b", "a"])
    assert graph_connectivity(points, labels, k=2) == pytest.approx((0.5 + 1) / 2)


def test_order_names_rotation_and_scale_do_not_matter() -> None:
    points, labels = _cells(400)
    generator = np.random.default_rng(1)
    order = generator.permutation(400)
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    found = graph_connectivity((9 * points @ turn)[order], np.char.add("z", labels[order]), k=4)
    assert found == pytest.approx(graph_connectivity(points, labels, k=4))


def test_a_type_of_one_cell_is_connected() -> None:
    assert graph_connectivity(np.array([[0.0], [1.0], [9.0]]), np.array(["a", "a", "b"])) == 1.0


def test_unusable_arrays_are_refused() -> None:
    points, labels = _cells()
    with pytest.raises(InputError, match="labels must have one entry for each of 150 cells"):
        graph_connectivity(points, labels[:-1])
    with pytest.raises(InputError, match="k must be at least 1 neighbour; got 0"):
        graph_connectivity(points, labels, k=0)
    with pytest.raises(InputError, match="must hold at least 14 neighbours; it holds 3"):
        graph_connectivity(nearest_neighbors(points, 3), labels)
