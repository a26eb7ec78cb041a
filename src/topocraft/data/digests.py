"""What a cell is, in 16 bytes: a digest of its values that knows genes by name, so that no order matters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from scipy import sparse

ENTRIES = 2**22
"""Stored values that are mixed at once."""
# Weyl increments and multipliers of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
STEP, FIRST, SECOND = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def name_digests(names: Iterable[object]) -> np.ndarray:
    """Return a digest of each name, (n_names, 2), uint64."""
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=16).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


def content_digests(values: sparse.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """Return a digest of the values of each cell, (n_cells, 2), uint64.

    A sum over the stored values of what gene and value mix to: it does not depend on the order of genes.

    Parameters
    ----------
    values
        CSR, float32, without explicit zeros.
    genes
        ``name_digests`` of the columns.

    Examples
    --------
    >>> values = sparse.csr_matrix(np.array([[1, 2], [2, 1]], dtype=np.float32))
    >>> one, other = content_digests(values, name_digests(["A", "B"]))
    >>> bool((one == content_digests(values, name_digests(["B", "A"]))[1]).all()), bool((one == other).any())
    (True, False)
    """
    found = np.zeros((values.shape[0], 2), dtype=np.uint64)
    start = 0
    while start < values.shape[0]:
        stop = max(start + 1, int(np.searchsorted(values.indptr, values.indptr[start] + ENTRIES, side="right")) - 1)
        stored = slice(values.indptr[start], values.indptr[stop])
        bits = values.data[stored].view(np.uint32).astype(np.uint64)
        filled = np.flatnonzero(np.diff(values.indptr[start : stop + 1]))
        offsets = values.indptr[start:stop][filled] - values.indptr[start]
        for lane in range(2 if len(filled) else 0):
            entries = mixed(genes[values.indices[stored], lane] + bits * STEP)
            found[start + filled, lane] = np.add.reduceat(entries, offsets)
        start = stop
    return found


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return numbers (uint64) stirred so that each bit of them reaches every other: the end of SplitMix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * SECOND
    stirred: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return stirred


def as_bytes(digests: np.ndarray) -> np.ndarray:
    """Return digests (n, 2), uint64, as (n,) of 16 bytes each."""
    whole: np.ndarray = np.ascontiguousarray(digests, dtype=">u8").view("S16").ravel()
    return whole
