"""The classifier of batches against a slow loop over cells, and against what is known of its ends."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from topocraft.errors import UndefinedScore
from topocraft.metrics.confusion import batch_confusion


def _slowly(points: np.ndarray, batch: np.ndarray) -> float:
    k, names = min(15, len(batch) // 2), sorted(set(batch))
    shares: dict[str, list[float]] = {name: [] for name in names}
    for cell, own in enumerate(batch):
        distance = np.linalg.norm(points - points[cell], axis=1)
        distance[cell] = np.inf
        near = Counter(batch[np.argsort(distance, kind="stable")[:k]])
        rates = {name: near[name] / ((batch == name).sum() - (name == own)) for name in names}
        best = [name for name in names if rates[name] > max(rates.values()) - 1e-9]
        shares[own].append((own in best) / len(best))
    accuracy = np.mean([np.mean(one) for one in shares.values()])
    return float(np.clip(1 - (accuracy - 1 / len(names)) / (1 - 1 / len(names)), 0, 1))


@pytest.mark.parametrize("shift", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("sizes", [(40, 40), (60, 20), (30, 20, 10), (7, 5)])
def test_it_is_that_of_a_slow_loop(shift: float, sizes: tuple[int, ...]) -> None:
    codes = np.repeat(np.arange(len(sizes)), sizes)
    points = np.random.default_rng(0).normal(size=(len(codes), 3)) + shift * codes[:, None]
    batch = np.array(["a", "b", "c"])[codes]
    found = batch_confusion(points, batch, np.repeat("t", len(codes)))
    assert found == pytest.approx(_slowly(points.astype(np.float32), batch))


def test_unequal_batches_in_random_order_are_as_confused_as_equal_ones() -> None:
    points = np.random.default_rng(1).normal(size=(600, 4))
    for sizes in ((300, 300), (540, 60)):
        assert batch_confusion(points, np.repeat(["a", "b"], sizes), np.repeat("t", 600)) > 0.9


def test_every_population_counts_alike_and_those_of_one_batch_not_at_all() -> None:
    mixed, apart = np.random.default_rng(2).normal(size=(200, 2)), np.repeat([[0.0, 0.0], [50.0, 0.0]], 10, axis=0)
    points = np.concatenate([mixed, 500 + apart, 900 + mixed[:20]])
    batch = np.array(["a", "b"] * 100 + ["a"] * 10 + ["b"] * 10 + ["a"] * 20)
    labels = np.repeat(["t", "u", "v"], [200, 20, 20])
    alone = batch_confusion(mixed, batch[:200], labels[:200])
    assert batch_confusion(points, batch, labels) == pytest.approx((alone + 0.0) / 2)
    with pytest.raises(UndefinedScore, match="in more than one batch"):
        batch_confusion(points[-20:], batch[-20:], labels[-20:])
