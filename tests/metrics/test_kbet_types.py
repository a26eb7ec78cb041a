"""kBET inside types and at several sizes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import neighbors_within_types
from topocraft.metrics.kbet import kbet, kbet_p_values
from topocraft.metrics.kbet_types import kbet_at, kbet_per_type, kbet_within_types
from topocraft.topology.neighbors import nearest_neighbors


def _cells(sizes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.repeat([f"t{i}" for i in range(len(sizes))], sizes)
    batch = generator.choice(3, len(labels), p=[0.5, 0.3, 0.2])
    return generator.normal(size=(len(labels), 3)) + 0.6 * batch[:, None], batch, labels


def _slow(points: np.ndarray, batch: np.ndarray, k: int) -> float:
    shares = np.array([(batch == b).mean() for b in sorted(set(batch))])
    accepted = 0
    for point in points:
        nearest = batch[np.argsort(np.linalg.norm(points - point, axis=1))[:k]]
        counts = [(nearest == b).sum() for b in sorted(set(batch))]
        accepted += chisquare(counts, k * shares).pvalue >= 0.05
    return accepted / len(points)


def test_each_type_is_tested_by_itself_at_its_own_k() -> None:
    points, batch, labels = _cells([12, 100, 200, 900])
    found = kbet_per_type(neighbors_within_types(points, labels), batch)
    for label, k in {"t0": 6, "t1": 10, "t2": 16, "t3": 70}.items():
        own = labels == label
        assert found[label] == pytest.approx(_slow(points[own], batch[own], k)), label


def test_types_count_alike() -> None:
    points, batch, labels = _cells([12, 200])
    within = neighbors_within_types(points, labels)
    found = kbet_per_type(within, batch)
    assert found["t0"] != found["t1"]
    assert kbet_within_types(within, batch) == pytest.approx((found["t0"] + found["t1"]) / 2)


@pytest.mark.parametrize("size", [10, 14, 30, 400])
def test_separate_halves_fail_in_types_of_any_size(size: int) -> None:
    batch = np.arange(size) % 2
    points = np.random.default_rng(1).normal(size=(size, 3))
    labels = np.full(size, "t")
    assert kbet_within_types(neighbors_within_types(points + 1000.0 * batch[:, None], labels), batch) == 0.0
    assert kbet_within_types(neighbors_within_types(points, labels), batch) > 0.8


def test_batches_that_differ_in_their_types_may_pass() -> None:
    generator = np.random.default_rng(2)
    labels = np.repeat(["a", "b"], 600)
    batch = np.concatenate([generator.random(600) < 0.9, generator.random(600) < 0.1]).astype(int)
    points = generator.normal(size=(1200, 3)) + 100.0 * (labels == "a")[:, None]
    assert kbet_within_types(neighbors_within_types(points, labels), batch) > 0.8
    assert kbet(points, batch) < 0.1


def test_several_sizes_are_scored_as_one_by_one() -> None:
    points, batch, labels = _cells([60, 200])
    within = neighbors_within_types(points, labels)
    assert kbet_at(points, batch, ks=(30, 5)) == {30: kbet(points, batch, 30), 5: kbet(points, batch, 5)}
    assert list(kbet_at(points, batch)) == [10, 25, 50, 70]
    assert kbet_at(nearest_neighbors(points.astype(np.float32), 29), batch, ks=(30,)) == kbet_at(
        points, batch, ks=(30,)
    )
    assert kbet_at(within, batch, ks=(20,)) == {20: kbet_within_types(within, batch, k=20)}
    assert kbet_per_type(within, batch, k=70)["t0"] == kbet_per_type(within, batch, k=30)["t0"]


def test_types_without_anything_to_mix_are_left_out() -> None:
    labels = np.repeat(["both", "few", "one batch", "single"], [20, 9, 20, 1])
    batch = np.where(labels == "one batch", 0, np.arange(50) % 2)
    within = neighbors_within_types(np.random.default_rng(3).normal(size=(50, 3)), labels)
    assert list(kbet_per_type(within, batch)) == ["both"]
    with pytest.raises(UndefinedScore, match="No cell type has at least 10 cells"):
        kbet_within_types(within, np.zeros(50))


def test_unusable_arguments_are_refused() -> None:
    points, batch, labels = _cells([60])
    within = neighbors_within_types(points, labels)
    with pytest.raises(InputError, match="k must be at least 2 cells"):
        kbet_within_types(within, batch, k=1)
    with pytest.raises(InputError, match="alpha must be above 0 and below 1; got 0"):
        kbet_per_type(within, batch, alpha=0)
    with pytest.raises(InputError, match="ks must hold at least one number of cells"):
        kbet_at(points, batch, ks=())
    with pytest.raises(UndefinedScore, match="The 70 nearest cells of every cell are all 60 cells"):
        kbet_at(points, batch)


def test_more_batches_than_a_neighbourhood_has_cells_cannot_be_judged() -> None:
    points, labels = np.random.default_rng(5).normal(size=(60, 3)), np.repeat(["few", "many"], 30)
    batch = np.where(labels == "few", np.arange(60) % 2, np.arange(60))
    assert list(kbet_per_type(points, batch, labels)) == ["few"]
    with pytest.raises(UndefinedScore, match="in more batches than a neighbourhood has cells"):
        kbet_per_type(points, np.arange(60), labels)


def test_a_cell_exactly_at_the_level_is_accepted() -> None:
    points, batch, labels = _cells([60])
    within = neighbors_within_types(points, labels)
    smallest = float(kbet_p_values(points, batch, k=20).min())
    assert kbet_within_types(within, batch, k=20, alpha=smallest) == 1.0


def test_pairs_of_cells_are_the_smallest_neighbourhood() -> None:
    points, batch, _ = _cells([60])
    assert kbet_at(points, batch, ks=(2,)) == {2: kbet(points, batch, 2)}
