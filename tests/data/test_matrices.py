"""Matrices whose parts do not fit together are refused before compiled code reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from topocraft.data.matrices import readable_matrix
from topocraft.errors import InputError


def _spoilt(form: str, part: str, place: int, value: int) -> Any:
    matrix = sparse.random(6, 8, density=0.5, format=form, random_state=0)
    getattr(matrix, part)[place] = value
    return matrix


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize(
    ("part", "place", "value", "message"),
    [
        ("indices", 3, 2**30, r"indices go from 0 to 1,073,741,824, not from 0 to [57]"),
        ("indices", 3, 8, r"indices go from 0 to 8, not from 0 to"),
        ("indices", 3, -1, r"indices go from -1 to"),
        ("indptr", 2, -5, r"the pointers do not rise from 0 to its 24 values"),
        ("indptr", 2, 2**30, "the pointers"),
        ("indptr", -1, 25, "the pointers"),
        ("indptr", 0, 1, "the pointers"),
    ],
)
def test_damaged_indices_are_refused(form: str, part: str, place: int, value: int, message: str) -> None:
    with pytest.raises(InputError, match=rf"layer 'a' must have parts that fit together; {message}.*fetch it again"):
        readable_matrix(_spoilt(form, part, place, value), "layer 'a'")


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_room_behind_the_stored_values_does_no_harm(form: str) -> None:
    matrix = sparse.random(6, 8, density=0.5, format=form, random_state=0)
    expected = matrix.toarray()
    matrix.data, matrix.indices = np.append(matrix.data, 9.0), np.append(matrix.indices, np.int32(10**6))
    assert np.array_equal(readable_matrix(matrix).toarray(), expected)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (sparse.coo_matrix(np.eye(3)), r"must be an array, or a CSR or CSC matrix, in memory; it is scipy\.coo_matrix"),
        ([[1.0]], r"it is builtins\.list\. Call adata = adata\.to_memory\(\)"),
        (np.eye(3).astype(complex), r"X must hold real numbers; its dtype is complex128\. Convert it"),
        (np.eye(3).astype(str), r"its dtype is <U"),
        (np.eye(3).astype(object), r"its dtype is object"),
        (np.ma.masked_equal(np.eye(3), 1), r"must have no masked values; some are\. Fill them in"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(matrix: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        readable_matrix(matrix)


def test_nothing_is_changed_or_copied() -> None:
    for matrix in (np.eye(3), np.eye(3, dtype=bool), sparse.csr_array(np.eye(3)), sparse.csc_matrix((0, 3))):
        assert readable_matrix(matrix) is matrix
