"""What values are, found at once or in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from topocraft.data.values import Facts, canonical, facts_of, first_broken, require_sound, value_kind
from topocraft.errors import InputError


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0], [0.5, 2.0, 30.0], [0.5, 1.5, 2.0], [-1.0, 2.0, np.inf], [4.0, np.nan, 1.0]]
)
def test_pieces_tell_what_the_whole_tells(values: list[float]) -> None:
    whole = facts_of(np.array(values))
    pieces = facts_of(np.array([])) + facts_of(np.array(values[:1])) + facts_of(np.array(values[1:])) + Facts()
    assert (pieces.count, pieces.broken, pieces.whole) == (whole.count, whole.broken, whole.whole)
    if not whole.broken:
        assert pieces == whole
    assert whole.broken == sum(not np.isfinite(value) for value in values)


@pytest.mark.parametrize(
    ("values", "asked", "kind"),
    [
        ([1.0, 30.0], "auto", "counts"),
        ([0.5, 30.0], "auto", "fractional counts"),
        ([0.5, 2.0], "auto", "log1p"),
        ([0.5, 2.0], "counts", "fractional counts"),
        ([1.0, 2.0], "log1p", "log1p"),
    ],
)
def test_the_kind_of_values(values: list[float], asked: str, kind: str) -> None:
    assert value_kind(facts_of(np.array(values)), asked) == kind


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "must not all be zero"), ([1.0, -0.5], "the smallest is -0.5"), ([np.nan, -1.0, np.inf], "finite; 2 are")],
)
def test_unsound_values(values: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        require_sound(facts_of(np.array(values)))


def test_the_first_broken_value_is_where_a_loop_finds_it() -> None:
    values = np.random.default_rng(0).poisson(0.5, (30, 20)).astype(np.float32)
    values[[7, 7, 12], [3, 9, 0]] = [np.inf, np.nan, -np.inf]
    slow = next((row, gene) for row in range(30) for gene in range(20) if not np.isfinite(values[row, gene]))
    assert first_broken(canonical(values)) == slow == (7, 3)


@pytest.mark.parametrize("asked", ["auto", "log1p"])
def test_logged_values_whose_squares_are_lost_are_refused_with_a_cure(asked: str) -> None:
    tiny = facts_of(np.array([2e-20, 1e-20]))
    with pytest.raises(InputError, match=r"must reach 1e-15 somewhere; the largest is 2e-20.*input_kind='counts'"):
        value_kind(tiny, asked)
    assert value_kind(tiny, "counts") == "fractional counts"
    assert value_kind(facts_of(np.array([2e-15, 1e-20])), asked) == "log1p"


def test_the_canonical_form_leaves_the_input_alone() -> None:
    matrix = sparse.csr_matrix((np.array([1.0, 2.0, 0.0, 3.0]), np.array([2, 0, 1, 2]), np.array([0, 4])), shape=(1, 3))
    found = canonical(matrix)
    assert (found.indices.tolist(), found.data.tolist(), found.dtype) == ([0, 2], [2.0, 4.0], np.float32)
    assert matrix.data.tolist() == [1.0, 2.0, 0.0, 3.0]
