"""Agreement with the clusters of each batch by itself, on planted batches and hand-made clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics import leiden_clusterings, within_batch_agreement, within_batch_clusters


def _cells(n_genes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three types in two batches of 90 and 60 cells, and a batch of 10."""
    generator = np.random.default_rng(0)
    batch = np.repeat(["large", "small", "tiny"], [90, 60, 10])
    types = np.concatenate([np.arange(90) % 3, np.arange(60) % 3, np.arange(10) % 3])
    points = generator.normal(size=(160, n_genes)) + 12 * np.eye(3, n_genes)[types]
    return points, batch, types


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n_genes", [6, 80])
def test_every_batch_is_clustered_by_itself_and_tiny_ones_are_not(as_matrix: type, n_genes: int) -> None:
    points, batch, types = _cells(n_genes)
    found = within_batch_clusters(as_matrix(points), batch)
    for name in ("large", "small"):
        assert adjusted_rand_score(types[batch == name], found[batch == name]) == 1
    assert (found[batch == "tiny"] == -1).all()


@pytest.mark.parametrize(("size", "clustered"), [(29, False), (30, True)])
def test_thirty_cells_are_a_batch_to_rely_on(size: int, clustered: bool) -> None:
    points, batch, _ = _cells()
    cells = np.r_[:90, 90 : 90 + size]
    assert (within_batch_clusters(points[cells], batch[cells])[90:] >= 0).all() == clustered


def test_a_shift_between_batches_does_not_matter() -> None:
    points, batch, _ = _cells()
    shifted = points + 100 * (batch == "small")[:, None]
    assert np.array_equal(within_batch_clusters(shifted, batch), within_batch_clusters(points, batch))


def test_agreement_is_the_mean_over_batches_at_the_best_resolution() -> None:
    points, batch, _ = _cells()
    noisy = points + 5 * np.random.default_rng(1).normal(size=points.shape)
    own = within_batch_clusters(points, batch)
    clusterings = leiden_clusterings(noisy)
    groups = [batch == "large", batch == "small"]
    scores = [
        (
            np.mean([normalized_mutual_info_score(own[cells], codes[cells]) for cells in groups]),
            np.mean([adjusted_rand_score(own[cells], codes[cells]) for cells in groups]),
        )
        for codes in clusterings.codes
    ]
    assert within_batch_agreement(clusterings, batch, own) == pytest.approx(max(scores))
    assert within_batch_agreement(noisy, batch, own) == pytest.approx(max(scores))


def test_structure_inside_batches_counts_and_mixing_does_not() -> None:
    points, batch, _ = _cells()
    own = within_batch_clusters(points, batch)
    apart = points + np.outer(batch == "small", [0, 0, 0, 100, 0, 0])
    lost = np.random.default_rng(2).permutation(points)
    assert within_batch_agreement(apart, batch, own)[1] > 0.9
    assert within_batch_agreement(lost, batch, own)[1] < 0.1


def test_batches_without_two_clusters_are_left_out() -> None:
    points, batch, types = _cells()
    own = np.where(batch == "large", types, -1)
    own[batch == "small"] = 0
    found = within_batch_agreement(points, batch, own)
    assert found == pytest.approx((1, 1))
    with pytest.raises(UndefinedScore, match="No batch of at least 30 cells has two clusters"):
        within_batch_agreement(points, batch, np.where(batch == "tiny", -1, 0))


def test_wrong_lengths_are_refused() -> None:
    points, batch, types = _cells()
    with pytest.raises(InputError, match="batch must have one entry for each of 160 cells"):
        within_batch_clusters(points, batch[1:])
    with pytest.raises(InputError, match="clusters must have one entry for each of 160 cells"):
        within_batch_agreement(points, batch, types[1:])


def test_lists_and_tables_serve_as_well_as_arrays() -> None:
    values, batch, _ = _cells()
    expected = within_batch_clusters(values, batch)
    assert within_batch_clusters(values.tolist(), batch.tolist()).tolist() == expected.tolist()
    assert within_batch_clusters(pd.DataFrame(values, index=batch), batch).tolist() == expected.tolist()
    assert within_batch_clusters(sparse.coo_matrix(values), batch).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.empty((0, 4)), r"at least one of each; got shape \(0, 4\)"),
        (np.array([["a"], ["b"]]), "must be numbers, cells × genes"),
        (np.array([[np.nan], [1.0]]), "expression must be finite; some of it is NaN"),
        (sparse.csr_matrix([[np.inf], [1.0]]), "expression must be finite; some of it is NaN"),
    ],
)
def test_expression_that_is_none_is_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        within_batch_clusters(values, np.arange(values.shape[0]))
