"""Cells of one kind, out of data that holds several."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from scipy import sparse

from topocraft.errors import InputError


def as_csr(counts: Any) -> sparse.csr_matrix:
    """Return counts, sparse or dense, as CSR."""
    return sparse.csr_matrix(counts)


def largest_population(
    counts: Any, batch: np.ndarray | None = None, labels: np.ndarray | None = None
) -> sparse.csr_matrix:
    """Return the counts of the most numerous cell type in one batch, as Splat's parameters describe one kind of cells.

    Parameters
    ----------
    counts
        Raw counts, (n_cells, n_genes), sparse or dense.
    batch, labels
        Batch and cell type of every cell, (n_cells,); cells without either are left out. None: not told apart.

    Raises
    ------
    InputError
        No cell has both.

    Examples
    --------
    >>> largest_population(np.array([[1], [2], [3]]), labels=np.array(["B", "T", "T"])).toarray().tolist()
    [[2], [3]]
    """
    matrix = as_csr(counts)
    names = [values for values in (batch, labels) if values is not None]
    if not names:
        return matrix
    kinds = list(zip(*names, strict=True))
    numbers = Counter(kind for kind in kinds if all(name is not None and name == name for name in kind))
    if not numbers:
        raise InputError("Some cells must have a batch and a label; none has. Name other columns.")
    largest = max(numbers, key=numbers.__getitem__)
    return matrix[[kind == largest for kind in kinds]]
