"""Neighbours as a card searches them, here on the processor, against a slow loop; and who asks the card."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from topocraft.config import TopologyConfig
from topocraft.topology import card, neighbors, sketch
from topocraft.topology.card import nearest_on_card
from topocraft.topology.clusters import find_topology
from topocraft.topology.neighbors import nearest_neighbors
from topocraft.topology.sketch import nearest_of


def _points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 6)).astype(np.float32)


def _slow(asked: np.ndarray, pool: np.ndarray, k: int, itself: bool) -> tuple[np.ndarray, np.ndarray]:
    away = np.sqrt(((asked[:, None].astype(np.float64) - pool) ** 2).sum(axis=2))
    if not itself:
        np.fill_diagonal(away, np.inf)
    indices = np.argsort(away, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(away, indices, axis=1)


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "BLOCK", 32)


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("itself", [True, False])
@pytest.mark.parametrize("k", [1, 15, 99])
def test_search_agrees_with_a_slow_loop(k: int, itself: bool) -> None:
    points = _points(100)
    indices, distances = nearest_on_card(points, points, k, "cpu", itself)
    expected, away = _slow(points, points, k, itself)
    assert indices.dtype == np.int64
    assert distances.dtype == np.float32
    assert np.array_equal(indices, expected)
    np.testing.assert_allclose(distances, away, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("in_blocks")
def test_points_asked_about_need_not_be_in_the_pool() -> None:
    asked, pool = _points(70, seed=1), _points(20)
    assert np.array_equal(nearest_on_card(asked, pool, 20, "cpu")[0], _slow(asked, pool, 20, itself=True)[0])


def test_few_distances_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    points = _points(40)
    monkeypatch.setattr(card, "ENTRIES", 1)
    assert np.array_equal(nearest_on_card(points, points, 3, "cpu")[0], _slow(points, points, 3, itself=True)[0])


def test_points_far_from_the_origin_keep_their_neighbours() -> None:
    points = _points(300) + np.float32(3000.0)
    indices, distances = nearest_on_card(points, points, 5, "cpu", itself=False)
    expected, away = _slow(points, points, 5, itself=False)
    assert np.array_equal(indices, expected)
    np.testing.assert_allclose(distances, away, rtol=1e-5)


def test_twins_are_neighbours_at_no_distance() -> None:
    pool = np.repeat(_points(4), 30, axis=0)
    indices, distances = nearest_on_card(pool, pool, 2, "cpu", itself=False)
    assert np.array_equal(indices // 30, np.repeat(np.arange(4), 30)[:, None] * [1, 1])
    assert (indices != np.arange(120)[:, None]).all()
    assert not distances.any()


def test_tight_clusters_far_apart_keep_their_neighbours() -> None:
    points = _points(200) / 100 + np.repeat([[-3000], [3000]], 100, axis=0).astype(np.float32)
    _, distances = nearest_on_card(points, points, 5, "cpu", itself=False)
    np.testing.assert_allclose(distances, _slow(points, points, 5, itself=False)[1], rtol=1e-5)


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that were asked for, while the processor stands in for every card."""
    asked: list[str] = []

    def search(points: np.ndarray, pool: np.ndarray, k: int, device: str, itself: bool = True) -> object:
        asked.append(device)
        return nearest_on_card(points, pool, k, "cpu", itself)

    for module in (neighbors, sketch):
        monkeypatch.setattr(module, "nearest_on_card", search)
    return asked


@pytest.mark.parametrize(("device", "searched"), [("cuda", ["cuda"]), ("cpu", []), ("mps", [])])
def test_the_card_searches_for_a_fit_that_it_trains(devices: list[str], device: str, searched: list[str]) -> None:
    points = _points(80)
    found, expected = nearest_neighbors(points, 7, device=device), nearest_neighbors(points, 7)
    assert devices == searched
    assert np.array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-4)
    some = np.arange(0, 80, 9)
    assert np.array_equal(nearest_of(points, some, device), nearest_of(points, some))
    assert devices == 2 * searched


def test_above_the_exact_limit_the_card_stays_exact(devices: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    points = _points(80)
    monkeypatch.setattr(neighbors, "EXACT_UP_TO", 0)
    expected = _slow(points, points, 7, itself=False)[0]
    assert np.array_equal(nearest_neighbors(points, 7, device="cuda").indices, expected)
    assert devices == ["cuda"]


def test_clusters_are_the_same_whoever_searches(devices: list[str]) -> None:
    draws = np.random.default_rng(0)
    rates = np.where(np.arange(60) // 20 == (np.arange(900) % 3)[:, None], 4.0, 0.3)
    expression = sparse.csr_matrix(np.log1p(draws.poisson(rates)).astype(np.float32))
    batch = np.arange(900) // 450
    for config in (TopologyConfig(), TopologyConfig(sketch=200)):
        here, there = (find_topology(expression, batch, config, device=device) for device in ("cpu", "cuda"))
        assert np.array_equal(here.low, there.low)
        assert np.array_equal(here.high, there.high)
    assert devices == ["cuda"] * 3
