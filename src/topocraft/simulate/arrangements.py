"""Which of the cells that were drawn a scenario keeps, and of which group they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from topocraft.randomness import numpy_stream
from topocraft.simulate.splat_cells import Cells

Arrange = Callable[[Cells, int], Cells]
N_GROUPS = 7


def keep_all(cells: Cells, seed: int) -> Cells:  # noqa: ARG001 - every Arrange takes a seed
    """Keep every cell."""
    return cells


def shrink_batch(share: float) -> Arrange:
    """Keep a share of the first batch, drawn without replacement: round(share · n) cells, at least one."""

    def arrange(cells: Cells, seed: int) -> Cells:
        return _shrunk(cells, [cells.batch == 0], share, seed)

    return arrange


def shrink_type(share: float) -> Arrange:
    """Keep a share of the first group in each batch: round(share · n) cells, at least one where there are any."""

    def arrange(cells: Cells, seed: int) -> Cells:
        batches = range(int(cells.batch.max()) + 1)
        return _shrunk(cells, [(cells.group == 0) & (cells.batch == batch) for batch in batches], share, seed)

    return arrange


def _shrunk(cells: Cells, parts: list[np.ndarray], share: float, seed: int) -> Cells:
    kept = np.ones(len(cells), dtype=bool)
    for part, generator in zip(parts, numpy_stream(seed, "scenario shrink").spawn(len(parts)), strict=True):
        members = np.flatnonzero(part)
        lost = len(members) - max(1, round(share * len(members)))
        kept[generator.choice(members, max(lost, 0), replace=False)] = False
    return cells.take(kept)


def share_types(shared: int) -> Arrange:
    """Keep the first ``shared`` groups in every batch, and each other group in one batch only.

    Those others are dealt out in order: of two batches the first gets the next ⌊(7 − shared)/2⌋, the second the rest.
    """

    def arrange(cells: Cells, seed: int) -> Cells:  # noqa: ARG001
        n_batches = int(cells.batch.max()) + 1
        edges = shared + (np.arange(n_batches + 1) * (N_GROUPS - shared)) // n_batches
        owner = np.searchsorted(edges, np.arange(N_GROUPS), side="right") - 1
        return cells.take((cells.group < shared) | (owner[cells.group] == cells.batch))

    return arrange


def own_shares(cells: Cells, seed: int) -> Cells:
    """Draw the groups anew, in each batch with shares of its own, uniform over all possible shares."""
    group = np.empty_like(cells.group)
    n_batches = int(cells.batch.max()) + 1
    for batch, generator in enumerate(numpy_stream(seed, "scenario shares").spawn(n_batches)):
        members = np.flatnonzero(cells.batch == batch)
        group[members] = generator.choice(N_GROUPS, len(members), p=generator.dirichlet(np.ones(N_GROUPS)))
    return cells.with_groups(group)
