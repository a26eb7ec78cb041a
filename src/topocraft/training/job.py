"""A job of several processes: how they meet, how the first lets the others wait, and how they part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from topocraft.errors import ConfigError, ProcessLost
from topocraft.training.place import CURE, Place
from topocraft.training.ranks import Group, Ranks, together

ANSWER = timedelta(minutes=10)
"""The longest that a process waits for another that trains, and for all to be there."""
PREPARATION = timedelta(days=30)
FAREWELL = timedelta(seconds=10)

# What the processes leave for one another on the store.
WORK, READY, NOTHING = "work", "ready", "nothing"
TOLD, CLAIMED, FAULT, LEFT = "told", "claimed", "fault", "left"

_current: ContextVar[Ranks] = ContextVar("ranks", default=Ranks())  # noqa: B039 – it has no state


def current_ranks() -> Ranks:
    """Return the processes that train together here: those of the job that was joined, or this one alone."""
    return _current.get()


class Job(Group):
    """The processes of a job, and a store by which they can tell one another something without waiting.

    Parameters
    ----------
    place
        This one's.
    store
        Held by the first process, or by torchrun.
    """

    def __init__(self, place: Place, store: Store) -> None:
        super().__init__(place)
        self._store = store
        self._begun = False

    def begin(self) -> None:
        """Call those that wait."""
        self._begun = True
        with together():
            self._store.set(WORK, READY)

    def waits(self) -> bool:
        """Wait until the first process calls; tell whether there is something to train."""
        with together():
            self._store.wait([WORK], PREPARATION)
            return bool(self._store.get(WORK).decode() == READY)

    def report(self, fault: str) -> None:
        """Leave word of what ends this process, for the first to tell."""
        with suppress(RuntimeError):
            self._store.set(FAULT, f"Process {self.rank + 1} of {self.size} ended. {fault}")

    def explained(self, error: ProcessLost) -> ProcessLost:
        """Return the error with the words of the process that ended, if it left any."""
        with suppress(RuntimeError):
            if self._store.check([FAULT]):
                return ProcessLost(self._store.get(FAULT).decode())
        return error

    def must_tell(self) -> bool:
        """Tell whether it falls to this process to say that the job ended: the first, whose part it is, is gone."""
        try:
            self._store.wait([TOLD], FAREWELL)
        except RuntimeError:
            with suppress(RuntimeError):
                return bool(self._store.add(CLAIMED, 1) == 1)
            return self.rank == 1  # the store went with the first process
        return False

    def finish(self) -> None:
        """Speak to the others no more; the first process goes on alone."""
        _current.set(Ranks())
        if dist.is_initialized():
            dist.destroy_process_group()

    def close(self, patience: timedelta) -> None:
        """Leave; the first process lets the others go, and waits ``patience`` for them to have heard it."""
        with suppress(RuntimeError):
            if self.rank:
                self._store.add(LEFT, 1)
            else:
                self._store.set(TOLD, "")
                self._store.set(WORK, READY if self._begun else NOTHING)
        self.finish()
        until = time.monotonic() + (0 if self.rank else patience.total_seconds())
        with suppress(RuntimeError):
            while time.monotonic() < until and self._store.add(LEFT, 0) < self.size - 1:
                time.sleep(0.02)


def take_card(place: Place) -> None:
    """Let the processes of a machine take its graphics cards in turn; the device "cuda" is then one's own card."""
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local_rank % torch.cuda.device_count())


@contextmanager
def joined(place: Place) -> Iterator[Job]:
    """Meet the other processes of a job, and part from them in the end; ``current_ranks`` are those meanwhile.

    Raises
    ------
    ConfigError
        They do not all come.
    """
    try:
        store, rank, size = next(rendezvous("env://", place.rank, place.size, timeout=ANSWER))
        dist.init_process_group("gloo", store=PrefixStore("ranks", store), rank=rank, world_size=size, timeout=ANSWER)
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigError(
            f"All {place.size} processes must meet at MASTER_ADDR:MASTER_PORT within {ANSWER}; process "
            f"{place.rank + 1} did not meet the others: {str(error).splitlines()[0]}. {CURE}"
        ) from error
    take_card(place)
    job, patience = Job(place, store), FAREWELL
    _current.set(job)
    try:
        yield job
    except ProcessLost:
        patience = timedelta(0)
        raise
    finally:
        job.close(patience)
