"""What every simulator that learns from counts asks of them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from topocraft.errors import InputError


def checked_counts(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return raw counts as CSR, float64, without duplicates or stored zeros.

    Raises
    ------
    InputError
        Not sparse, no counts at all, or a value that is negative, not whole or not finite.
    """
    if not sparse.issparse(counts):
        raise InputError(f"counts must be a sparse matrix (cells, genes); got {type(counts).__name__}. Wrap it in CSR.")
    matrix = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    with np.errstate(invalid="ignore"):
        wrong = ~((matrix.data >= 0) & (matrix.data == np.round(matrix.data)) & np.isfinite(matrix.data))
    if wrong.any():
        raise InputError(
            f"counts must be whole numbers of 0 or more, before any normalisation; got {matrix.data[wrong][0]:g}. "
            "Name the layer that holds raw counts (--layer), or round those that are fractional."
        )
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise InputError(f"counts must hold counts; got {matrix.shape[0]} × {matrix.shape[1]} without any.")
    return matrix
