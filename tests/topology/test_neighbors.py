"""Neighbours against a slow loop over all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.topology import neighbors
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors


def _points(n: int, seed: int = 0, dimensions: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)


def _slow(points: np.ndarray, k: int) -> NeighborGraph:
    indices, distances = [], []
    for here, point in enumerate(points.astype(np.float64)):
        away = np.sqrt(((points - point) ** 2).sum(axis=1))
        away[here] = np.inf
        indices.append(np.argsort(away)[:k])
        distances.append(away[indices[-1]])
    return NeighborGraph(np.array(indices), np.array(distances))


def test_search_is_exact_up_to_a_hundred_thousand_points() -> None:
    assert neighbors.EXACT_UP_TO == 100_000


@pytest.fixture
def descent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors, "EXACT_UP_TO", 0)


@pytest.mark.parametrize("k", [1, 5, 15])
def test_exact_search_agrees_with_a_slow_loop(k: int) -> None:
    points = _points(120)
    found, expected = nearest_neighbors(points, k), _slow(points, k)
    assert np.array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-4)


@pytest.mark.parametrize(("n", "k"), [(2, 15), (5, 15), (16, 15), (15, 15)])
def test_few_points_have_all_the_others(n: int, k: int) -> None:
    found = nearest_neighbors(_points(n), k)
    others = [sorted(set(range(n)) - {here}) for here in range(n)]
    assert np.sort(found.indices, axis=1).tolist() == [row[: min(k, n - 1)] for row in others]


def test_a_point_is_not_its_own_neighbour_even_among_duplicates() -> None:
    points = np.repeat(_points(10), 4, axis=0)
    found = nearest_neighbors(points, 3)
    copies = [sorted({4 * (here // 4) + copy for copy in range(4)} - {here}) for here in range(40)]
    assert np.sort(found.indices, axis=1).tolist() == copies
    np.testing.assert_allclose(found.distances, 0, atol=2e-3)


def test_first_is_the_search_for_fewer() -> None:
    points = _points(60)
    cut, direct = nearest_neighbors(points, 12).first(4), nearest_neighbors(points, 4)
    assert np.array_equal(cut.indices, direct.indices)
    assert np.array_equal(cut.distances, direct.distances)


@pytest.mark.usefixtures("descent")
@pytest.mark.parametrize("repeats", [1, 2])
def test_descent_finds_nearly_all_neighbours(repeats: int) -> None:
    points, k = np.repeat(_points(1500 // repeats, dimensions=10), repeats, axis=0), 15
    found, expected = nearest_neighbors(points, k), _slow(points, k)
    assert found.indices.shape == found.distances.shape == (len(points), k)
    assert not (found.indices == np.arange(len(points))[:, None]).any()
    assert all(len(set(row)) == k for row in found.indices.tolist())
    assert (np.diff(found.distances, axis=1) >= 0).all()
    as_near = found.distances <= expected.distances[:, -1:] * (1 + 1e-4)  # by distance: twins tie
    assert as_near.mean() > 0.95
    true = np.linalg.norm(points[found.indices] - points[:, None], axis=2)
    np.testing.assert_allclose(found.distances, true, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("descent")
def test_descent_follows_its_seed_and_no_global_one() -> None:
    points = _points(600)
    before = np.random.get_state()[1].copy()
    first, again = nearest_neighbors(points, 10, seed=3), nearest_neighbors(points, 10, seed=3)
    assert first.indices.tobytes() == again.indices.tobytes()
    assert first.distances.tobytes() == again.distances.tobytes()
    assert np.array_equal(np.random.get_state()[1], before)


def test_a_cell_that_the_descent_does_not_find_beside_itself_keeps_its_nearest(
    descent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second cell is not among its own three: it loses the farthest, and no nearer one."""
    indices = np.array([[0, 1, 2], [0, 2, 3], [2, 1, 3], [3, 2, 1]])
    distances = np.array([[0.0, 1, 2], [1.0, 2, 3], [0.0, 1, 2], [0.0, 1, 2]], dtype=np.float32)

    class Found:
        def __init__(self, *_: object, **__: object) -> None:
            self.neighbor_graph = indices, distances

    monkeypatch.setattr("pynndescent.NNDescent", Found)
    found = nearest_neighbors(_points(4), 2)
    assert found.indices.tolist() == [[1, 2], [0, 2], [1, 3], [2, 1]]
    assert found.distances.tolist() == [[1, 2], [1, 2], [1, 2], [1, 2]]
