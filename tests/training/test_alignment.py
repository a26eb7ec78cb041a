"""What sets batches apart is taken out place by place; what is in one batch only, or the same in all, stays."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.config import EmbeddingConfig
from topocraft.training.alignment import Alignment, fit_alignment
from topocraft.training.rounds import Round, memberships

TYPES = np.array([[0.0, 0, 0], [20, 0, 0], [0, 20, 0], [0, 0, 20]])
OFFSETS = np.array([[0.8, 0, 0], [0, -0.8, 0], [0, 0, 0.8], [0.5, 0.5, 0]])


def _cells(sizes: tuple[int, ...] = (400, 400), seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four types 20 apart, of spread 1; the second batch lies elsewhere in each of them."""
    draws = np.random.default_rng(seed)
    batch = np.repeat(np.arange(len(sizes)), sizes)
    kind = draws.integers(0, 4, len(batch))
    points = TYPES[kind] + draws.normal(size=(len(batch), 3)) + (batch[:, None] == 1) * OFFSETS[kind]
    return points.astype(np.float32), batch, kind


def _align(points: np.ndarray, batch: np.ndarray, seed: int = 0, **values: float) -> np.ndarray:
    config = EmbeddingConfig(**values)
    return fit_alignment(points, batch, config, np.random.default_rng(seed))[0].apply(points, batch)


def _gaps(points: np.ndarray, batch: np.ndarray, kind: np.ndarray) -> np.ndarray:
    means = [[points[(batch == code) & (kind == each)].mean(axis=0) for each in range(4)] for code in (0, 1)]
    return np.linalg.norm(np.subtract(*means), axis=1)


def test_offsets_that_differ_between_types_are_taken_out() -> None:
    points, batch, kind = _cells((2000, 1000))
    rounds = (0, 5, 20)
    none, some, many = (_gaps(_align(points, batch, alignment_rounds=each), batch, kind) for each in rounds)
    np.testing.assert_allclose(none, np.linalg.norm(OFFSETS, axis=1), atol=0.2)
    assert (some < 0.6 * none).all()
    assert many.max() < 0.15


def test_types_stay_where_they_are_and_as_wide_as_they_are() -> None:
    points, batch, kind = _cells((2000, 1000))
    aligned = _align(points, batch)
    for each in range(4):
        mine = aligned[kind == each]
        assert np.linalg.norm(mine.mean(axis=0) - points[kind == each].mean(axis=0)) < 0.3
        np.testing.assert_allclose(mine.std(axis=0), 1.0, atol=0.15)


def test_a_type_of_one_batch_only_is_left_alone() -> None:
    points, batch, kind = _cells((2000, 1000))
    kept = (kind != 3) | (batch == 0)
    moved = np.linalg.norm(_align(points[kept], batch[kept]) - points[kept], axis=1)
    assert moved[kind[kept] == 3].max() < 0.01
    assert np.median(moved[(kind[kept] < 3) & (batch[kept] == 1)]) > 0.2


def test_batches_that_do_not_differ_hardly_move() -> None:
    points, _, _ = _cells((3000,))
    batch = np.random.default_rng(1).integers(0, 2, 3000)
    moved = np.linalg.norm(_align(points, batch) - points, axis=1)
    assert np.median(moved) < 0.25, "against a spread of 1 in each of three dimensions"


