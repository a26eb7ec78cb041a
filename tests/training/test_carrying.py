"""Batches are carried to their like without a change inside them; what one batch has alone goes along."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from topocraft.config import EmbeddingConfig
from topocraft.projection import Projection
from topocraft.topology.components import Components
from topocraft.training.alignment import fit_alignment
from topocraft.training.carrying import fit_carrying, reliabilities
from topocraft.training.kinds import Company, known_alike, own_targets
from topocraft.training.rounds import Round, fit_round

TYPES = np.array([[0.0, 0, 0], [20, 0, 0], [0, 20, 0], [0, 0, 20]])
APART = np.array([[9.0, -7, 5], [9, -7, 5], [12, -7, 5], [9, -10, 5]])
"""How far the second batch lies from the first, by type; nearer to another type than to its own."""
ALONE = 3


def _cells(seed: int = 0, n: int = 1200) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return expression, map, batch and type: types 20 apart; the map knows no batch; the last type is in one alone."""
    draws = np.random.default_rng(seed)
    batch, kind = draws.integers(0, 2, n), draws.integers(0, 4, n)
    batch[kind == ALONE] = 1
    inside = draws.normal(size=(n, 3))
    points = TYPES[kind] + inside + batch[:, None] * APART[kind]
    guide = 10 * np.eye(4)[kind] + 0.3 * draws.normal(size=(n, 4))
    return points.astype(np.float32), guide.astype(np.float32), batch, kind


def _carry(points: np.ndarray, batch: np.ndarray, guide: np.ndarray, **values: float) -> np.ndarray:
    found = fit_carrying(_as_they_are(points), batch, guide, EmbeddingConfig(**values), np.random.default_rng(0))
    return found.apply(points, batch, guide)


def _as_they_are(points: np.ndarray) -> Components:
    n = points.shape[1]
    return Components(points, Projection(np.zeros(n, np.float32), np.eye(n, dtype=np.float32)))


def _middle(points: np.ndarray, which: np.ndarray) -> np.ndarray:
    return points[which].mean(axis=0)


def test_each_type_of_a_batch_is_carried_to_its_like() -> None:
    points, guide, batch, kind = _cells()
    carried = _carry(points, batch, guide)
    for each in range(ALONE):
        there, here = (_middle(carried, (kind == each) & (batch == code)) for code in (0, 1))
        assert np.linalg.norm(there - here) < 0.5, "of 12 or more before"


def test_what_one_batch_has_alone_goes_along() -> None:
    points, guide, batch, kind = _cells()
    carried = _carry(points, batch, guide)
    alone, like = (_middle(carried, (kind == each) & (batch == 1)) for each in (ALONE, 0))
    before = _middle(points, (kind == ALONE) & (batch == 1)) - _middle(points, (kind == 0) & (batch == 1))
    np.testing.assert_allclose(alone - like, before, atol=2.5)


def test_inside_a_type_of_a_batch_nothing_is_deformed() -> None:
    points, guide, batch, kind = _cells()
    carried = _carry(points, batch, guide)
    for each in range(4):
        mine = (kind == each) & (batch == 1)
        before, after = (part[mine] - _middle(part, mine) for part in (points, carried))
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.97


def test_batches_that_do_not_differ_hardly_move() -> None:
    points, guide, _, kind = _cells()
    points = points - APART[kind].astype(np.float32) * _cells()[2][:, None]
    batch = np.random.default_rng(1).integers(0, 2, len(points))
    moved = np.linalg.norm(_carry(points, batch, guide) - points, axis=1)
    assert np.median(moved) < 0.5, "against a spread of 1 in each of three dimensions"


def test_a_component_without_populations_is_quenched() -> None:
    points, guide, batch, _ = _cells()
    noise = 5 * np.random.default_rng(2).normal(size=(len(points), 1)).astype(np.float32)
    noisy = np.hstack([points, noise])
    found = fit_carrying(_as_they_are(noisy), batch, guide, EmbeddingConfig(), np.random.default_rng(0))
    assert (found.weights[:3] > 0.8).all()
    assert found.weights[3] < 0.02


def test_reliability_is_one_minus_the_share_of_an_analysis_of_variance() -> None:
    points, _, _, kind = _cells()
    exact = TYPES[kind].astype(np.float32)  # as many places as types: k-means++ draws no point twice
    found = reliabilities(points, exact[:, :], np.random.default_rng(0))
    for column in range(3):
        groups = [points[kind == each, column].astype(float) for each in range(4)]
        ratio = stats.f_oneway(*groups).statistic
        n, k = len(points), 4
        within_over_all = (n - 1) / (n - k + (k - 1) * ratio)
        assert found[column] == pytest.approx(1 - within_over_all, abs=1e-4)


def test_a_coordinate_that_does_not_vary_has_no_reliability() -> None:
    still = np.ones((90, 1), dtype=np.float32)
    assert reliabilities(still, np.arange(90.0)[:, None], np.random.default_rng(0)).tolist() == [0.0]


