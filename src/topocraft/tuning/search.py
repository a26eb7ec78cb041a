"""The search itself: train, score, note, until the budget is spent."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from topocraft.errors import ConfigError
from topocraft.progress import Progress, Silent
from topocraft.tuning.choice import Rule
from topocraft.tuning.ledger import Ledger, Run, Trial
from topocraft.tuning.records import Tuning, conclude
from topocraft.tuning.schedule import Job, Limits, next_job, shortened
from topocraft.tuning.space import Space
from topocraft.tuning.subject import Subject


class Clock:
    """Seconds of the budget: those of earlier calls and of this one, less what is not charged."""

    def __init__(self, limits: Limits, spent: float) -> None:
        self._began, self._budget, self._spent, self._free = time.monotonic(), 60 * limits.minutes, spent, 0.0

    @property
    def left(self) -> float:
        """Seconds that are left; below 0 beyond the budget."""
        return self._budget - self._spent - (time.monotonic() - self._began) + self._free

    def forgive(self, seconds: float) -> None:
        """Take seconds off what was spent."""
        self._free += seconds


class _Watched(Silent):
    """Turns the epochs of trainings into seconds of the budget; says each warning once, since all trainings have it."""

    def __init__(self, shown: Progress, clock: Clock) -> None:
        self._shown, self._clock = shown, clock
        self._total, self._done = max(1, math.ceil(clock.left)), 0
        self._said: set[str] = set()
        self.note = ""
        shown.phase("tune", self._total)

    def advance(self, _: str = "") -> None:
        while self._done < min(self._total, self._total - self._clock.left):
            self._done += 1
            self._shown.advance(self.note)

    def warn(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._shown.warn(message)


@dataclass(frozen=True, eq=False)
class Search:
    """Cells, what is searched, the trials so far, and the rule by which one of them is chosen."""

    subject: Subject
    space: Space
    ledger: Ledger
    rule: Rule

    def run(self, limits: Limits, progress: Progress) -> None:
        """Train until the limits are reached; every training that ends is noted at once.

        Raises
        ------
        TrainingError
            The configuration that the search starts from cannot be trained.
        """
        trials = self.ledger.trials()
        clock = Clock(limits, sum(trial.seconds for trial in trials))
        if trials:
            progress.say(f"Going on; settings tried before: {len(trials):,}.")
        watched = _Watched(progress, clock)
        while job := next_job(trials, self.rule, limits, clock.left):
            clock.forgive(self._train(job, trials, watched))
            trials = self.ledger.trials()
            watched.advance()
        if len(trials) == 1 and limits.settings != 1:
            progress.warn("The budget was enough for the configuration to start from alone. Raise minutes (--minutes).")

    def result(self) -> Tuning | None:
        """Return what came out so far; ``None`` before the first setting is trained to the end."""
        trials = self.ledger.trials()
        if not (trials and isinstance(trials[0].full, Run)):
            return None
        return conclude(trials, self.space, self.rule, self.subject.before)

    def _train(self, job: Job, trials: list[Trial], watched: _Watched) -> float:
        """Do one training and note it; return the seconds that are not charged."""
        if job.number is None:
            settings = self.ledger.suggest()
            watched.note = f"setting {len(trials)}, a third"
            run, free = self.subject.train(shortened(self.space.config(settings)), watched)
            self.ledger.end_short(settings, run)
        else:
            watched.note = f"setting {job.number}, to the end"
            config = self.space.config(trials[job.number].settings)
            run, free = self.subject.train(config, watched, true=True)
            self.ledger.end_full(job.number, run)
        return free


def require_limits(limits: Limits) -> None:
    """Refuse limits that allow nothing."""
    if not 0 < limits.minutes < math.inf:
        raise ConfigError(f"minutes (--minutes) must be a number above 0; got {limits.minutes!r}.")
    if limits.settings is not None and (type(limits.settings) is not int or limits.settings < 1):
        raise ConfigError(f"settings (--settings) must be a whole number of at least 1; got {limits.settings!r}.")
