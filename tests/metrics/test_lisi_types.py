"""LISI inside types: against slow loops, what chance gives, and who is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import TypeNeighbors, neighbors_within_types
from topocraft.metrics.lisi import lisi
from topocraft.metrics.lisi_types import blisi, cilisi, expected_lisi, lisi_per_type
from topocraft.metrics.perplexity import neighbor_weights
from topocraft.topology.neighbors import nearest_neighbors


def _cells(n_cells: int = 400) -> tuple[np.ndarray, np.ndarray, tuple[TypeNeighbors, ...]]:
    generator = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"])[generator.choice(3, n_cells, p=[0.6, 0.33, 0.07])]
    batch = generator.choice(3, n_cells, p=[0.5, 0.3, 0.2])
    points = generator.normal(size=(n_cells, 4)) + 0.5 * batch[:, None]
    return batch, labels, neighbors_within_types(points, labels)


def _judged(n_cells: int) -> int:
    """Return the perplexity: 30, or a sixth of a type of fewer than 90 cells, at least 3."""
    return 30 if n_cells >= 90 else max(3, n_cells // 6)


def test_each_type_is_scored_by_itself() -> None:
    batch, labels, within = _cells()
    scores = lisi_per_type(within, batch)
    for one in within:
        own = batch[labels == one.name]
        perplexity = _judged(len(own))
        values = lisi(one.neighbors, own, perplexity, k=3 * perplexity - 1)
        by_hand = (values.mean() - 1) / (len(set(own)) - 1)
        assert scores[one.name] == pytest.approx(by_hand)
    assert list(scores) == ["a", "b", "c"]


def test_types_count_alike_or_by_their_cells() -> None:
    batch, labels, within = _cells()
    scores = lisi_per_type(within, batch)
    assert cilisi(within, batch) == pytest.approx(sum(scores.values()) / 3)
    assert blisi(within, batch) == pytest.approx(sum(scores[str(label)] for label in labels) / len(labels))
    assert cilisi(within, batch) != pytest.approx(blisi(within, batch), abs=1e-4)


@pytest.mark.parametrize("score", [lisi_per_type, cilisi, blisi])
def test_an_embedding_with_its_types_gives_the_same_as_neighbours_within_them(score: Callable[..., Any]) -> None:
    points, labels = np.random.default_rng(3).normal(size=(80, 3)), np.repeat(["t", "u"], 40)
    batch = np.tile([0, 1], 40)
    assert score(points, batch, labels) == score(neighbors_within_types(points, labels), batch)
    with pytest.raises(InputError, match="labels must be given with an embedding"):
        score(points, batch)
    with pytest.raises(InputError, match="labels must be left out where neighbours within types are given"):
        score(neighbors_within_types(points, labels), batch, labels)


def test_expected_simpson_is_the_mean_over_all_orders() -> None:
    generator = np.random.default_rng(1)
    graph = nearest_neighbors(generator.normal(size=(12, 2)).astype(np.float32), 5)
    weights, batch = neighbor_weights(graph), np.repeat([0, 1, 2], [6, 4, 2])
    dealt = [1 / lisi(graph, generator.permutation(batch), k=5, weights=weights) for _ in range(5_000)]
    assert 1 / expected_lisi(weights, batch) == pytest.approx(np.mean(dealt, axis=0), abs=0.01)


def test_many_cells_expect_the_inverse_of_their_shares() -> None:
    batch = np.repeat([0, 1], [90_000, 10_000])
    expected = expected_lisi(np.full((100_000, 20), 1 / 20), batch)
    assert expected == pytest.approx(1 / (0.82 + 0.18 / 20), abs=1e-4)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.6, 0.2, 0.1, 0.1]])
def test_random_order_reaches_what_is_expected_whatever_the_shares(shares: list[float]) -> None:
    generator = np.random.default_rng(2)
    batch = generator.choice(len(shares), 2000, p=shares)
    within = neighbors_within_types(generator.normal(size=(2000, 5)), np.full(2000, "t"))
    assert 0.95 < cilisi(within, batch, normalised="expected") <= 1.0


def test_the_expected_value_is_what_the_score_is_held_against() -> None:
    batch, _, within = _cells()
    for one in within:
        own, perplexity = batch[one.cells], _judged(len(one.cells))
        neighbors = one.neighbors.first(3 * perplexity - 1)
        weights = neighbor_weights(neighbors, perplexity)
        reached = 1 / np.mean(1 / lisi(neighbors, own, k=neighbors.indices.shape[1], weights=weights))
        best = 1 / np.mean(1 / expected_lisi(weights, own))
        score = lisi_per_type(within, batch, normalised="expected")[one.name]
        assert score == pytest.approx(min(1, (reached - 1) / (best - 1)))


@pytest.mark.parametrize("normalised", ["batches", "expected"])
def test_separate_batches_score_zero(normalised: str) -> None:
    batch = np.repeat([0, 1, 2], 100)
    points = np.random.default_rng(3).normal(size=(300, 3)) + 1000.0 * batch[:, None]
    within = neighbors_within_types(points, np.full(300, "t"))
    assert lisi_per_type(within, batch, normalised=normalised) == {"t": pytest.approx(0, abs=1e-6)}


def test_mixing_across_types_is_not_rewarded() -> None:
    labels = np.repeat(["a", "b"], 200)
    batch = np.tile(np.repeat([0, 1], 100), 2)
    at = np.where((labels == "a") == (batch == 0), 0.0, 1000.0)
    points = np.random.default_rng(4).normal(size=(400, 3)) + at[:, None]
    within = neighbors_within_types(points, labels)
    assert lisi(points, batch).mean() > 1.9
    assert cilisi(within, batch) == 0.0


def test_types_without_anything_to_mix_are_left_out() -> None:
    labels = np.repeat(["both", "few", "one batch", "single"], [20, 9, 20, 1])
    batch = np.where(labels == "one batch", 0, np.arange(50) % 2)
    within = neighbors_within_types(np.random.default_rng(5).normal(size=(50, 3)), labels)
    assert list(lisi_per_type(within, batch)) == ["both"]
    assert cilisi(within, batch) == blisi(within, batch) == lisi_per_type(within, batch)["both"]
    with pytest.raises(UndefinedScore, match="No cell type has at least 10 cells and is found in more than one batch"):
        cilisi(within, np.zeros(50))


def test_order_and_names_do_not_matter() -> None:
    generator = np.random.default_rng(6)
    points, labels, batch = generator.normal(size=(200, 3)), np.arange(200) % 3, generator.choice(3, 200)
    order = generator.permutation(200)
    changed = neighbors_within_types(points[order], np.array(["r", "q", "p"])[labels][order])
    score = blisi(neighbors_within_types(points, labels), batch)
    assert blisi(changed, np.array(["z", "y", "x"])[batch][order]) == pytest.approx(score, abs=1e-5)


def test_unusable_arguments_are_refused() -> None:
    batch, _, within = _cells()
    with pytest.raises(InputError, match="normalised must be 'batches' or 'expected'; got 'oracle'"):
        cilisi(within, batch, normalised="oracle")
    with pytest.raises(InputError, match="batch must have one entry for each of 400 cells"):
        blisi(within, batch[1:])


def test_more_mixing_than_at_random_does_not_exceed_one() -> None:
    batch = np.arange(300) % 2
    points = np.arange(300)[:, None] // 2 * 1.0
    assert lisi_per_type(points, batch, np.repeat("t", 300), normalised="expected") == {"t": 1.0}
