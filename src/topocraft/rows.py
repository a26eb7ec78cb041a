"""Rows of a sparse matrix, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from scipy import sparse


class Rows(Protocol):
    """What training and clustering ask of cells × genes: some rows at a time. Every CSR matrix is one."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""

    def __getitem__(self, which: Any) -> sparse.csr_matrix:
        """Return the rows at ``which`` (indices or a slice), in that order."""


def whole(rows: Rows) -> sparse.csr_matrix:
    """Return all rows as a CSR matrix; one that is there already is not copied.

    Examples
    --------
    >>> from scipy import sparse
    >>> from topocraft.rows import whole
    >>> matrix = sparse.csr_matrix([[1.0, 0.0]])
    >>> whole(matrix) is matrix
    True
    """
    return rows if hasattr(rows, "indptr") else rows[:]
