"""Checkpoints while training runs: brought back at its start, made as it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from topocraft.checkpoints import DESCRIPTION, Checkpoints
from topocraft.data.atomic import explained
from topocraft.data.locks import held
from topocraft.errors import FileError, ModelError
from topocraft.memory import ran_out_of_memory
from topocraft.progress import Progress
from topocraft.topology.clusters import Topology
from topocraft.training.course import Course
from topocraft.training.identity import differences, digests_of
from topocraft.training.stored import CURE, Stored, damaged, read_stored, write_stored


class Keeper:
    """Keeps no checkpoints."""

    resumed_after: int | None = None
    """Epochs that were done when training was resumed."""

    def belongs(self, **facts: Any) -> None:
        """Note facts of this run; refuse to go on from a checkpoint of another one."""

    def reads(self, genes: Sequence[str], batch: np.ndarray, topology: Topology) -> None:
        """Note what training reads, likewise."""

    def restore(self, course: Course) -> None:
        """Bring a course to where the checkpoint was made."""

    def offer(self, course: Course, *, last: bool) -> None:
        """Make a checkpoint if one is due."""


class FolderKeeper(Keeper):
    """Keeps checkpoints in a folder."""

    def __init__(
        self, checkpoints: Checkpoints, progress: Progress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = checkpoints.path
        self._seconds = 60 * checkpoints.minutes
        self._progress = progress
        self._clock = clock
        self._made = clock()
        self._run: dict[str, Any] = {}
        self._stored = read_stored(self._folder) if checkpoints.resume else None
        if checkpoints.resume and self._stored is None:
            progress.say(f"There is no checkpoint in '{self._folder}' yet: training begins at its beginning.")

    def belongs(self, **facts: Any) -> None:
        """Note facts of this run.

        Raises
        ------
        ModelError
            The checkpoint is of another run; the message names every difference and its cure.
        """
        here = json.loads(json.dumps(facts))
        self._run |= here
        if self._stored is None:
            return
        found = list(differences({name: self._stored.run.get(name) for name in here}, here))
        if found:
            raise ModelError(
                f"The checkpoint in '{self._folder}' is of another run: {'; '.join(found)}. "
                f"Run again as it was begun, with --resume (resume=True). {CURE}"
            )

    def reads(self, genes: Sequence[str], batch: np.ndarray, topology: Topology) -> None:
        """Note what training reads, by digests.

        Raises
        ------
        ModelError
            The checkpoint was made on other cells or clusters.
        """
        self.belongs(**digests_of(genes, batch, topology))

    def restore(self, course: Course) -> None:
        """Bring a course to where the checkpoint was made, if there is one.

        Raises
        ------
        ModelError
            The checkpoint is not whole.
        """
        if self._stored is None:
            return
        try:
            course.restore(self._stored.tensors, self._stored.facts)
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
            if ran_out_of_memory(error):
                raise
            raise damaged(self._folder, error) from error
        self._stored = None
        self.resumed_after = course.epoch
        self._progress.say(f"Going on after epoch {course.epoch}, from the checkpoint in '{self._folder}'.")

    def offer(self, course: Course, *, last: bool) -> None:
        """Make a checkpoint if its time has come; where it cannot be written, training goes on and says so."""
        if not last and self._clock() < self._made + self._seconds:
            return
        try:
            write_stored(self._folder, Stored(self._run, course.facts(), course.tensors()))
        except FileError as error:
            self._progress.warn(f"No checkpoint after epoch {course.epoch}; training goes on. {error}")
        self._made = self._clock()


@contextmanager
def opened(checkpoints: Checkpoints | None, progress: Progress) -> Iterator[Keeper]:
    """Hold the folder of checkpoints for this process, and yield what keeps them.

    Raises
    ------
    FileError
        Another process holds the folder, it holds other things, or it holds a checkpoint that is not to be resumed.
    ModelError
        The checkpoint to be resumed is damaged.
    """
    if checkpoints is None:
        yield Keeper()
        return
    checkpoints.require_ours()
    with explained(checkpoints.path):
        checkpoints.path.mkdir(exist_ok=True)
    try:
        with held(checkpoints.path / DESCRIPTION):
            if checkpoints.found and not checkpoints.resume:
                raise FileError(
                    f"'{checkpoints.path}' holds the checkpoint of a run that was broken off. Go on from it with "
                    f"--resume (resume=True). {CURE}"
                )
            yield FolderKeeper(checkpoints, progress)
    finally:
        checkpoints.remove_if_empty()
