"""What scores take: columns as codes, and neighbours within types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from topocraft.errors import InputError
from topocraft.metrics import blisi, cilisi, clisi, ilisi, lisi
from topocraft.metrics.arrays import as_types, checked_embedding, codes_of, neighbors_within_types


def test_numbers_are_sorted_as_numbers_and_objects_as_text() -> None:
    names, codes = codes_of(np.array([10, 9, 10]), 3, "batch")
    assert names.tolist() == [9, 10]
    assert codes.tolist() == [1, 0, 1]
    names, codes = codes_of(np.array(["b", 10, 9], dtype=object), 3, "batch")
    assert names.tolist() == ["10", "9", "b"]
    assert codes.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.full((4, 2), 1e30), r"within ±1e\+15; 4 of 4 cells hold more, in rows .* or rescale them"),
        ([[1e300, 0.0], [0.0, 1.0]], "1 of 2 cells hold NaN or infinity, in rows '0'"),
        ([[np.nan, 0.0], [0.0, 1.0]], "1 of 2 cells hold NaN or infinity, in rows '0'.* or repair them"),
        ([["a"], ["b"]], "must be a dense matrix of numbers, cells × dimensions; got list: could not convert"),
        (sparse.identity(3, format="csr"), "must be a dense matrix of numbers.*got csr_matrix|dia_matrix"),
        (None, r"with at least two cells and one dimension; got shape \(1,\)"),
    ],
)
def test_embeddings_without_distances_are_refused(points: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_embedding(points)


@pytest.mark.parametrize("score", [ilisi, clisi, blisi, cilisi, lisi])
def test_no_score_is_nan_for_coordinates_whose_squares_overflow(score: Callable[..., Any]) -> None:
    points, groups = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 2
    more = (np.arange(60) % 3,) if score in (blisi, cilisi) else ()
    with pytest.raises(InputError, match=r"embedding must be finite, within ±1e\+15; 60 of 60 cells hold more"):
        score(points * 1e30, groups, *more)
    assert np.isfinite(score(points * 1e12, groups, *more)).all()


def test_neighbours_within_types_count_among_their_own() -> None:
    points = np.array([[0.0], [100.0], [1.0], [3.0], [101.0], [50.0]])
    three, two, one = neighbors_within_types(points, np.array(list("abaabc")))
    assert (three.name, three.cells.tolist(), three.neighbors.indices.tolist()) == (
        "a",
        [0, 2, 3],
        [[1, 2], [0, 2], [1, 0]],
    )
    assert (two.cells.tolist(), two.neighbors.indices.tolist()) == ([1, 4], [[1], [0]])
    assert (one.cells.tolist(), one.neighbors.indices.shape, one.neighbors.distances.shape) == ([5], (1, 0), (1, 0))


def test_ninety_neighbours_are_searched_where_there_are_so_many() -> None:
    (found,) = neighbors_within_types(np.arange(120.0)[:, None], np.repeat("a", 120))
    assert found.neighbors.indices.shape == (120, 90)


def test_types_are_searched_in_an_embedding_with_labels_or_given_without() -> None:
    points, labels = np.arange(8.0)[:, None], np.repeat(["a", "b"], 4)
    found = as_types(points, labels)
    assert [one.cells.tolist() for one in found] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert as_types(found, None) is found
    with pytest.raises(InputError, match="labels must be given"):
        as_types(points, None)
    with pytest.raises(InputError, match="labels must be left out"):
        as_types(found, labels)
