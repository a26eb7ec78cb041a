"""Neighbour weights, against a slow solver and where no perplexity can be reached."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from topocraft.errors import InputError
from topocraft.metrics.perplexity import neighbor_weights
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors


def _graph(distances: np.ndarray) -> NeighborGraph:
    return NeighborGraph(np.zeros(distances.shape, dtype=int), distances)


def _slow(distances: np.ndarray, perplexity: float) -> np.ndarray:
    def weights(log_beta: float) -> np.ndarray:
        w = np.exp(-math.exp(log_beta) * (distances - distances.min()))
        return w / w.sum()

    def excess(log_beta: float) -> float:
        w = weights(log_beta)
        return -sum(x * math.log(x) for x in w if x > 0) - math.log(perplexity)

    return weights(brentq(excess, -40, 40, xtol=1e-12))


@pytest.mark.parametrize(("k", "perplexity"), [(4, 2), (9, 3), (89, 30), (89, 1.5), (30, 29.9)])
def test_weights_equal_a_slow_solver(k: int, perplexity: float) -> None:
    distances = np.sort(np.random.default_rng(k).gamma(20, 3, size=(25, k)), axis=1)
    weights = neighbor_weights(_graph(distances), perplexity)
    slow = np.array([_slow(row, perplexity) for row in distances])
    assert np.allclose(weights, slow, atol=2e-5)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_weights_keep_under_scale_and_far_neighbors(scale: float) -> None:
    distances = np.sort(np.random.default_rng(0).uniform(1, 2, size=(6, 40)), axis=1)
    distances[:, -1] = 1e9
    weights = neighbor_weights(_graph(distances * scale), 13)
    perplexity = np.exp(-(weights * np.log(np.maximum(weights, 1e-38))).sum(axis=1))
    assert perplexity == pytest.approx(13, rel=1e-3)
    assert weights.sum(axis=1) == pytest.approx(1)


def test_far_neighbors_of_like_distances_keep_their_weights() -> None:
    distances = np.sort(np.random.default_rng(3).uniform(0, 1, size=(6, 89)), axis=1)
    slow = np.array([_slow(row, 30) for row in distances])
    assert np.allclose(neighbor_weights(_graph(distances + 200), 30), slow, atol=1e-4)


def test_a_third_of_the_cells_is_the_perplexity() -> None:
    graph = nearest_neighbors(np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32), 29)
    assert np.array_equal(neighbor_weights(graph), neighbor_weights(graph, 10))
    assert not np.allclose(neighbor_weights(graph), neighbor_weights(graph, 9))


def test_duplicated_cells_share_the_weight() -> None:
    tied = np.array([[0, 0, 0, 0, 5], [2, 2, 2, 2, 2], [0, 0, 0, 0, 0.0]])
    expected = [[0.25] * 4 + [0], [0.2] * 5, [0.2] * 5]
    assert neighbor_weights(_graph(tied), 2) == pytest.approx(np.array(expected))


def test_all_that_is_asked_for_are_equal_weights() -> None:
    assert neighbor_weights(_graph(np.array([[1.0, 2, 9]])), 3).tolist() == [[pytest.approx(1 / 3)] * 3]


def test_blocks_do_not_show() -> None:
    distances = np.random.default_rng(2).uniform(1, 2, size=(9000, 6))
    weights = neighbor_weights(_graph(distances))
    ends = [0, 4095, 4096, 8999]
    assert np.allclose(weights[ends], neighbor_weights(_graph(distances[ends])), atol=1e-6)


def test_what_is_not_a_perplexity_is_refused() -> None:
    graph = _graph(np.ones((3, 2)))
    for wrong in (0.5, float("nan")):
        with pytest.raises(InputError, match=f"perplexity must be at least 1 neighbour; got {wrong}"):
            neighbor_weights(graph, wrong)
    with pytest.raises(InputError, match="at least 1 neighbour of every cell; got none"):
        neighbor_weights(_graph(np.ones((1, 0))))