def test_a_round_agrees_with_a_loop_over_cells_places_and_batches() -> None:
    points, batch, _ = _cells((120, 70, 20))
    prior = 4.0
    config = EmbeddingConfig(alignment_rounds=1, alignment_prior=prior)
    fitted = fit_alignment(points, batch, config, np.random.default_rng(3))[0].rounds[0]
    squared = np.array([[((cell - center) ** 2).sum() for center in fitted.centers] for cell in points.astype(float)])
    assert fitted.width == pytest.approx(np.median([row.min() for row in squared]), rel=1e-5)
    belongs = np.array([np.exp(-row / fitted.width) / np.exp(-row / fitted.width).sum() for row in squared])
    expected = points.astype(float)
    for place in range(len(fitted.centers)):
        weights = [belongs[batch == code, place].sum() for code in range(3)]
        means = [np.average(points[batch == code], axis=0, weights=belongs[batch == code, place]) for code in range(3)]
        trust = [weight / (weight + prior) for weight in weights]
        middle = sum(share * mean for share, mean in zip(trust, means, strict=True)) / sum(trust)
        for cell, code in enumerate(batch):
            expected[cell] -= belongs[cell, place] * trust[code] * (means[code] - middle)
    np.testing.assert_allclose(fitted.apply(points, batch), expected, atol=1e-4)


def test_places_are_one_for_thirty_cells_up_to_the_most() -> None:
    points, batch, _ = _cells((150, 150))
    found, _ = fit_alignment(points, batch, EmbeddingConfig(), np.random.default_rng(0))
    assert found.rounds[0].centers.shape == (10, 3)
    few, _ = fit_alignment(points, batch, EmbeddingConfig(alignment_places=4), np.random.default_rng(0))
    assert few.rounds[0].shifts.shape == (4, 2, 3)


def test_memberships_are_a_softmax_of_squared_distances_over_the_width() -> None:
    found = memberships(np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]]), 2.0)
    np.testing.assert_allclose(found[0], [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))], rtol=1e-6)
    np.testing.assert_allclose(found[1], [0.5, 0.5], rtol=1e-6)
    assert found.dtype == np.float32


def test_cells_without_a_batch_stay() -> None:
    points, batch, _ = _cells()
    fitted, _ = fit_alignment(points, batch, EmbeddingConfig(), np.random.default_rng(0))
    unknown = np.where(np.arange(len(batch)) % 2 == 0, -1, batch)
    found = fitted.apply(points, unknown)
    assert np.array_equal(found[::2], points[::2])
    np.testing.assert_allclose(found[1::2], fitted.apply(points, batch)[1::2], rtol=0, atol=1e-5)


def test_no_rounds_change_nothing() -> None:
    points, batch, _ = _cells()
    assert np.array_equal(_align(points, batch, alignment_rounds=0), points)
    assert np.array_equal(Alignment().apply(points, batch), points)


def test_the_seed_decides_and_the_input_is_left_as_it_is() -> None:
    points, batch, _ = _cells()
    kept = points.copy()
    one, same, other = (_align(points, batch, seed) for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()
    assert np.array_equal(points, kept)
    assert one.dtype == np.float32


@pytest.mark.parametrize("sizes", [(1, 1), (1, 40), (3, 2), (200, 1), (9000, 3)])
def test_batches_of_a_few_cells_do_no_harm(sizes: tuple[int, int]) -> None:
    points, batch, _ = _cells(sizes)
    assert np.isfinite(_align(points, batch)).all()


def test_cells_that_lie_on_one_another_do_no_harm() -> None:
    points, batch = np.ones((90, 4), dtype=np.float32), np.arange(90) % 3
    np.testing.assert_allclose(_align(points, batch), points, atol=1e-6)
    assert memberships(points[:2], np.array([[1.0, 1, 1, 1], [2, 2, 2, 2]]), 0.0).tolist() == [[1, 0], [1, 0]]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points, batch, _ = _cells((300, 50))
    whole = _align(points, batch)
    monkeypatch.setattr("topocraft.training.rounds.BLOCK", 16)
    np.testing.assert_allclose(_align(points, batch), whole, atol=1e-4)


def test_a_round_is_a_frozen_value() -> None:
    still = Round(np.zeros((1, 2), np.float32), 1.0, np.zeros((1, 2, 2), np.float32), None, None, 10.0, whole=False)
    points = np.ones((3, 2), dtype=np.float32)
    assert np.array_equal(still.apply(points, np.array([0, 1, 0])), points)
