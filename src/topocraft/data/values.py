"""What stored values are, and whether they can be used at all; found at once or block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse

from topocraft.config import InputKind
from topocraft.errors import InputError

ValueKind = Literal["counts", "fractional counts", "log1p"]
LARGEST_LOG1P = 20.0
SMALLEST_LOG1P = 1e-15
"""Single precision loses the squares of what is much smaller, and with them every distance."""


@dataclass(frozen=True)
class Facts:
    """What is to be known of stored values: how many, how many not finite, their range, and whether all are whole."""

    count: int = 0
    broken: int = 0
    smallest: float = np.inf
    largest: float = -np.inf
    whole: bool = True

    def __add__(self, other: Facts) -> Facts:
        return Facts(
            self.count + other.count,
            self.broken + other.broken,
            min(self.smallest, other.smallest),
            max(self.largest, other.largest),
            self.whole and other.whole,
        )


def facts_of(stored: np.ndarray) -> Facts:
    """Return what is to be known of some stored values.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.data.values import facts_of
    >>> facts = facts_of(np.array([1.0, 2.5])) + facts_of(np.array([4.0]))
    >>> facts.count, facts.largest, facts.whole
    (3, 4.0, False)
    """
    if not len(stored):
        return Facts()
    finite = np.isfinite(stored)
    whole = bool((stored == np.rint(stored)).all())
    return Facts(len(stored), int((~finite).sum()), float(stored.min()), float(stored.max()), whole)


def canonical(matrix: Any) -> sparse.csr_matrix:
    """Return a matrix as CSR, float32, sorted, without duplicates and explicit zeros; the input is not changed."""
    with np.errstate(over="ignore"):
        values = sparse.csr_matrix(matrix, dtype=np.float32)
    if values.has_canonical_format is False or (values.data == 0).any():
        values = values.copy()
        values.sum_duplicates()
        values.eliminate_zeros()
    return values


def first_broken(values: sparse.csr_matrix) -> tuple[int, int]:
    """Return the cell and the gene of the first value that is not finite; there must be one.

    Examples
    --------
    >>> from scipy import sparse
    >>> from topocraft.data.values import first_broken
    >>> first_broken(sparse.csr_matrix([[1.0, 0.0], [0.0, float("nan")]]))
    (1, 1)
    """
    place = int(np.argmin(np.isfinite(values.data)))
    return int(np.searchsorted(values.indptr, place, side="right")) - 1, int(values.indices[place])


def require_sound(facts: Facts, where: str = "X") -> None:
    """Refuse values that are not finite, negative, or all zero; ``where`` says where those that are not finite lie."""
    if facts.broken:
        raise InputError(
            f"Values must be finite; {facts.broken:,} are NaN or infinite in {where}. Remove or repair them first."
        )
    if facts.count and facts.smallest < 0:
        raise InputError(
            f"Values must not be negative; the smallest is {facts.smallest:.4g}, so this looks like scaled or "
            "corrected data. Pass raw counts: a layer such as layer='counts' (--layer counts), or adata.raw.to_adata()."
        )
    if facts.count == 0:
        raise InputError("Values must not all be zero; every one is. Is this the right layer?")


def value_kind(facts: Facts, input_kind: InputKind) -> ValueKind:
    """Return what values are: as told, or as found out."""
    looks_log = not facts.whole and facts.largest <= LARGEST_LOG1P
    if input_kind == "log1p" and facts.largest > LARGEST_LOG1P:
        raise InputError(
            f"input_kind 'log1p' allows values up to {LARGEST_LOG1P:g}; the largest is {facts.largest:.4g}, "
            "which no logarithm of counts reaches. Pass input_kind='counts'."
        )
    if input_kind == "log1p" or (input_kind == "auto" and looks_log):
        if facts.largest < SMALLEST_LOG1P:
            raise InputError(
                f"log1p-normalised values must reach {SMALLEST_LOG1P:g} somewhere; the largest is {facts.largest:.4g}, "
                "too small for distances in single precision. Multiply them, or pass input_kind='counts' "
                "(--input-kind counts), which scales every cell."
            )
        return "log1p"
    return "counts" if facts.whole else "fractional counts"
