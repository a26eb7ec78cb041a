"""The cell types on which batch mixing can be judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.arrays import Typed, TypeNeighbors, as_types, codes_of

MIN_CELLS = 10


@dataclass(frozen=True, eq=False)
class MixedType:
    """A type found in several batches: its neighbours among itself, and the batch codes of its cells, (m,)."""

    within: TypeNeighbors
    batch: np.ndarray
    n_batches: int

    @property
    def n_cells(self) -> int:
        """The number of cells."""
        return len(self.batch)


def mixed_types(space: Typed, batch: np.ndarray, labels: np.ndarray | None = None) -> tuple[MixedType, ...]:
    """Return the types of at least ``MIN_CELLS`` cells in two batches or more; others have nothing to mix.

    Raises
    ------
    InputError
        ``space`` and ``labels`` do not go together, ``batch`` does not have one entry per cell, or entries are missing.
    UndefinedScore
        There is no such type.
    """
    within = as_types(space, labels)
    _, codes = codes_of(batch, sum(len(one.cells) for one in within), "batch")
    found = []
    for one in within:
        present, own = np.unique(codes[one.cells], return_inverse=True)
        if len(present) > 1 and len(own) >= MIN_CELLS:
            found.append(MixedType(one, own, len(present)))
    if not found:
        raise UndefinedScore(f"No cell type has at least {MIN_CELLS} cells and is found in more than one batch.")
    return tuple(found)
