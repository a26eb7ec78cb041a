"""Balanced minibatches: shares, repeats, cost and epochs against counts by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from topocraft.config import TrainingConfig
from topocraft.training.sampler import BalancedSampler, epochs_for, steps_per_epoch


def _config(**values: int) -> TrainingConfig:
    return TrainingConfig(**{"cells_per_batch": 24, "cells_per_step": 48, "min_share": 4, **values})


def _batches(*sizes: int) -> np.ndarray:
    """Batch codes in no order."""
    return np.random.default_rng(9).permutation(np.repeat(np.arange(len(sizes)), sizes))


def _epoch(batch: np.ndarray, config: TrainingConfig, seed: int = 0) -> list[np.ndarray]:
    return list(BalancedSampler(batch, config, np.random.default_rng(seed)).epoch())


@pytest.mark.parametrize(
    ("sizes", "n_steps", "share"),
    [
        ((100, 30), 1, 24),
        ((100, 30, 5), 2, 12),
        ((100, 30, 5, 1), 2, 12),
        ((40,) * 6, 3, 8),
        ((40,) * 12, 6, 4),
    ],
)
def test_a_minibatch_takes_an_equal_share_of_every_batch(sizes: tuple[int, ...], n_steps: int, share: int) -> None:
    batch = _batches(*sizes)
    steps = _epoch(batch, _config())
    assert len(steps) == n_steps
    for cells in steps:
        assert np.bincount(batch[cells], minlength=len(sizes)).tolist() == [share] * len(sizes)


def test_the_default_takes_half_a_step_from_each_of_two_batches() -> None:
    batch = _batches(900, 700)
    (cells,) = _epoch(batch, TrainingConfig())
    assert np.bincount(batch[cells]).tolist() == [512, 512]
    assert len(set(cells.tolist())) == 1024


@pytest.mark.parametrize("n_batches", [2, 3, 5, 6, 30])
def test_an_epoch_is_about_512_cells_per_batch(n_batches: int) -> None:
    batch = _batches(*[600] * n_batches)
    drawn = np.bincount(batch[np.concatenate(_epoch(batch, TrainingConfig()))])
    assert drawn.tolist() == [pytest.approx(512, rel=0.03)] * n_batches


def test_large_batches_are_drawn_without_repeats_within_an_epoch() -> None:
    batch = _batches(100, 24, 23)
    cells = np.concatenate(_epoch(batch, _config()))
    seen = [cells[batch[cells] == code] for code in range(3)]
    assert [len(part) for part in seen] == [24, 24, 24]
    assert [len(set(part.tolist())) for part in seen[:2]] == [24, 24]
    assert len(set(seen[2].tolist())) < 24


def test_batches_of_one_and_two_cells_are_repeated() -> None:
    batch = _batches(100, 1, 2)
    for cells in _epoch(batch, _config()):
        assert set(cells[batch[cells] == 1].tolist()) == set(np.flatnonzero(batch == 1).tolist())
        assert set(cells[batch[cells] == 2].tolist()) <= set(np.flatnonzero(batch == 2).tolist())
        assert np.bincount(batch[cells]).tolist() == [12, 12, 12]


@pytest.mark.parametrize("size", [10, 80])
def test_every_cell_of_a_batch_is_as_likely(size: int) -> None:
    batch = _batches(size, 50)
    sampler = BalancedSampler(batch, _config(), np.random.default_rng(1))
    drawn = np.concatenate([cells for _ in range(400) for cells in sampler.epoch()])
    assert stats.chisquare(np.bincount(drawn, minlength=len(batch))[batch == 0]).pvalue > 0.01


def test_an_epoch_has_an_order_of_its_own() -> None:
    sampler = BalancedSampler(_batches(100, 100), _config(), np.random.default_rng(0))
    first, second = (np.concatenate(list(sampler.epoch())) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("n_batches", [2, 40])
def test_the_generator_alone_decides(n_batches: int) -> None:
    batch = _batches(*[30] * n_batches)
    before = np.random.get_state()[1].copy()
    first, again, other = (np.concatenate(_epoch(batch, _config(), seed)) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(("n_batches", "size"), [(65, 5), (100, 20), (500, 3), (500, 100)])
def test_many_batches_cost_no_more_per_step_and_are_all_visited(n_batches: int, size: int) -> None:
    batch, config = _batches(*[size] * n_batches), TrainingConfig()
    steps = _epoch(batch, config)
    assert {len(cells) for cells in steps} == {config.cells_per_step}
    assert len(steps) <= math.ceil(max(len(batch), 16 * 512) / config.cells_per_step)
    visits = np.bincount(batch[np.concatenate(steps)], minlength=n_batches)
    assert visits.min() >= config.min_share
    assert visits.max() - visits.min() <= config.min_share  # in turn: no batch is a whole turn ahead


def test_more_batches_than_an_epoch_holds_are_visited_over_epochs() -> None:
    batch = _batches(*[2] * 700)
    sampler = BalancedSampler(batch, TrainingConfig(), np.random.default_rng(0))
    epochs = [set(batch[np.concatenate(list(sampler.epoch()))].tolist()) for _ in range(12)]
    assert all(len(seen) >= 400 for seen in epochs)
    assert len(set.union(*epochs)) == 700


@pytest.mark.parametrize("n_batches", [100, 500])
def test_no_batch_stands_twice_in_a_step(n_batches: int) -> None:
    batch = _batches(*[20] * n_batches)
    for cells in _epoch(batch, TrainingConfig()):
        assert np.unique(np.bincount(batch[cells])[np.unique(batch[cells])]).tolist() == [16]


@pytest.mark.parametrize(("n_batches", "per_step", "min_share"), [(50, 8, 4), (4, 7, 2), (50, 8, 8)])
def test_every_step_has_several_batches_and_of_each_several_cells(
    n_batches: int, per_step: int, min_share: int
) -> None:
    """Triplets need two cells of a batch, the classifier two batches."""
    batch = _batches(*[3] * n_batches)
    for cells in _epoch(batch, _config(cells_per_step=per_step, min_share=min_share, cells_per_batch=2)):
        found, counts = np.unique(batch[cells], return_counts=True)
        assert len(found) >= 2
        assert counts.min() >= 2
        assert len(cells) <= per_step


@pytest.mark.parametrize(
    ("n_cells", "n_batches", "expected"),
    [
        (4_000, 2, 1),  # 2 · 512 cells in steps of 1,024
        (16_382, 9, 5),  # 4,608 cells
        (26_000, 6, 3),
        (32_472, 16, 8),  # 8,192 cells
        (372_789, 30, 15),  # 15,360 cells
        (100, 500, 8),  # sixteen batches' worth, as there are few cells
        (50_000, 500, 49),  # every cell once
    ],
)
def test_steps_per_epoch_by_hand(n_cells: int, n_batches: int, expected: int) -> None:
    assert steps_per_epoch(n_cells, n_batches, TrainingConfig()) == expected


@pytest.mark.parametrize(
    ("n_cells", "n_batches", "epochs", "expected"),
    [
        (4_000, 2, 150, 150),
        (100_000, 2, 10, 10),  # an atlas begins above
        (204_800, 2, 150, 300),  # 1.5 · 204,800 / 1,024
        (204_800, 2, 400, 400),
        (204_800, 100, 150, 150),  # 6 would do
    ],
)
def test_epochs_by_hand(n_cells: int, n_batches: int, epochs: int, expected: int) -> None:
    assert epochs_for(n_cells, n_batches, TrainingConfig(epochs=epochs)) == expected


def test_epochs_are_at_least_the_formula() -> None:
    assert epochs_for(102_910, 2, TrainingConfig()) >= 1.5 * 102_910 / 1024 > 150
