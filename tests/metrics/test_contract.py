"""What holds for every score alike: range, direction, order of the controls, invariances, never a silent NaN."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topocraft.errors import UndefinedScore
from topocraft.metrics import islands, reference_distances, shuffled_within, within_batch_clusters
from topocraft.metrics.catalogue import CATALOGUE, members
from topocraft.metrics.searched import BY_TYPE, MEASURES, Reference
from topocraft.metrics.suite import Score, planned, score_embedding

SCORES = [*MEASURES, "bio", "batch", "composite", "f1_lisi"]
COVARIATE = ["knn_r2", "knn_error", "cross_batch_r2"]
# What they ask is how types lie to one another, and what each batch shows by itself: the cells before integration are
# their ceiling, and islands of types know nothing of it.
JUDGED_BY_THE_BATCHES = ["scgraph", "within_batch_nmi", "within_batch_ari"]
STRUCTURE = [name for name in SCORES if CATALOGUE[name].asks == "structure" and name not in JUDGED_BY_THE_BATCHES]
MIXING = [name for name in SCORES if CATALOGUE[name].asks == "mixing"]
BOTH = ["graph_connectivity", "true_positive_rate", "composite"]


def _planted() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Five types on a line of unequal steps, the last in one batch only; three batches, shifted apart.

    Returns coordinates, batch, labels, and the place on the line as a covariate.
    """
    generator = np.random.default_rng(0)
    cells = [(t, b) for t in range(5) for b in range(3) for _ in range((50, 34, 40)[b]) if t < 4 or b == 0]
    types, batch = np.array(cells).T
    place = np.array([0.0, 9.0, 20.0, 33.0, 48.0])[types] + generator.normal(size=len(types))
    points = generator.normal(size=(len(types), 6))
    points[:, 0] = place
    points[:, 1:4] += 3.5 * np.eye(3)[batch]
    return points.astype(np.float32), np.array(["x", "y", "z"])[batch], np.array(list("abcde"))[types], place


def _reference(points: np.ndarray, batch: np.ndarray, labels: np.ndarray, **others: object) -> Reference:
    try:
        distances = reference_distances(points, batch, labels)
    except UndefinedScore as undefined:
        distances = str(undefined)
    return Reference(batch, labels, points, within_batch_clusters(points, batch), distances, **others)


def _values(points: np.ndarray, reference: Reference) -> dict[str, float]:
    return {score.name + score.part: score.value for score in score_embedding(points, reference)}


@cache
def _controls() -> dict[str, dict[str, float]]:
    points, batch, labels, place = _planted()
    reference = _reference(points, batch, labels, covariates={"place": place})
    both = np.char.add(batch, labels)
    controls = {
        "unintegrated": points,
        "oracle": islands(labels),
        "mixed": shuffled_within(points, labels),
        "scrambled": shuffled_within(points, batch),
        "apart": islands(both),
    }
    return {name: _values(embedding, reference) for name, embedding in controls.items()}


def test_every_score_has_its_facts_and_every_fact_its_score() -> None:
    assert set(SCORES) | set(COVARIATE) == set(CATALOGUE)
    assert set(BY_TYPE) <= set(MEASURES)


def test_every_score_has_a_value_on_planted_cells() -> None:
    assert not [name for name, value in _controls()["unintegrated"].items() if math.isnan(value)]


@pytest.mark.parametrize("name", STRUCTURE)
def test_structure_is_best_in_the_oracle_and_worst_where_types_are_shuffled(name: str) -> None:
    found = {control: values[name] for control, values in _controls().items()}
    assert found["oracle"] >= found["unintegrated"] - 0.02
    assert found["oracle"] > 0.9 * CATALOGUE[name].high
    assert found["scrambled"] == min(found.values())
    assert found["scrambled"] < found["unintegrated"] - 0.1


@pytest.mark.parametrize("name", JUDGED_BY_THE_BATCHES)
def test_what_the_batches_know_is_best_before_integration_and_worst_where_types_are_shuffled(name: str) -> None:
    found = {control: values[name] for control, values in _controls().items()}
    assert found["unintegrated"] >= max(found.values()) - 0.02
    assert found["scrambled"] < found["unintegrated"] - 0.3


@pytest.mark.parametrize("name", MIXING)
def test_mixing_is_best_without_batches_and_worst_where_batches_are_islands(name: str) -> None:
    found = {control: values[name] for control, values in _controls().items()}
    assert min(found["oracle"], found["mixed"]) > found["unintegrated"] + 0.05
    assert found["apart"] == min(found.values())
    assert found["apart"] < 0.35


