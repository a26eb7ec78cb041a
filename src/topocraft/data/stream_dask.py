"""Cells that come as a dask array: computed block by block, wherever dask computes, and never all at once."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from scipy import sparse

from topocraft.data.matrices import sparse_rows
from topocraft.errors import InputError


class DaskRows:
    """Rows of a dask array, read in order; of its blocks the one that was computed last is kept.

    Parameters
    ----------
    array
        A dask array, cells × genes, whose blocks are whole rows, CSR or dense.

    Raises
    ------
    InputError
        Its blocks divide the genes, or how many cells they have is not known.

    Examples
    --------
    >>> import dask.array
    >>> from topocraft.data.stream_dask import DaskRows
    >>> DaskRows(dask.array.ones((5, 2), chunks=(2, 2)))[1:4].toarray().sum()
    np.float64(6.0)
    """

    def __init__(self, array: Any) -> None:
        sizes = np.asarray(array.chunks[0], dtype=float)
        if np.isnan(sizes).any():
            raise InputError(
                "A dask array must know how many cells each of its blocks has; X does not. Call "
                "adata.X.compute_chunk_sizes() first."
            )
        if len(array.chunks[1]) > 1:
            raise InputError(
                f"The blocks of a dask array must hold whole cells; those of X divide the genes into "
                f"{len(array.chunks[1])} parts. Call adata.X.rechunk({{1: -1}}) first."
            )
        self.shape, self.dtype = array.shape, array.dtype
        self._array = array
        self._ends = np.cumsum(sizes).astype(np.int64)
        self._held: tuple[int, Any] = (-1, None)

    def __getitem__(self, rows: slice) -> sparse.csr_matrix:
        """Return some rows that lie one after the other."""
        start, stop, _ = rows.indices(self.shape[0])
        pieces = []
        while start < stop:
            number = int(np.searchsorted(self._ends, start, side="right"))
            end = int(self._ends[number])
            first = int(self._ends[number - 1]) if number else 0
            pieces.append(self._block(number)[start - first : min(stop, end) - first])
            start = end
        return sparse.vstack(pieces, format="csr") if pieces else sparse.csr_matrix((0, self.shape[1]))

    def _block(self, number: int) -> sparse.csr_matrix:
        if self._held[0] != number:
            self._held = (-1, None)  # two of them need not be in memory at once
            self._held = (number, sparse_rows(self._array.blocks[number, 0].compute()))
        return self._held[1]


def is_dask(matrix: Any) -> bool:
    """Tell whether a matrix is a dask array; dask is not loaded for that.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.data.stream_dask import is_dask
    >>> is_dask(np.eye(2))
    False
    """
    loaded = sys.modules.get("dask.array")
    return loaded is not None and isinstance(matrix, loaded.Array)
