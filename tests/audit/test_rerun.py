"""What the budget allows, and what integrating a split batch costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from topocraft.audit.rerun import Plan, Rerun, plan_reruns, topocraft_again
from topocraft.config import IntegrationConfig
from topocraft.training.sampler import BalancedSampler


def _none(cells: Any, seed: int) -> np.ndarray:
    raise AssertionError("a plan integrates nothing")


@pytest.mark.parametrize(
    ("budget", "split_cost", "due"),
    [
        (0, 0.5, Plan(0, 0, 0.0)),
        (0.4, 0.5, Plan(0, 0, 0.0)),
        (0.5, 0.5, Plan(1, 0, 0.5)),
        (1.5, 0.5, Plan(1, 1, 1.5)),
        (1.5, 1 / 6, Plan(3, 1, 1.5)),
        (3.6, 0.5, Plan(1, 3, 3.5)),
        (9, 0.1, Plan(3, 8, 8.3)),
    ],
)
def test_budgets_are_spent_on_a_split_then_removals_then_splits(budget: float, split_cost: float, due: Plan) -> None:
    assert plan_reruns(Rerun(_none, _none, split_cost), budget) == due


def test_without_a_method_nothing_is_integrated_again() -> None:
    assert plan_reruns(None, 5) == Plan(0, 0, 0.0)


@pytest.mark.parametrize("n_batches", [2, 3, 6])
def test_a_split_costs_what_its_minibatches_hold(make: Any, n_batches: int) -> None:
    subject = make()
    subject.cells.batch[:] = np.arange(300) % n_batches
    whole, half = IntegrationConfig().training, IntegrationConfig().with_values(cells_per_batch=256, cells_per_step=512)

    def drawn(batch: np.ndarray, training: Any) -> int:
        return sum(len(step) for step in BalancedSampler(batch, training, np.random.default_rng(0)).epoch())

    due = drawn(np.arange(300 // n_batches) % 2, half.training) / drawn(subject.cells.batch, whole)
    assert topocraft_again(subject).split_cost == pytest.approx(due, rel=0.1)
    assert topocraft_again(subject).split_cost == pytest.approx(1 / n_batches, rel=0.1)
