"""What a fit learned of its own cells, and what it says of those that it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from topocraft.config import TrainingConfig
from topocraft.data.cells import Cells
from topocraft.errors import list_names
from topocraft.progress import Progress
from topocraft.topology.clusters import UNDECIDED, Topology

FEW_CELLS = 30


@dataclass(frozen=True, eq=False)
class FittedCells:
    """What ``fit`` learned of the very cells it saw, in their order.

    ``kept`` (n_cells,) marks those that passed quality control; ``topology`` covers all cells, with ``UNDECIDED`` for
    the others.
    """

    kept: np.ndarray
    topology: Topology


def in_input_order(order: np.ndarray, kept: np.ndarray, topology: Topology) -> FittedCells:
    """Return what was learned of cells in the order in which they came: place i of ``order`` is where i came from."""
    positions = order[kept]
    kept_here = np.zeros(len(order), dtype=bool)
    kept_here[positions] = True
    low = np.full(len(order), UNDECIDED, dtype=np.int64)
    high = low.copy()
    low[positions], high[positions] = topology.low, topology.high
    return FittedCells(kept_here, replace(topology, low=low, high=high))


def tell_set_aside(cells: Cells, set_aside: np.ndarray, batch_names: tuple[str, ...], progress: Progress) -> None:
    """Say which cells, and which whole batches, training will not see."""
    if len(set_aside):
        progress.warn(
            f"{len(set_aside):,} of {cells.n_cells:,} cells have too few detected genes and are kept out of training: "
            f"{list_names(cells.cell_names[np.sort(set_aside)], 3)}."
        )
    lost = sorted(set(cells.batch_names) - set(batch_names))
    if lost:
        progress.warn(f"No cell of these batches passed quality control: {list_names(lost)}.")


def tell_small_batches(sizes: np.ndarray, batch_names: tuple[str, ...], progress: Progress) -> None:
    """Say which batches have so few cells, (n_batches,), that they show no structure of their own."""
    small = [name for name, size in zip(batch_names, sizes.tolist(), strict=True) if size < FEW_CELLS]
    if small:
        doubt = " Is this the column of the batches?" if len(small) > len(sizes) / 2 else ""
        progress.say(
            f"{len(small):,} of {len(sizes):,} batches have fewer than {FEW_CELLS} cells, too few to show what is "
            f"alike inside them: {list_names(small, 3)}.{doubt}"
        )


def tell_warm_up(n_epochs: int, config: TrainingConfig, progress: Progress) -> None:
    """Say where training ends before the encoder is told to hide the batch."""
    if n_epochs <= config.warmup_epochs and config.lambda_adversary > 0:
        progress.warn(
            f"Training ends within its warm-up (epochs {n_epochs:,}, warmup_epochs {config.warmup_epochs:,}), in which "
            "the encoder does not yet hide the batch. Train longer, or lower warmup_epochs."
        )