def test_a_whole_round_agrees_with_a_loop_over_places() -> None:
    points, guide, batch, _ = _cells(n=300)
    found = fit_round(points, batch, guide, places=6, prior=4.0, generator=np.random.default_rng(3), whole=True)
    squared = np.array([[((cell - center) ** 2).sum() for center in found.centers] for cell in guide.astype(float)])
    belongs = np.exp(-squared / found.width)
    belongs /= belongs.sum(axis=1, keepdims=True)
    upper, lower = np.zeros((2, 3)), np.zeros(2)
    for place in range(6):
        weight = [belongs[batch == code, place].sum() for code in (0, 1)]
        mean = [np.average(points[batch == code], axis=0, weights=belongs[batch == code, place]) for code in (0, 1)]
        trust = [each / (each + 4.0) for each in weight]
        middle = (trust[0] * mean[0] + trust[1] * mean[1]) / sum(trust)
        evidence = weight[0] * weight[1] / sum(weight)
        upper += evidence * (np.array(mean) - middle)
        lower += evidence
    expected = upper / (lower + 4.0)[:, None]
    for place in range(6):
        np.testing.assert_allclose(found.shifts[place], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.apply(points, batch, guide), points - expected[batch], atol=2e-3)


@pytest.mark.parametrize("whole", [False, True])
def test_a_new_batch_is_shifted_by_the_rule_of_the_fit(whole: bool) -> None:
    points, guide, batch, kind = _cells()
    old = kind != ALONE
    points, guide, batch = points[old], guide[old], batch[old]
    found = fit_round(points, batch, guide, places=40, prior=1e-3, generator=np.random.default_rng(0), whole=whole)
    known, new = found.apply(points, batch, guide), found.apply(points, np.where(batch == 1, 5, 0), guide)
    assert np.array_equal(known[batch == 0], new[batch == 0])
    np.testing.assert_allclose(new[batch == 1].mean(axis=0), known[batch == 1].mean(axis=0), atol=0.3)


def test_a_new_batch_stays_where_the_middles_are_not_known() -> None:
    points = np.ones((4, 2), dtype=np.float32)
    old = Round(np.zeros((1, 2), np.float32), 1.0, np.ones((1, 1, 2), np.float32), None, None, 10.0, whole=False)
    found = old.apply(points, np.array([0, 1, -1, 0]))
    assert found.tolist() == [[0, 0], [1, 1], [1, 1], [0, 0]]


