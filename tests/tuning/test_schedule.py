"""What is trained next: the order of a search, worked out by hand."""

from __future__ import annotations

import pytest

from topocraft import IntegrationConfig
from topocraft.errors import TrainingError
from topocraft.metrics.yardstick import LabelFree
from topocraft.tuning.ledger import Broken, Run, Trial
from topocraft.tuning.schedule import Job, Limits, next_job, shortened

AMPLE, ENDLESS = 1e6, Limits(minutes=1e6)


def _run(score: float, seconds: float = 1.0) -> Run:
    return Run(LabelFree(score, score, score, score), seconds)


def _trials(*shorts: float, full: tuple[int, ...] = (0,)) -> list[Trial]:
    return [
        Trial(number, {}, _run(score), _run(score, 3.0) if number in full else None)
        for number, score in enumerate(shorts)
    ]


def _next(trials: list[Trial], left: float = AMPLE, limits: Limits = ENDLESS) -> Job | None:
    return next_job(trials, "no-worse", limits, left)


def test_the_start_comes_first_and_is_trained_to_the_end_whatever_the_budget() -> None:
    assert _next([], left=-5.0) == Job()
    assert _next(_trials(0.5, full=()), left=-5.0) == Job(0)
    assert _next(_trials(0.5), left=3.9) is None
    assert _next(_trials(0.5), left=4.0) == Job()


def test_the_best_third_is_trained_to_the_end() -> None:
    assert _next(_trials(0.5, 0.4)) == Job()
    assert _next(_trials(0.5, 0.6)) == Job(1)
    assert _next(_trials(0.5, 0.6, 0.7, 0.4, 0.4, full=(0, 1))) == Job(2)
    # Of six settings two are due: 0.9 is done, 0.8 is next; of five only one is.
    six = (0.5, 0.9, 0.8, 0.4, 0.4, 0.4)
    assert _next(_trials(*six[:5], full=(0, 1))) == Job()
    assert _next(_trials(*six, full=(0, 1))) == Job(2)
    assert _next(_trials(*six, full=(0, 1, 2))) == Job()


def test_the_last_minutes_go_to_the_best_of_those_that_are_left() -> None:
    trials = _trials(0.5, 0.4, 0.45)
    assert _next(trials, left=4.0) == Job()
    assert _next(trials, left=3.5) == Job(2)
    assert _next(trials, left=2.9) is None


def test_at_most_so_many_settings_are_tried() -> None:
    assert _next(_trials(0.5, 0.4), limits=Limits(1e6, settings=3)) == Job()
    assert _next(_trials(0.5, 0.4), limits=Limits(1e6, settings=2)) is None
    assert _next(_trials(0.5, 0.6), limits=Limits(1e6, settings=2)) == Job(1)


def test_a_training_that_broke_off_is_not_tried_again_and_the_start_must_not_break_off() -> None:
    broken = Broken("It broke.", 1.0)
    assert _next([*_trials(0.5), Trial(1, {}, broken)]) == Job()
    assert _next([*_trials(0.5), Trial(1, {}, _run(0.9), broken)]) == Job()
    for start in (Trial(0, {}, broken), Trial(0, {}, _run(0.5), broken)):
        with pytest.raises(TrainingError, match=r"starts from cannot be trained. It broke."):
            _next([start])


def test_expected_times_are_the_longest_of_the_last_three() -> None:
    trials = [Trial(number, {}, _run(0.5, seconds), _run(0.5, 1.0)) for number, seconds in enumerate((9, 2, 3, 4))]
    assert _next(trials, left=5.0) == Job()
    assert _next(trials, left=4.9) is None


def test_a_short_training_takes_a_third_of_all_epochs() -> None:
    config = IntegrationConfig().with_values(epochs=150, warmup_epochs=50, lambda_triplet=2.0)
    assert shortened(config) == config.with_values(epochs=50, warmup_epochs=17)
    assert shortened(config.with_values(epochs=1, warmup_epochs=0)).training.epochs == 1
