"""What becomes of a training whose steps leave the finite numbers: it goes on slower, or ends clearly."""

from __future__ import annotations

from topocraft.errors import TrainingError
from topocraft.progress import Progress
from topocraft.training.course import Course, History
from topocraft.training.step import NotFinite

RATE_KEPT = 0.5
MOST_IN_ROW, MOST_IN_ALL = 3, 10


class Stopped(TrainingError):
    """Too many steps were undone. The networks are those of the last good step, if there was one (``any_good``)."""

    def __init__(self, message: str, history: History, any_good: bool) -> None:
        super().__init__(message)
        self.history = history
        self.any_good = any_good


class Guard:
    """Counts the steps that were undone, slows training down after each, and ends it after too many.

    Each step that was undone halves the learning rate of all that follow, and another minibatch takes its place.
    Training ends when three in a row were undone, or ten in all: with a thousandth of its rate it would learn nothing.
    """

    def __init__(self, course: Course, progress: Progress) -> None:
        self._course = course
        self._progress = progress
        self._in_row = 0
        self._any_good = course.epoch > 0

    @property
    def rate(self) -> float:
        """Share of the learning rate that is left."""
        return RATE_KEPT**self._course.undone

    def good(self) -> None:
        """Note that a step was good."""
        self._in_row, self._any_good = 0, True

    def undone(self, fault: NotFinite, suspects: str) -> None:
        """Note that a step was undone; tell it, or end the training.

        Raises
        ------
        Stopped
            It was one too many.
        """
        course = self._course
        self._in_row += 1
        course.undone += 1
        happened = f"A step of epoch {course.epoch + 1} was undone, as its {fault} was not finite. {suspects}"
        if self._in_row < MOST_IN_ROW and course.undone < MOST_IN_ALL:
            self._progress.warn(f"{happened} The learning rate is halved, to {self.rate:.2g} of what was set.")
            return
        count = f"{self._in_row} in a row" if self._in_row == MOST_IN_ROW else f"{course.undone} in all"
        raise Stopped(
            f"Training left the finite numbers in epoch {course.epoch + 1}: {count} of its steps were undone. "
            f"{happened} Lower learning_rate (--set learning_rate=1e-4) or the weight of that loss, train in single "
            "precision (--set precision=float32), or remove those cells or genes.",
            course.history,
            self._any_good,
        )
