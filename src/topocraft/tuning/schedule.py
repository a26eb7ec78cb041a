"""What is trained next, and for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from topocraft.config import IntegrationConfig
from topocraft.errors import TrainingError
from topocraft.tuning.choice import Rule, ranked
from topocraft.tuning.ledger import Run, Trial

SHARE = 3
"""A short training takes one epoch in three, and one setting in three is trained to the end."""
RECENT = 3


@dataclass(frozen=True)
class Limits:
    """Where a search ends: after so many minutes of training, and after so many settings, if that comes first."""

    minutes: float
    settings: int | None = None


@dataclass(frozen=True)
class Job:
    """A training: of the setting ``number`` to the end, or of a new one for a short time."""

    number: int | None = None


def shortened(config: IntegrationConfig) -> IntegrationConfig:
    """Return a configuration that trains for a third of the epochs, a third of the warm-up among them.

    Examples
    --------
    >>> shortened(IntegrationConfig()).training.epochs, shortened(IntegrationConfig()).training.warmup_epochs
    (50, 17)
    """
    training = config.training
    return config.with_values(
        epochs=math.ceil(training.epochs / SHARE), warmup_epochs=math.ceil(training.warmup_epochs / SHARE)
    )


def next_job(trials: Sequence[Trial], rule: Rule, limits: Limits, left: float) -> Job | None:
    """Return what to train next, ``None`` where nothing more fits.

    The defaults come first, and are always trained to the end. Then, as in successive halving without waiting, a
    setting among the best third by its short training is trained to the end where there is one that was not, and else
    a new setting for a short time. The last minutes, too few for both, go to the best of those that are left.

    Parameters
    ----------
    trials
        Those so far.
    rule
        By which settings are ranked.
    limits
        How many settings there may be.
    left
        Seconds of the budget.

    Raises
    ------
    TrainingError
        The defaults themselves cannot be trained.

    References
    ----------
    Li et al. 2020, "A system for massively parallel hyperparameter tuning", arXiv:1810.05934.

    Examples
    --------
    >>> next_job([], "no-worse", Limits(minutes=10), left=600.0)
    Job(number=None)
    """
    if not trials:
        return Job()
    _require_defaults(trials[0])
    if trials[0].full is None:
        return Job(0)
    short, full = _expected(trials, full=False), _expected(trials, full=True)
    order = best_first(trials, rule)
    best = [trial.number for trial in order[: max(1, len(order) // SHARE)] if trial.full is None]
    waiting = [trial.number for trial in order if trial.full is None]
    if best and full <= left:
        return Job(best[0])
    if limits.settings is not None and len(trials) >= limits.settings:
        return None
    if short + full <= left:
        return Job()
    return Job(waiting[0]) if waiting and full <= left else None


def best_first(trials: Sequence[Trial], rule: Rule) -> list[Trial]:
    """Return the trials whose short training ended well, the best by it first."""
    ended = [(trial, trial.short) for trial in trials if isinstance(trial.short, Run)]
    order = ranked([run.scores for _, run in ended], ended[0][1].scores, rule)
    return [ended[place][0] for place in order]


def _expected(trials: Sequence[Trial], *, full: bool) -> float:
    """Return the longest of the last trainings of a kind, in seconds."""
    taken = [run.seconds for trial in trials if (run := trial.full if full else trial.short)]
    return max(taken[-RECENT:])


def _require_defaults(start: Trial) -> None:
    for run in (start.short, start.full):
        if run is not None and not isinstance(run, Run):
            raise TrainingError(f"The configuration that the search starts from cannot be trained. {run.reason}")