def _strangers(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, batch and kinds: one shared kind; near one another, a kind of each batch alone."""
    draws = np.random.default_rng(seed)
    batch, kind = np.repeat([0, 1], 300), draws.integers(0, 2, 600)
    kind = np.where(kind == 1, 1 + batch, 0)
    middles = np.array([[0.0, 0], [30, 0], [30, 3]])
    points = middles[kind] + draws.normal(size=(600, 2)) + 2 * batch[:, None] * (kind == 0)[:, None]
    return points.astype(np.float32), batch, np.eye(3, dtype=np.float32)[kind]


def test_near_one_another_is_not_yet_the_same() -> None:
    points, batch, kinds = _strangers()
    config = EmbeddingConfig(alignment_places=2)
    gaps = []
    for minded in (None, kinds):
        found = fit_alignment(points, batch, config, np.random.default_rng(0), kinds=minded)[0].apply(points, batch)
        middles = [found[kinds[:, kind] == 1].mean(axis=0) for kind in (1, 2)]
        shared = [found[(kinds[:, 0] == 1) & (batch == code)].mean(axis=0) for code in (0, 1)]
        gaps.append([np.linalg.norm(pair[0] - pair[1]) for pair in (middles, shared)])
    (drawn, met), (apart, met_too) = gaps
    assert drawn < 0.7, "3 before: without kinds they are drawn together"
    assert apart > 2.8
    assert max(met, met_too) < 0.3, "2.8 before: what is shared meets all the same"


def test_kinds_in_common_agree_with_a_loop() -> None:
    draws = np.random.default_rng(0)
    mine, others = draws.random((5, 4)), draws.random((5, 4)) * (draws.random((5, 4)) < 0.4)
    others[0] = 0
    for row, found in enumerate(known_alike(mine, others)):
        whole = others[row].sum() or 1.0
        common = sum(min(m / mine[row].sum(), o / whole) for m, o in zip(mine[row], others[row], strict=True))
        assert found == pytest.approx(min(1.0, common / 0.2))
    assert known_alike(mine, others)[0] == 0


def test_two_batches_meet_without_a_third_that_is_another_kind() -> None:
    points, batch, kinds = _strangers()
    third = kinds[:, 2] == 1
    points, kinds = np.vstack([points, points[third] + [1, 0]]).astype(np.float32), np.vstack([kinds, kinds[third]])
    batch = np.concatenate([batch, np.full(third.sum(), 2)])
    config = EmbeddingConfig(alignment_places=2)
    found = fit_alignment(points, batch, config, np.random.default_rng(0), kinds=kinds)[0].apply(points, batch)
    other, second, last = (found[(kinds[:, min(code + 1, 2)] == 1) & (batch == code)].mean(axis=0) for code in range(3))
    assert np.linalg.norm(second - last) < 0.1, "1 before"
    assert np.linalg.norm(second - other) > 2.8
    assert np.linalg.norm(last - other) > 2.8


def _strange_round(seen: np.ndarray | slice = slice(None)) -> tuple[Round, np.ndarray, np.ndarray, np.ndarray]:
    points, batch, kinds = _strangers()
    generator = np.random.default_rng(0)
    seen_points, seen_batch, seen_kinds = points[seen], batch[seen], kinds[seen]
    found = fit_round(seen_points, seen_batch, seen_points, places=2, prior=1e-3, generator=generator, kinds=seen_kinds)
    return found, points, batch, kinds


def test_a_copy_of_a_batch_under_a_new_name_goes_where_its_kind_is() -> None:
    found, points, batch, kinds = _strange_round()
    copied = found.apply(points, np.where(batch == 1, 7, 0), kinds=kinds)
    strangers = kinds[:, 2] == 1
    np.testing.assert_allclose(copied[strangers], points[strangers], atol=0.05)
    shared = (kinds[:, 0] == 1) & (batch == 1)
    middle = points[kinds[:, 0] == 1].mean(axis=0)
    np.testing.assert_allclose(copied[shared].mean(axis=0), middle, atol=0.2)


def test_a_new_batch_of_a_kind_that_nobody_has_stays() -> None:
    _, _, kinds = _strangers()
    found, points, batch, kinds = _strange_round(kinds[:, 2] == 0)
    moved = found.apply(points, np.where(batch == 1, 7, 0), kinds=kinds) - points
    assert np.abs(moved[kinds[:, 2] == 1]).max() < 0.05
    assert np.abs(moved[(kinds[:, 0] == 1) & (batch == 1)]).max() > 0.8


def test_kinds_must_be_told_of_a_new_batch() -> None:
    found, points, batch, _ = _strange_round()
    with pytest.raises(ValueError, match="kinds must be given for a new batch"):
        found.apply(points, batch + 1)


def test_whole_batches_have_no_kinds() -> None:
    points, batch, kinds = _strangers()
    with pytest.raises(ValueError, match="kinds do not enter"):
        fit_round(
            points, batch, points, places=2, prior=1.0, generator=np.random.default_rng(0), whole=True, kinds=kinds
        )


def test_targets_agree_with_a_loop_over_places_and_batches() -> None:
    draws = np.random.default_rng(4)
    means, trust, found = draws.normal(size=(3, 4, 2)), draws.random((3, 4)), draws.random((3, 4, 5)) ** 6
    company = Company(trust / (1 - trust) * 2.0, means, found)  # so that N / (N + 2) is the trust
    own, (others, most) = own_targets(means, trust, found), company.targets(found[:, 0], prior=2.0)
    for place in range(3):
        share = found[place] / found[place].sum(axis=1, keepdims=True)
        alike = [[min(1, sum(map(min, one, other)) / 0.2) for other in share] for one in share]
        assert min(map(min, alike)) < 0.9, "some are partly alike"
        for code in range(4):
            count = [trust[place, other] * (alike[code][other] if other != code else 1) for other in range(4)]
            np.testing.assert_allclose(own[place, code], np.average(means[place], axis=0, weights=count))
        count = [trust[place, other] * alike[0][other] for other in range(4)]
        np.testing.assert_allclose(others[place], np.average(means[place], axis=0, weights=count))
        assert most[place] == max(alike[0])


def test_without_alignment_nothing_settles() -> None:
    points, guide, batch, _ = _cells(n=200)
    config = EmbeddingConfig(alignment_rounds=0)
    found = fit_carrying(_as_they_are(points), batch, guide, config, np.random.default_rng(0))
    assert found.settling.rounds == ()
    assert len(found.rounds) == 4


@pytest.mark.parametrize("sizes", [(1, 1), (1, 40), (3, 2), (200, 1)])
def test_batches_of_a_few_cells_do_no_harm(sizes: tuple[int, int]) -> None:
    points, guide, _, _ = _cells(n=sum(sizes))
    assert np.isfinite(_carry(points, np.repeat([0, 1], sizes), guide)).all()


def test_where_batches_do_not_differ_they_stay_and_only_what_is_new_is_carried() -> None:
    points, guide, batch, kind = _cells()
    old = batch == 0
    halves = np.random.default_rng(1).integers(0, 2, old.sum())
    draws = np.random.default_rng(0)
    found = fit_carrying(_as_they_are(points[old]), halves, guide[old], EmbeddingConfig(), draws, differ=False)
    assert not found.corrects
    assert np.array_equal(found.apply(points[old], halves, guide[old]), points[old])
    shared = ~old & (kind != ALONE)
    carried = found.apply(points[shared], np.full(shared.sum(), 2), guide[shared])
    for each in range(ALONE):
        before, after = (_middle(part, kind[shared] == each) for part in (points[shared], carried))
        there = _middle(points[old], kind[old] == each)
        assert np.linalg.norm(after - there) < 0.15 * np.linalg.norm(before - there)


def test_batches_that_differ_are_corrected() -> None:
    points, guide, batch, _ = _cells()
    assert fit_carrying(_as_they_are(points), batch, guide, EmbeddingConfig(), np.random.default_rng(0)).corrects
