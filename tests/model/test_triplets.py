"""Triplets against a slow loop over all pairs, and their loss against NumPy."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from topocraft.config import Distance
from topocraft.model.triplets import Triplets, choose_triplets, triplet_loss
from topocraft.topology.clusters import UNDECIDED

Codes = tuple[np.ndarray, np.ndarray, np.ndarray]


def _minibatch(seed: int, n: int = 80) -> Codes:
    """Codes in no order, high clusters that cross the low ones, some cells undecided."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 3, n), generator.integers(-1, 4, n), generator.integers(0, 5, n)


def _alike(codes: Codes, a: int, b: int) -> bool:
    return a != b and all(code[a] == code[b] for code in codes) and codes[1][a] != UNDECIDED


def _unlike(codes: Codes, a: int, b: int) -> bool:
    batch, low, _ = codes
    return batch[a] == batch[b] and UNDECIDED not in (low[a], low[b]) and low[a] != low[b]


def _eligible(codes: Codes) -> list[int]:
    cells = range(len(codes[0]))
    return [a for a in cells if any(_alike(codes, a, b) for b in cells) and any(_unlike(codes, a, b) for b in cells)]


def _rows(triplets: Triplets) -> list[tuple[int, int, int]]:
    return list(zip(*(part.tolist() for part in _cells(triplets)), strict=True))


def _cells(triplets: Triplets) -> tuple[np.ndarray, ...]:
    return triplets.anchor, triplets.positive, triplets.negative


@pytest.mark.parametrize("seed", range(5))
def test_every_eligible_anchor_stands_in_one_triplet_that_keeps_the_rules(seed: int) -> None:
    codes = _minibatch(seed)
    triplets = choose_triplets(*codes, np.random.default_rng(seed))
    assert sorted(triplets.anchor.tolist()) == _eligible(codes)
    for anchor, positive, negative in _rows(triplets):
        assert _alike(codes, anchor, positive)
        assert _unlike(codes, anchor, negative)


