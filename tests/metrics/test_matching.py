"""Clusters of different batches are matched by their genes alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from topocraft.metrics.matching import matched_clusters

TYPES, BATCH = np.tile([0, 1, 2, 3], 60), np.repeat([0, 1, 2], 80)


@pytest.fixture
def expression() -> sparse.csr_matrix:
    """Return four types in three batches, each batch with a gene of its own."""
    values = np.random.default_rng(0).normal(size=(240, 12)) + 9 * np.eye(12)[TYPES] + 20 * np.eye(12)[9 + BATCH]
    return sparse.csr_matrix(values)


def _own(batch: int, clusters: np.ndarray) -> SimpleNamespace:
    cells = np.flatnonzero(batch == BATCH)
    return SimpleNamespace(cells=cells, clusters=np.unique(clusters[cells], return_inverse=True)[1])


def test_types_are_found_again_across_batches(expression: sparse.csr_matrix) -> None:
    renamed = (TYPES + BATCH) % 4
    found = matched_clusters(expression, [_own(batch, renamed) for batch in (2, 0, 1)])
    assert adjusted_rand_score(found, TYPES) == 1


def test_a_population_that_one_batch_cuts_in_two_stays_one(expression: sparse.csr_matrix) -> None:
    halved = TYPES + np.where((TYPES == 0) & (np.arange(240) % 8 == 0), 4, 0)
    own = [_own(0, TYPES), _own(1, halved), _own(2, TYPES)]
    assert own[1].clusters.max() == 4
    assert adjusted_rand_score(matched_clusters(expression, own), TYPES) == 1


def test_what_one_batch_has_alone_stays_alone(expression: sparse.csr_matrix) -> None:
    there = ~((TYPES == 3) & (BATCH > 0))
    own = [_own(0, TYPES)] + [
        SimpleNamespace(cells=np.flatnonzero((batch == BATCH) & there), clusters=TYPES[(batch == BATCH) & there])
        for batch in (1, 2)
    ]
    found = matched_clusters(expression, own)
    assert (found[~there] == -1).all()
    assert adjusted_rand_score(found[there], TYPES[there]) == 1


def test_the_largest_comes_first(expression: sparse.csr_matrix) -> None:
    uneven = np.where(TYPES == 2, 1, TYPES)
    found = matched_clusters(expression, [_own(batch, uneven) for batch in (0, 1, 2)])
    assert (found == 0).sum() == (uneven == 1).sum()


def test_batches_too_small_for_clusters_have_none(expression: sparse.csr_matrix) -> None:
    assert (matched_clusters(expression, ()) == -1).all()
