"""Positive and true-positive cells, against a slow loop and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.positive import positive_cells, positive_rate, true_positive_rate


def _cells(n_cells: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"])[generator.choice(3, n_cells, p=[0.7, 0.25, 0.05])]
    batch = generator.choice(2, n_cells, p=[0.6, 0.4])
    points = generator.normal(size=(n_cells, 4))
    points[:, 0] += 1.5 * (labels == "a")
    points[:, 1] += 1.2 * batch
    return points, batch, labels


def _slow(points: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> tuple[list[bool], list[bool]]:
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    positive, truly = [], []
    for cell in range(len(points)):
        order = [other for other in np.argsort(-(unit @ unit[cell])) if other != cell]
        own = labels == labels[cell]
        k = min(20, own.sum())
        positive.append(sum(own[other] for other in order[:k]) > k / 2)
        near = [other for other in [cell, *order[: min(100, own.sum()) - 1]] if own[other]]
        m, fair = len(near), True
        for b in set(batch):
            share = (batch[own] == b).mean()
            far = abs((batch[near] == b).sum() - m * share)
            fair &= bool(far <= 3 * np.sqrt(m * share * (1 - share)))
        truly.append(positive[-1] and fair)
    return positive, truly


@pytest.mark.parametrize("n_cells", [2, 3, 5, 30, 99, 101, 300])
def test_cells_equal_a_slow_loop(n_cells: int) -> None:
    points, batch, labels = _cells(n_cells)
    found = positive_cells(points, batch, labels)
    positive, truly = _slow(points, batch, labels)
    assert found.positive.tolist() == positive
    assert found.true_positive.tolist() == truly


@pytest.mark.parametrize("seed", range(4))
def test_batches_that_drift_are_judged_to_the_cell(seed: int) -> None:
    generator = np.random.default_rng(seed)
    angles = np.sort(generator.uniform(0, 1, 400))
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    batch = (generator.random(400) < 0.5 + 0.45 * np.sin(14 * angles)).astype(int)
    labels = np.where((angles > 0.75) & (generator.random(400) < 0.8), "b", "a")
    found = positive_cells(points, batch, labels)
    positive, truly = _slow(points, batch, labels)
    assert found.positive.tolist() == positive
    assert found.true_positive.tolist() == truly
    assert 0.1 < np.mean(truly) < 0.9


def test_the_cases_differ_enough_to_tell() -> None:
    rates = positive_cells(*_cells()).rates()
    assert 0.6 < rates["positive"] < 0.99
    assert 0.1 < rates["true_positive"] < rates["positive"] - 0.05


def test_rates_are_shares_overall_and_of_each_type() -> None:
    points, batch, labels = _cells()
    found = positive_cells(points, batch, labels)
    assert found.rates()["positive"] == positive_rate(points, labels) == found.positive.mean()
    assert found.rates()["true_positive"] == true_positive_rate(points, batch, labels) == found.true_positive.mean()
    per_type = found.rates_per_type()
    assert list(per_type) == ["a", "b", "c"]
    assert per_type["b"]["true_positive"] == found.true_positive[labels == "b"].mean()


def _two_types(n_cells: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(["a", "b"], n_cells // 2)
    direction = np.where((labels == "a")[:, None], [1.0, 0, 0], [0, 1.0, 0])
    return direction + np.random.default_rng(1).normal(scale=0.05, size=(n_cells, 3)), labels


def test_mixed_types_are_true_positive_and_separate_batches_are_not() -> None:
    points, labels = _two_types(1200)
    batch = np.random.default_rng(2).choice(2, 1200)
    assert true_positive_rate(points, batch, labels) > 0.97
    apart = points + np.array([0, 0, 1.0]) * batch[:, None]
    assert true_positive_rate(apart, batch, labels) == 0.0
    assert positive_rate(apart, labels) == 1.0


def test_a_small_batch_that_is_crowded_fails() -> None:
    points, labels = _two_types(1200)
    batch = (np.arange(1200) % 600 < 60).astype(int)
    assert true_positive_rate(points, batch, labels) > 0.97
    crowded = points + np.array([0, 0, 0.5]) * batch[:, None]
    rates = positive_cells(crowded, batch, labels)
    assert rates.true_positive[batch == 1].mean() == 0.0
    assert rates.true_positive[batch == 0].mean() < 0.5


def test_a_type_in_one_batch_is_left_out_of_mixing_and_tiny_types_cannot_be_positive() -> None:
    points, labels = _two_types(400)
    labels[:2] = "c"
    batch = np.where(labels == "b", 0, np.arange(400) % 2)
    found = positive_cells(points, batch, labels)
    per_type = found.rates_per_type()
    assert per_type["b"] == {"positive": 1.0}
    assert found.rates()["true_positive"] == found.true_positive[labels != "b"].mean()
    assert per_type["c"]["positive"] == 0.0


def test_length_order_rotation_and_names_do_not_matter() -> None:
    points, batch, labels = _cells()
    generator = np.random.default_rng(3)
    order = generator.permutation(len(points))
    lengths = generator.uniform(0.1, 10, size=(len(points), 1))
    rotation = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    changed = positive_cells((lengths * points @ rotation)[order], 5 - batch[order], np.char.add("x", labels[order]))
    expected = positive_cells(points, batch, labels)
    assert np.array_equal(changed.positive, expected.positive[order])
    assert np.array_equal(changed.true_positive, expected.true_positive[order])


def test_a_cell_at_the_origin_is_scored() -> None:
    points, labels = _two_types(60)
    points[0] = 0
    assert np.isfinite(positive_rate(points, labels))


def test_what_has_no_value_has_a_reason() -> None:
    points, batch, labels = _cells(30)
    with pytest.raises(UndefinedScore, match="All cells are of one type"):
        positive_rate(points, np.full(30, "t"))
    with pytest.raises(UndefinedScore, match="Every cell type is found in one batch only"):
        true_positive_rate(points, np.zeros(30), labels)
    with pytest.raises(InputError, match="batch must have one entry for each of 30 cells"):
        true_positive_rate(points, batch[1:], labels)
    with pytest.raises(InputError, match="embedding must be finite"):
        positive_rate(np.where(np.arange(30)[:, None] == 4, np.nan, points), labels)
