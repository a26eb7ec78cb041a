"""Blocks of a dask array: the rows they hold, each computed once in a pass, and what cannot be read so."""

from __future__ import annotations

from typing import Any

import dask.array
import numpy as np
import pytest
from scipy import sparse

from topocraft.data.stream_dask import DaskRows, is_dask
from topocraft.errors import InputError

MATRIX = sparse.random(10, 6, 0.4, format="csr", dtype=np.float32, random_state=0)


def _blocks(kind: Any, computed: list[int]) -> dask.array.Array:
    """Return the matrix in blocks of four rows, each of which notes that it was computed."""

    def note(block: np.ndarray) -> Any:
        computed.append(len(block))
        return kind(block)

    return dask.array.from_array(MATRIX.toarray(), chunks=(4, 6)).map_blocks(note, dtype="f4", meta=kind((1, 1)))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array])
def test_rows_are_those_of_the_matrix_and_each_block_is_computed_once(kind: Any) -> None:
    computed: list[int] = []
    with dask.config.set(scheduler="synchronous"):
        rows = DaskRows(_blocks(kind, computed))
        assert rows.shape == (10, 6)
        for start, stop in ((0, 3), (3, 5), (5, 10)):
            found = rows[start:stop]
            assert isinstance(found, sparse.csr_matrix)
            np.testing.assert_array_equal(found.toarray(), MATRIX[start:stop].toarray())
    assert computed == [4, 4, 2]


def test_dense_blocks_and_no_rows() -> None:
    rows = DaskRows(dask.array.from_array(MATRIX.toarray(), chunks=(3, 6)))
    np.testing.assert_array_equal(rows[0:10].toarray(), MATRIX.toarray())
    assert rows[4:4].shape == (0, 6)


def test_what_dask_made_is_known() -> None:
    assert is_dask(dask.array.ones((2, 2)))
    assert not is_dask(MATRIX)


def test_blocks_that_divide_genes_are_refused() -> None:
    with pytest.raises(InputError, match=r"divide the genes into 3 parts\. Call adata\.X\.rechunk\(\{1: -1\}\) first"):
        DaskRows(dask.array.ones((4, 6), chunks=(4, 2)))


def test_blocks_of_unknown_size_are_refused() -> None:
    array = dask.array.ones((4, 6), chunks=(2, 6))
    with pytest.raises(InputError, match=r"X does not\. Call adata\.X\.compute_chunk_sizes\(\) first"):
        DaskRows(array[array[:, 0] > 0])
