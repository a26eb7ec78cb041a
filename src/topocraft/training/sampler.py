"""Balanced minibatches, as index arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from topocraft.config import TrainingConfig

ATLAS_CELLS = 100_000


def epochs_for(n_cells: int, n_batches: int, config: TrainingConfig) -> int:
    """Return the number of epochs: above 100,000 cells at least 1.5 · n / (cells_per_batch · S)."""
    if n_cells <= ATLAS_CELLS:
        return config.epochs
    return max(config.epochs, math.ceil(1.5 * n_cells / (config.cells_per_batch * n_batches)))


def drawn_per_epoch(n_cells: int, n_batches: int, config: TrainingConfig) -> int:
    """Return about how many cells an epoch draws.

    ``cells_per_batch`` cells of every batch, but no more than the larger of all cells and sixteen batches' worth, so
    that hundreds of small batches cost what their cells cost.
    """
    return min(config.cells_per_batch * n_batches, max(n_cells, 16 * config.cells_per_batch))


def steps_per_epoch(n_cells: int, n_batches: int, config: TrainingConfig) -> int:
    """Return the steps of one epoch."""
    return math.ceil(drawn_per_epoch(n_cells, n_batches, config) / config.cells_per_step)


class BalancedSampler:
    """Draws minibatches with an equal share of every batch.

    A batch is drawn without replacement within an epoch, and with replacement where it is smaller than its share.
    With more batches than ``cells_per_step / min_share`` each step takes some of the batches, in turn.
    """

    def __init__(self, batch: np.ndarray, config: TrainingConfig, generator: np.random.Generator) -> None:
        self._members = [np.flatnonzero(batch == code) for code in np.unique(batch)]
        self._generator = generator
        n_batches = len(self._members)
        self.n_steps = steps_per_epoch(len(batch), n_batches, config)
        self._per_step = min(n_batches, max(2, config.cells_per_step // config.min_share))
        per_batch = config.cells_per_batch * n_batches / (self.n_steps * self._per_step)
        most = config.cells_per_step / self._per_step
        self._share = max(2, round(min(per_batch, most)))

    @property
    def cells_per_step(self) -> int:
        """Cells in every minibatch."""
        return self._share * self._per_step

    def epoch(self) -> Iterator[np.ndarray]:
        """Yield the cell indices of each step, (cells_per_step,)."""
        turns = self._turns()
        queues = [self._queue(code, int((turns == code).sum())) for code in range(len(self._members))]
        for batches in turns:
            yield np.concatenate([next(queues[code]) for code in batches])

    def _turns(self) -> np.ndarray:
        n_batches = len(self._members)
        if self._per_step == n_batches:
            return np.tile(np.arange(n_batches), (self.n_steps, 1))
        turns, waiting = [], np.empty(0, dtype=np.int64)
        for _ in range(self.n_steps):
            if len(waiting) < self._per_step:
                drawn = self._generator.permutation(n_batches)
                again = np.isin(drawn, waiting)
                waiting = np.concatenate([waiting, drawn[~again], drawn[again]])
            turns.append(waiting[: self._per_step])
            waiting = waiting[self._per_step :]
        return np.stack(turns)

    def _queue(self, code: int, n_turns: int) -> Iterator[np.ndarray]:
        members, wanted = self._members[code], n_turns * self._share
        replace = len(members) < wanted
        drawn = self._generator.choice(members, wanted, replace=replace) if wanted else members[:0]
        return iter(drawn.reshape(n_turns, self._share))