@pytest.mark.parametrize("name", BOTH)
def test_what_asks_for_both_puts_the_oracle_on_top_of_every_control(name: str) -> None:
    found = {control: values[name] for control, values in _controls().items()}
    assert found["oracle"] >= max(found.values()) - 0.05
    assert found["oracle"] > 0.85
    assert found["mixed"] >= found["unintegrated"]
    assert found["scrambled"] < found["mixed"]
    assert found["apart"] < found["mixed"]


def test_a_covariate_survives_where_cells_stay_and_is_lost_where_types_are_shuffled() -> None:
    found = {control: {name: values[name + "place"] for name in COVARIATE} for control, values in _controls().items()}
    assert found["unintegrated"]["knn_r2"] > 0.99
    assert found["unintegrated"]["cross_batch_r2"] > 0.9
    assert found["scrambled"]["knn_r2"] < 0.1
    assert found["scrambled"]["cross_batch_r2"] < 0.1
    assert found["scrambled"]["knn_error"] > 5 * found["unintegrated"]["knn_error"]


@pytest.mark.parametrize("name", SCORES)
def test_scores_stay_in_their_range(name: str) -> None:
    for values in _controls().values():
        assert CATALOGUE[name].low <= values[name] <= CATALOGUE[name].high


def test_means_are_those_of_their_members() -> None:
    for values in _controls().values():
        bio = sum(values[name] for name in members("bio")) / 4
        batch = sum(values[name] for name in members("batch")) / 6
        assert values["bio"] == pytest.approx(bio)
        assert values["batch"] == pytest.approx(batch)
        assert values["composite"] == pytest.approx(0.6 * bio + 0.4 * batch)


def test_the_order_of_the_cells_does_not_matter() -> None:
    points, batch, labels, _ = _planted()
    order = np.random.default_rng(1).permutation(len(batch))
    reference = _reference(points, batch, labels)
    moved = Reference(
        batch[order],
        labels[order],
        points[order],
        reference.within_batch[order],
        reference.type_distances,
    )
    expected, found = _values(points, reference), _values(points[order], moved)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # Leiden visits the cells in an order of its own, drawn by position.
        assert found[name] == pytest.approx(value, abs=0.03 if name in {"nmi", "ari", "bio", "composite"} else 2e-3)


def test_turning_and_scaling_the_embedding_change_nothing() -> None:
    points, batch, labels, _ = _planted()
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))
    reference = _reference(points, batch, labels)
    expected, found = _values(points, reference), _values(7 * points @ turn.astype(np.float32), reference)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=5e-3), name


def test_other_names_for_batches_and_types_change_nothing() -> None:
    points, batch, labels, _ = _planted()
    # Sorted the other way round.
    other_batch = np.array([{"x": "3", "y": "2", "z": "1"}[name] for name in batch])
    other_labels = np.array([f"type {'edcba'.index(name)}" for name in labels])
    expected = _values(points, _reference(points, batch, labels))
    found = _values(points, _reference(points, other_batch, other_labels))
    for name in SCORES:
        assert found[name] == pytest.approx(expected[name], abs=2e-3), name


def test_the_same_seed_gives_the_same_scores() -> None:
    points, batch, labels, place = _planted()
    reference = _reference(points, batch, labels, covariates={"place": place}, seed=3)
    first, second = (list(score_embedding(points, reference)) for _ in range(2))
    assert repr(first) == repr(second)


def test_without_types_only_scores_that_need_none_are_given() -> None:
    points, batch, _, _ = _planted()
    reference = Reference(batch, None, points, within_batch_clusters(points, batch))
    expected = {"ilisi", "pcr", "within_batch_nmi", "within_batch_ari"}
    assert set(planned(reference)) == expected == {score.name for score in score_embedding(points, reference)}


def _sound(score: Score) -> bool:
    fact = CATALOGUE[score.name]
    if math.isnan(score.value):
        return score.reason.endswith((".", ")"))
    return fact.low - 1e-6 <= score.value <= fact.high + 1e-6


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    n_cells=st.integers(2, 60),
    n_dimensions=st.integers(1, 4),
    n_batches=st.integers(1, 4),
    n_types=st.integers(1, 6),
    levels=st.sampled_from([1, 3, 1000]),
    seed=st.integers(0, 2**16),
)
def test_any_cells_end_in_a_value_within_range_or_in_a_reason(
    n_cells: int, n_dimensions: int, n_batches: int, n_types: int, levels: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    points = generator.integers(levels, size=(n_cells, n_dimensions)).astype(np.float32)
    batch, labels = generator.integers(n_batches, size=n_cells), generator.integers(n_types, size=n_cells)
    covariate = np.where(generator.random(n_cells) < 0.2, np.nan, points[:, 0])
    reference = _reference(points, batch, labels, covariates={"first": covariate})
    scores = list(score_embedding(points, reference))
    assert not [score for score in scores if not _sound(score)]
    assert {score.name for score in scores} == set(CATALOGUE)
