"""Epochs, warm-up, history: the only loop over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from topocraft.config import TrainingConfig
from topocraft.model.networks import Networks
from topocraft.model.triplets import choose_triplets
from topocraft.progress import Progress
from topocraft.rows import Rows
from topocraft.topology.clusters import Topology
from topocraft.training.course import Course, History
from topocraft.training.guard import Guard
from topocraft.training.keeping import Keeper
from topocraft.training.minibatch import CardRows, gather, nearest_rows
from topocraft.training.ranks import Ranks
from topocraft.training.sampler import BalancedSampler, epochs_for
from topocraft.training.step import LOSS_NAMES, NotFinite
from topocraft.training.suspects import Names, suspects

__all__ = ["History", "rate_share", "train"]


def train(
    networks: Networks,
    expression: Rows,
    batch: np.ndarray,
    topology: Topology,
    config: TrainingConfig,
    *,
    precision: str,
    seed: int,
    progress: Progress,
    names: Names | None = None,
    keeper: Keeper | None = None,
    ranks: Ranks | None = None,
) -> History:
    """Train the networks in place and return the mean of every loss per epoch.

    A step whose loss or gradient is not finite is undone, told, and made up for by another at half the learning rate.

    Parameters
    ----------
    networks
        Encoder, decoder and classifier, on the device to train on.
    expression
        Log-normalised values, (n_cells, n_genes): CSR, or rows that lie on disk.
    batch
        Batch codes 0 … S−1, (n_cells,).
    topology
        What is reliably known inside each batch.
    names
        Of cells and genes, for messages; numbers where left out.
    keeper
        Brings the last checkpoint back, and keeps further ones.
    ranks
        The processes that train together; one alone where left out. All but the first may leave the keeper out.

    Raises
    ------
    Stopped
        Three steps in a row, or ten in all, were undone; the networks are those of the last good step.
    ProcessLost
        Another process ended, or does not answer.
    """
    keeper, ranks = keeper or Keeper(), ranks or Ranks()
    ranks.adopt(networks)
    course = Course.begin(networks, config, precision=precision, seed=seed, ranks=ranks)
    keeper.restore(course)
    course.align(ranks)
    rows = nearest_rows(expression, next(networks.parameters()).device.type, ranks.size)
    lesson = _Lesson(networks, rows, batch, topology, config, course, Guard(course, progress), names, ranks)
    sampler = BalancedSampler(batch, config, course.sampler)
    ranks.require(sampler.cells_per_step)
    n_epochs = epochs_for(len(batch), int(batch.max()) + 1, config)
    progress.phase("train", n_epochs - course.epoch)
    networks.train()
    try:
        while course.epoch < n_epochs:
            losses = lesson.epoch(sampler, rate_share(course.epoch, n_epochs, config))
            for name, loss in zip(LOSS_NAMES, losses, strict=True):
                course.history[name].append(loss)
            course.epoch += 1
            keeper.offer(course, last=course.epoch == n_epochs)
            progress.advance(f"accuracy {course.history['accuracy'][-1]:.2f}")
    finally:
        networks.eval()
        networks.zero_grad()
    return course.history


def rate_share(epoch: int, n_epochs: int, config: TrainingConfig) -> float:
    """Return the learning rate of an epoch as a share of the first: 1 in the warm-up, then a cosine's fall."""
    done = max(0.0, (epoch - config.warmup_epochs) / max(1, n_epochs - config.warmup_epochs))
    return config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What is learned from, and by which rules."""

    networks: Networks
    expression: Rows | CardRows
    batch: np.ndarray
    topology: Topology
    config: TrainingConfig
    course: Course
    guard: Guard
    names: Names | None
    ranks: Ranks

    def epoch(self, sampler: BalancedSampler, rate: float) -> list[float]:
        """Take one epoch's steps, and as many again as were undone; return the mean losses."""
        losses = torch.zeros(len(LOSS_NAMES), device=next(self.networks.parameters()).device)
        n_good = 0
        while n_good < sampler.n_steps:
            for cells in islice(sampler.epoch(), sampler.n_steps - n_good):
                self.course.step.set_rate(rate * self.guard.rate)
                found = self._step(cells)
                if found is not None:
                    losses += found
                    n_good += 1
        means: list[float] = (losses / sampler.n_steps).tolist()
        return means

    def _step(self, cells: np.ndarray) -> Tensor | None:
        codes = self.batch[cells], self.topology.low[cells], self.topology.high[cells]
        drawn = self.config.triplets_per_cluster, self.topology.separation, self.config.pairs_from
        triplets = choose_triplets(*codes, self.course.triplets, *drawn)
        source = self.expression, self.batch, cells, triplets, next(self.networks.parameters()).device.type
        try:
            minibatch = gather(*source, self.ranks)
            losses = self.course.step(minibatch, warming_up=self.course.epoch < self.config.warmup_epochs)
        except NotFinite as fault:
            self.guard.undone(fault, suspects(self.networks, gather(*source), cells, self.names))
            return None
        self.guard.good()
        return losses
