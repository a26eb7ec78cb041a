"""Batches that are draws of the same cells are told from batches that differ, by a little or in a few cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from topocraft.training import difference
from topocraft.training.difference import _unevenness, find_difference

DRAWS = np.random.default_rng


def _cells(seed: int, n: int = 300) -> np.ndarray:
    """Return points of three types of unequal size."""
    draws = DRAWS(seed)
    kind = draws.choice(3, n, p=[0.6, 0.3, 0.1])
    return np.eye(3)[kind] * 8 + draws.normal(size=(n, 3))


@pytest.fixture
def few_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "DRAWS", 199)


@pytest.mark.usefixtures("few_orders")
@pytest.mark.parametrize("n_batches", [2, 5])
def test_a_random_split_is_hardly_ever_found(n_batches: int) -> None:
    splits = [(_cells(seed), DRAWS(seed).integers(0, n_batches, 300)) for seed in range(20)]
    found = [find_difference(points, batch, DRAWS(0)).found for points, batch in splits]
    assert sum(found) <= 2, "of twenty, .01 of which are expected"


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


def test_mixing_agrees_with_a_loop() -> None:
    points, batch = _cells(3, 90), DRAWS(3).choice(3, 90, p=[0.6, 0.3, 0.1])
    observed = expected = 0.0
    for cell in range(90):
        distances = np.linalg.norm(points - points[cell], axis=1)
        others = [other for other in np.argsort(distances) if other != cell]
        observed += sum(batch[other] != batch[cell] for other in others[:15]) / 15
        expected += sum(batch[other] != batch[cell] for other in others) / len(others)
    assert find_difference(points, batch, DRAWS(0)).mixing == pytest.approx(observed / expected)


def test_unevenness_is_the_largest_chi_square_of_a_place_against_all_cells() -> None:
    place, batch = DRAWS(0).integers(0, 4, 200), DRAWS(1).integers(0, 3, 200)
    shares = np.bincount(batch) / 200
    counts = [np.bincount(batch[place == each], minlength=3) for each in range(4)]
    expected = max(stats.chisquare(count, shares * count.sum()).statistic for count in counts)
    assert _unevenness(place, batch) == pytest.approx(expected)


@pytest.mark.usefixtures("few_orders")
def test_where_few_cells_do_not_tell_more_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "SAMPLES", (60, 2000))
    points, batch = _cells(0, 2000), DRAWS(1).integers(0, 2, 2000)
    shifted = points + 0.5 * batch[:, None]
    assert find_difference(shifted, batch, DRAWS(0)).found
    monkeypatch.setattr(difference, "SAMPLES", (60,))
    assert not find_difference(shifted, batch, DRAWS(0)).found


def test_a_batch_of_a_few_cells_is_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "SAMPLES", (200,))
    points, batch = _cells(0, 5000), (np.arange(5000) < 40).astype(int)
    assert find_difference(points + 5 * batch[:, None], batch, DRAWS(0)).found
