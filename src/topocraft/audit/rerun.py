"""Integrating again, with some cells changed: how, and what it costs in units of the integration that is audited."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells
from topocraft.progress import Progress, Silent

if TYPE_CHECKING:
    from topocraft.audit.subject import Subject

Method = Callable[[Cells, int], np.ndarray]
"""Cells and a seed in, an embedding (n_cells, d) out, in the order of the cells."""
MOST_SPLITS = 3


@dataclass(frozen=True)
class Rerun:
    """A method, by which a batch that was split (``halves``) and cells without some (``whole``) are integrated again.

    ``split_cost`` and ``whole_cost`` are in units of the integration that is audited.
    """

    halves: Method
    whole: Method
    split_cost: float
    whole_cost: float = 1.0


@dataclass(frozen=True)
class Plan:
    """How many splits and how many removals the budget allows, and what they cost, in integrations."""

    splits: int
    removals: int
    cost: float


def plan_reruns(rerun: Rerun | None, budget: float) -> Plan:
    """Spend the budget: one split, then removals, then up to two further splits.

    Examples
    --------
    >>> plan_reruns(Rerun(None, None, split_cost=0.5), 1.5)
    Plan(splits=1, removals=1, cost=1.5)
    >>> plan_reruns(Rerun(None, None, split_cost=0.2), 1.5)
    Plan(splits=2, removals=1, cost=1.4)
    """
    if rerun is None or budget + 1e-9 < min(rerun.split_cost, rerun.whole_cost):
        return Plan(0, 0, 0.0)
    splits = int(rerun.split_cost <= budget + 1e-9)
    removals = math.floor((budget - splits * rerun.split_cost) / rerun.whole_cost + 1e-9)
    left = budget - splits * rerun.split_cost - removals * rerun.whole_cost
    splits += min(MOST_SPLITS - splits, math.floor(left / rerun.split_cost + 1e-9)) if splits else 0
    return Plan(splits, removals, round(splits * rerun.split_cost + removals * rerun.whole_cost, 3))


def topocraft_again(subject: Subject, progress: Progress | None = None) -> Rerun:
    """Return topocraft itself with the recorded configuration.

    A half of a batch is drawn half as often as a batch, so that every cell is seen as often as in the integration that
    is audited; the number of steps is what two batches get.
    """
    whole = subject.config
    training = replace(
        whole.training,
        cells_per_batch=max(2, whole.training.cells_per_batch // 2),
        cells_per_step=max(4, whole.training.cells_per_step // 2),
    )
    halved = replace(whole, training=training)
    n_cells, n_batches = subject.cells.n_cells, len(np.unique(subject.batch))
    largest = int(np.bincount(subject.batch).max())
    split_cost = _drawn(largest, 2, halved) / _drawn(n_cells, n_batches, whole)
    return Rerun(_method(halved, progress), _method(whole, progress), split_cost)


def _method(config: IntegrationConfig, progress: Progress | None) -> Method:
    def integrate(cells: Cells, seed: int) -> np.ndarray:
        from topocraft.integrator import Integrator

        return Integrator(replace(config, seed=seed)).fit(cells, progress or Silent()).embed(cells)

    return integrate


def _drawn(n_cells: int, n_batches: int, config: IntegrationConfig) -> float:
    """Return how many cells training draws, all in all."""
    from topocraft.training.sampler import drawn_per_epoch, epochs_for

    return float(epochs_for(n_cells, n_batches, config.training) * drawn_per_epoch(n_cells, n_batches, config.training))
