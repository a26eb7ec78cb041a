"""Counts of categories among neighbours, a block of cells at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 20


def neighbor_counts(
    indices: np.ndarray, codes: np.ndarray, n_codes: int, weights: np.ndarray | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of each block and the (weighted) counts of every code among their neighbours.

    ``indices`` and ``weights`` are (n_cells, k), ``codes`` (n_cells,) in 0 … n_codes−1; each block of counts is
    (rows, n_codes), float64. Only a block of about a million entries is held at a time.
    """
    n_cells, k = indices.shape
    step = max(1, BLOCK // max(k, n_codes))
    for start in range(0, n_cells, step):
        rows = slice(start, min(start + step, n_cells))
        size = rows.stop - rows.start
        flat = codes[indices[rows]] + n_codes * np.arange(size)[:, None]
        by = None if weights is None else weights[rows].ravel()
        counts = np.bincount(flat.ravel(), by, minlength=size * n_codes)
        yield rows, counts.reshape(size, n_codes).astype(np.float64, copy=False)
