"""Matrices of values, checked before any library reads them: a damaged index makes compiled code read past its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from topocraft.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

DAMAGED = "The file that it comes from is damaged: fetch it again, or build the matrix anew."


def readable_matrix(matrix: Any, name: str = "X") -> Any:
    """Return a matrix as it is, dense or sparse, if its parts fit together and it holds real numbers.

    Parameters
    ----------
    matrix
        Cells × genes: an array, or a CSR or CSC matrix.
    name
        What the matrix is called in messages.

    Raises
    ------
    InputError
        The matrix is of another kind, has masked values, holds no real numbers, or an index of it points outside.

    Examples
    --------
    >>> from scipy import sparse
    >>> from topocraft.data.matrices import readable_matrix
    >>> readable_matrix(sparse.eye(3, format="csr")).shape
    (3, 3)
    """
    known = isinstance(matrix, np.ndarray) or (sparse.issparse(matrix) and matrix.format in ("csr", "csc"))
    if not known:
        raise InputError(
            f"{name} must be an array, or a CSR or CSC matrix, in memory; it is {_kind(matrix)}. "
            "Call adata = adata.to_memory() first, or convert it."
        )
    if np.ma.is_masked(matrix):
        raise InputError(f"{name} must have no masked values; some are. Fill them in: matrix.filled(0).")
    if matrix.dtype.kind not in "biuf":
        raise InputError(f"{name} must hold real numbers; its dtype is {matrix.dtype}. Convert it: .astype('float32').")
    reason = unsound(matrix)
    if reason:
        raise InputError(f"{name} must have parts that fit together; {reason}. {DAMAGED}")
    return matrix


def sparse_rows(rows: Any) -> sparse.csr_matrix:
    """Return rows of a matrix, dense or sparse, as CSR; half precision, which no sparse matrix holds, as single.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.data.matrices import sparse_rows
    >>> sparse_rows(np.eye(2, dtype="float16")).dtype
    dtype('float32')
    """
    half = isinstance(rows, np.ndarray) and rows.dtype == np.float16
    return sparse.csr_matrix(rows, dtype=np.float32 if half else None)


def require_sound_parts(adata: AnnData) -> None:
    """Refuse cells of a file with a sparse matrix whose indices or pointers lead outside.

    Raises
    ------
    ValueError
        Says which matrix, and what is wrong with it.
    """
    raw = {} if adata.raw is None else {"raw": adata.raw.X}
    for name, matrix in {"X": adata.X, **raw, **adata.layers, **adata.obsm, **adata.obsp, **adata.varp}.items():
        reason = unsound(matrix)
        if reason:
            raise ValueError(f"of {name}, {reason}")


def unsound(matrix: Any) -> str:
    """Return what is wrong with the indices or pointers of a CSR or CSC matrix; of any other, nothing."""
    if not sparse.issparse(matrix) or matrix.format not in ("csr", "csc"):
        return ""
    rows, columns = matrix.shape if matrix.format == "csr" else matrix.shape[::-1]
    pointers, stored = matrix.indptr, min(len(matrix.indices), len(matrix.data))
    in_order = len(pointers) == rows + 1 and pointers[0] == 0 and bool((pointers[1:] >= pointers[:-1]).all())
    if not in_order or pointers[-1] > stored:
        return f"the pointers do not rise from 0 to its {stored:,} values"
    indices = matrix.indices[: pointers[-1]]
    if len(indices) and not 0 <= indices.min() <= indices.max() < columns:
        return f"indices go from {indices.min():,} to {indices.max():,}, not from 0 to {columns - 1:,}"
    return ""


def _kind(matrix: Any) -> str:
    kind = type(matrix)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