@pytest.mark.parametrize("seed", range(3))
def test_lone_cells_are_no_anchors(seed: int) -> None:
    """Few cells in many clusters: most anchors lack a positive or a negative."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 4, 24), generator.integers(0, 3, 24), generator.integers(0, 3, 24)
    eligible = _eligible(codes)
    assert 0 < len(eligible) < 24
    assert sorted(choose_triplets(*codes, generator).anchor.tolist()) == eligible


def test_positives_and_negatives_are_uniform_and_independent() -> None:
    batch = np.array([0, 1, 0, 0, 0, 0, 0, 0, 1, 1])
    low = np.array([2, 2, 2, 0, 2, 3, 0, 2, 0, 0])
    high = np.array([7, 7, 7, 7, 7, 1, 1, 5, 7, 7])
    generator = np.random.default_rng(0)
    draws = (_rows(choose_triplets(batch, low, high, generator)) for _ in range(3000))
    seen = Counter((row[1], row[2]) for rows in draws for row in rows if row[0] == 0)
    possible = [(positive, negative) for positive in (2, 4) for negative in (3, 5, 6)]
    assert set(seen) == set(possible)
    assert stats.chisquare([seen[pair] for pair in possible]).pvalue > 0.01


def test_undecided_cells_take_no_part() -> None:
    batch, low, high = np.zeros(12, int), np.repeat([0, 1, UNDECIDED], 4), np.repeat([0, 1, 1], 4)
    triplets = choose_triplets(batch, low, high, np.random.default_rng(0))
    used = np.concatenate(_cells(triplets))
    assert sorted(set(used.tolist())) == list(range(8))
    assert len(choose_triplets(batch, np.full(12, UNDECIDED), high, np.random.default_rng(0)).anchor) == 0


def test_a_batch_of_one_low_cluster_asserts_nothing() -> None:
    batch, low = np.array([0] * 6 + [1] * 6), np.array([0] * 6 + [0, 0, 0, 1, 1, 1])
    triplets = choose_triplets(batch, low, low, np.random.default_rng(0))
    assert sorted(triplets.anchor.tolist()) == list(range(6, 12))


def test_the_generator_alone_decides() -> None:
    codes = _minibatch(1)
    first, again, other = (_rows(choose_triplets(*codes, np.random.default_rng(seed))) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_drawn_pairs_keep_the_rules_and_the_limit_per_cluster(limit: int) -> None:
    codes = _minibatch(6, n=200)
    batch, low, _ = codes
    triplets = choose_triplets(*codes, np.random.default_rng(0), per_cluster=limit)
    rows = _rows(triplets)
    assert rows
    assert all(_alike(codes, a, p) and _unlike(codes, a, n) for a, p, n in rows)
    sizes = Counter(zip(batch.tolist(), low.tolist(), strict=True))
    for cluster, drawn in Counter((batch[a], low[a]) for a in triplets.anchor).items():
        assert drawn <= min(limit, sizes[cluster] * (sizes[cluster] - 1) // 2)


@pytest.mark.parametrize("limit", [1, 2, 15])
def test_drawn_pairs_are_at_most_the_pairs_there_are(limit: int) -> None:
    """Low clusters of one to four cells, each one high cluster: 0, 1, 3 and 6 pairs, all of them alike."""
    low = np.repeat([0, 1, 2, 3], [1, 2, 3, 4])
    triplets = choose_triplets(np.zeros(10, int), low, low, np.random.default_rng(0), per_cluster=limit)
    drawn = np.bincount(low[triplets.anchor], minlength=4)
    assert drawn.tolist() == [min(limit, pairs) for pairs in (0, 1, 3, 6)]


def test_drawn_pairs_are_kept_as_often_as_they_share_a_high_cluster() -> None:
    """Two low clusters of four cells, each of two high ones: one pair in three is alike."""
    batch, low, high = np.zeros(8, int), np.repeat([0, 1], 4), np.repeat(np.arange(4), 2)
    generator = np.random.default_rng(0)
    kept = sum(len(choose_triplets(batch, low, high, generator, per_cluster=5).anchor) for _ in range(300))
    assert stats.binomtest(kept, n=300 * 2 * 5, p=1 / 3).pvalue > 0.01


def test_pairs_from_high_clusters_count_small_populations_as_much_as_large_ones() -> None:
    """High clusters of 40, 3, 2 and 1 cells in one low cluster, beside another: 7, 3, 1 and no pairs at most."""
    low, high = np.repeat([0, 1], [46, 4]), np.repeat([0, 1, 2, 3, 4], [40, 3, 2, 1, 4])
    drawn = np.random.default_rng(0)
    triplets = choose_triplets(np.zeros(50, int), low, high, drawn, per_cluster=7, pairs_from="high")
    assert np.bincount(high[triplets.anchor], minlength=5).tolist() == [7, 3, 1, 0, 6]
    codes = np.zeros(50, int), low, high
    assert all(_alike(codes, a, p) and _unlike(codes, a, n) for a, p, n in _rows(triplets))


@pytest.mark.parametrize("per_cluster", [None, 5])
@pytest.mark.parametrize("n_decided", [0, 1, 2])
def test_too_few_cells_give_no_triplets(n_decided: int, per_cluster: int | None) -> None:
    low = np.where(np.arange(4) < n_decided, 0, UNDECIDED)
    drawn = choose_triplets(np.zeros(4, int), low, low, np.random.default_rng(0), per_cluster=per_cluster)
    assert [len(part) for part in (drawn.anchor, drawn.positive, drawn.negative, drawn.share)] == [0, 0, 0, 0]


def test_separation_is_the_share_of_the_margin_and_none_drops_the_triplet() -> None:
    codes = _minibatch(7)
    separation = np.random.default_rng(8).uniform(0.2, 1, size=(4, 4)).astype(np.float32)
    separation[0, 2] = separation[2, 0] = 0
    every = choose_triplets(*codes, np.random.default_rng(0))
    assert (every.share == 1).all()
    graded = choose_triplets(*codes, np.random.default_rng(0), separation=separation)
    low = codes[1]
    left = [row for row in _rows(every) if {low[row[0]], low[row[2]]} != {0, 2}]
    assert 0 < len(left) < len(every.anchor)
    assert _rows(graded) == left
    assert graded.share.tolist() == [separation[low[a], low[n]] for a, _, n in left]


def _slow_loss(z: np.ndarray, rows: list[tuple[int, int, int]], margin: float, distance: Distance) -> float:
    losses = []
    for a, p, n in rows:
        near, far = np.linalg.norm(z[a] - z[p]), np.linalg.norm(z[a] - z[n])
        losses.append(max(near**2 - far**2 + margin if distance == "squared" else near - far + margin, 0))
    return float(np.mean(losses))


@pytest.mark.parametrize("distance", ["euclidean", "squared"])
@pytest.mark.parametrize("margin", [0.0, 0.5, 5.0])
def test_loss_agrees_with_a_slow_loop(distance: Distance, margin: float) -> None:
    triplets = choose_triplets(*_minibatch(2), np.random.default_rng(2))
    z = np.random.default_rng(3).normal(size=(80, 6))
    expected = _slow_loss(z, _rows(triplets), margin, distance)
    assert triplet_loss(torch.from_numpy(z), triplets, margin, distance).item() == pytest.approx(expected, rel=1e-6)


def _one(share: float = 1.0) -> Triplets:
    return Triplets(*(np.array([cell]) for cell in range(3)), np.array([share], dtype=np.float32))


@pytest.mark.parametrize(("distance", "expected"), [("euclidean", 5 - 1 + 5), ("squared", 25 - 1 + 5)])
def test_loss_of_one_triplet_worked_by_hand(distance: Distance, expected: float) -> None:
    z = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    one = _one()
    assert triplet_loss(z, one, 5.0, distance).item() == pytest.approx(expected)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5 - 1 + 2.5), (1.0, 5 - 1 + 5)])
def test_a_share_of_the_margin_is_asked(share: float, expected: float) -> None:
    z = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert triplet_loss(z, _one(share), 5.0, "euclidean").item() == pytest.approx(expected)


@pytest.mark.parametrize("distance", ["euclidean", "squared"])
def test_loss_has_the_gradient_of_finite_differences(distance: Distance) -> None:
    codes = _minibatch(4, n=40)
    triplets = choose_triplets(*codes, np.random.default_rng(4))
    z = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5)).requires_grad_()
    assert len(triplets.anchor) > 3
    assert torch.autograd.gradcheck(lambda points: triplet_loss(points, triplets, 2.0, distance), (z,))


def test_coincident_cells_have_a_finite_gradient() -> None:
    z = torch.zeros(3, 2, requires_grad=True)
    triplet_loss(z, _one(), 5.0, "euclidean").backward()
    assert torch.isfinite(z.grad).all()


def test_no_triplet_is_no_loss_but_keeps_the_graph() -> None:
    z = torch.ones(4, 2, requires_grad=True)
    nobody = np.zeros(0, dtype=np.int64)
    triplets = choose_triplets(nobody, nobody, nobody, np.random.default_rng(0))
    loss = triplet_loss(z, triplets, 5.0, "euclidean")
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(z.grad, torch.zeros(4, 2))
