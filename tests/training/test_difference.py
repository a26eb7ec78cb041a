"""Batches that are draws of the same cells are told from batches that differ, by a little or in a few cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from topocraft.training import difference
from topocraft.training.difference import _Sample, find_difference

DRAWS = np.random.default_rng


def _cells(seed: int, n: int = 300) -> np.ndarray:
    """Return points of three types of unequal size."""
    draws = DRAWS(seed)
    kind = draws.choice(3, n, p=[0.6, 0.3, 0.1])
    return np.eye(3)[kind] * 8 + draws.normal(size=(n, 3))


@pytest.fixture
def few_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "ORDERS", 199)


@pytest.mark.usefixtures("few_orders")
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.2] * 5, [0.9, 0.1]])
def test_a_random_split_is_hardly_ever_found(shares: list[float]) -> None:
    splits = [(_cells(seed, 600), DRAWS(seed + 99).choice(len(shares), 600, p=shares)) for seed in range(15)]
    found = [find_difference(points, batch, DRAWS(0)).found for points, batch in splits]
    assert sum(found) <= 2, "of fifteen, .015 of which are expected of each"


def test_a_split_of_many_cells_is_not_found_in_either_sample() -> None:
    points = _cells(0, 2500)
    assert not find_difference(points, DRAWS(0).permutation(2500) % 2, DRAWS(0)).found


@pytest.mark.usefixtures("few_orders")
def test_a_difference_in_all_cells_is_found() -> None:
    points, batch = _cells(0), DRAWS(1).integers(0, 2, 300)
    shifted = points + 0.8 * batch[:, None] * np.array([1, 0, 0])
    assert find_difference(shifted, batch, DRAWS(0)).found


@pytest.mark.usefixtures("few_orders")
def test_a_type_that_only_one_batch_has_is_found_though_neighbours_hardly_tell() -> None:
    points, batch = _cells(0, 1000), DRAWS(1).integers(0, 2, 1000)
    alone = np.flatnonzero(batch == 1)[:25]
    points[alone] += [0, 0, 90]
    found = find_difference(points, batch, DRAWS(0))
    assert found.found
    assert found.mixing > 0.95


@pytest.mark.usefixtures("few_orders")
def test_other_shares_of_the_same_types_are_a_difference() -> None:
    draws = DRAWS(0)
    batch = np.repeat([0, 1], 300)
    kind = np.where(draws.random(600) < np.where(batch == 1, 0.7, 0.3), 1, 0)
    points = np.eye(2)[kind] * 8 + draws.normal(size=(600, 2))
    assert find_difference(points, batch, draws).found


@pytest.mark.usefixtures("few_orders")
def test_one_batch_of_ten_is_found() -> None:
    points, batch = _cells(0, 600), DRAWS(1).permutation(600) % 10
    assert find_difference(points + 2.0 * (batch == 3)[:, None], batch, DRAWS(0)).found


def test_means_tell_what_is_small_and_the_same_in_all_cells() -> None:
    """Of 2,000 cells a shift of a fifth of the spread moves few neighbours; its t is above 4."""
    points, batch = DRAWS(0).normal(size=(2000, 3)), DRAWS(1).permutation(2000) % 2
    shifted = points + 0.2 * batch[:, None] * np.array([1, 0, 0])
    found = find_difference(shifted, batch, DRAWS(0))
    assert found.found
    assert found.mixing > 0.97


def test_few_cells_that_chance_might_have_dealt_count_as_different_where_they_hardly_mix() -> None:
    points, batch = DRAWS(0).normal(size=(20, 2)), np.repeat([0, 1], 10)
    found = find_difference(points + 9 * batch[:, None], batch, DRAWS(0))
    assert found.found
    assert found.mixing < 0.8


def test_mixing_is_of_the_batch_that_is_mixed_least_by_a_loop() -> None:
    points, batch = _cells(3, 90), DRAWS(3).choice(3, 90, p=[0.6, 0.3, 0.1])
    ratios = []
    for code in range(3):
        observed = expected = 0.0
        for cell in np.flatnonzero(batch == code):
            distances = np.linalg.norm(points - points[cell], axis=1)
            others = [other for other in np.argsort(distances) if other != cell]
            observed += sum(batch[other] != code for other in others[:15]) / 15
            expected += sum(batch[other] != code for other in others) / len(others)
        ratios.append(observed / expected)
    assert find_difference(points, batch, DRAWS(0)).mixing == pytest.approx(min(ratios))


def test_statistics_agree_with_loops_and_an_analysis_of_variance() -> None:
    points, batch = _cells(4, 200), DRAWS(1).integers(0, 3, 200)
    sample = _Sample(points, batch, DRAWS(0))
    own, unevenness, distance = sample.statistics(batch)
    nearest = [np.argsort(np.linalg.norm(points - cell, axis=1))[1:16] for cell in points]
    assert own == pytest.approx(np.mean([batch[near] == batch[cell] for cell, near in enumerate(nearest)]))
    shares = np.bincount(batch) / 200
    counts = [np.bincount(batch[sample._place == place], minlength=3) for place in np.unique(sample._place)]
    expected = [count.sum() * shares for count in counts]
    terms = [((n - due) ** 2 / (due + 1)).sum() for n, due in zip(counts, expected, strict=True)]
    assert unevenness == pytest.approx(max(terms))
    ratios = [stats.f_oneway(*(column[batch == code] for code in range(3))).statistic for column in points.T]
    between = [2 * ratio / (2 * ratio + 197) for ratio in ratios]  # of the sum of squares; 2 and 197 degrees of freedom
    assert distance == pytest.approx(200 * sum(between))


@pytest.mark.usefixtures("few_orders")
def test_where_few_cells_do_not_tell_more_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "SAMPLES", (200, 2000))
    points, batch = _cells(0, 2000), DRAWS(1).integers(0, 2, 2000)
    shifted = points + 0.5 * batch[:, None]
    assert find_difference(shifted, batch, DRAWS(0)).found
    monkeypatch.setattr(difference, "SAMPLES", (200,))
    assert not find_difference(shifted, batch, DRAWS(0)).found


def test_a_batch_of_a_few_cells_is_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "SAMPLES", (200,))
    points, batch = _cells(0, 5000), (np.arange(5000) < 40).astype(int)
    assert find_difference(points + 5 * batch[:, None], batch, DRAWS(0)).found


def test_a_coordinate_that_does_not_vary_tells_nothing() -> None:
    points = np.hstack([_cells(0), np.full((300, 1), 0.1)]).astype(np.float32)
    assert not find_difference(points, DRAWS(1).permutation(300) % 2, DRAWS(0)).found
