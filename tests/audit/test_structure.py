"""Distances inside types, and covariates: kept where they are, lost where cells are dealt out anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from topocraft.audit.covariates import ACROSS, covariate_statements, covariate_table
from topocraft.audit.structure import structure_statements, structure_table


@pytest.fixture
def gradient(cells: Any) -> np.ndarray:
    """Return a number of every cell that its counts of the first ten genes tell."""
    found: np.ndarray = np.log1p(np.asarray(cells.X[:, :10].sum(axis=1)).ravel().astype(float))
    return found


def _in_own_components(make: Any, own_of: Any, **columns: np.ndarray) -> Any:
    """Return a subject whose embedding is what every batch has before integration."""
    first = make(**columns)
    points = np.zeros((300, 50), dtype=np.float32)
    for one in own_of(first):
        points[one.cells] = one.components
    return make(points, **columns)


def _structure(subject: Any, own_of: Any) -> pd.DataFrame:
    return structure_table(subject, own_of(subject), np.random.default_rng(0), 99)


def test_nothing_changes_where_the_embedding_is_what_was_before(make: Any, own_of: Any) -> None:
    table = _structure(_in_own_components(make, own_of), own_of)
    assert len(table) == 7
    np.testing.assert_allclose(table["spearman"], 1, atol=1e-6)
    np.testing.assert_allclose(table["relative"], 1, atol=1e-6)
    assert (table["p_value"] == 0.01).all()
    assert not (table["verdict"] == "bad").any()


def test_the_correlation_is_that_of_scipy(make: Any, own_of: Any, codes: np.ndarray) -> None:
    subject = make()
    row = _structure(subject, own_of).set_index(["batch", "group"]).loc[("x", "b")]
    one = next(each for each in own_of(subject) if each.name == "x")
    inside = codes[one.cells] == 1
    due = spearmanr(pdist(one.components[inside]), pdist(subject.points[one.cells][inside])).statistic
    assert row["spearman"] == pytest.approx(due)
    assert row["null_low"] < 0 < row["null_high"]


def test_a_cell_far_from_all_others_is_no_structure(make: Any, own_of: Any) -> None:
    """Points that share nothing but which of them are far out agree in their distances, and not relative to that."""
    from topocraft.audit.structure import _correlation, _ranks, _relative

    far = np.where(np.arange(60) % 3 == 0, 5.0, 1.0)[:, None]
    one, other = (_ranks(far * np.random.default_rng(seed).normal(size=(60, 30))) for seed in (0, 1))
    assert _correlation(one, other) > 0.7
    assert abs(_correlation(_relative(one), _relative(other))) < 0.35


def test_lost_structure_is_bad_where_there_was_some(make: Any, own_of: Any) -> None:
    table = _structure(make(), own_of).assign(relative_halves=0.5, relative=0.1, verdict="bad")
    whole, *each = structure_statements(table, "type")
    assert whole.verdict == "bad"
    assert len(each) == 7
    assert "7 of 7 lost half of that or more" in whole.sentence
    assert next(structure_statements(pd.DataFrame(), "type")).verdict == "unknown"


def test_a_covariate_is_kept_with_the_cells_and_lost_without(make: Any, own_of: Any, gradient: np.ndarray) -> None:
    kept = _in_own_components(make, own_of, dose=gradient)
    lost = make(np.random.default_rng(0).normal(size=(300, 4)), dose=gradient)
    for subject, verdict in ((kept, "ok"), (lost, "bad")):
        table = covariate_table(subject, own_of(subject), np.random.default_rng(0), 99)
        assert set(table["batch"]) == {"x", "y", ACROSS}
        within, across = covariate_statements(table)
        assert within.verdict == verdict
        assert within.reference > 0.8
        assert np.isnan(across.p_value)
        assert within.p_value == (0.01 if verdict == "ok" else pytest.approx(0.5, abs=0.49))


def test_a_covariate_that_is_the_same_everywhere_says_nothing(make: Any, own_of: Any) -> None:
    subject = make(dose=np.full(300, 2.5))
    assert list(covariate_statements(covariate_table(subject, own_of(subject), np.random.default_rng(0), 19))) == []
