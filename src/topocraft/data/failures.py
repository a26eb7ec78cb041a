"""What HDF5 and zarr would print, put off or swallow as they write, raised where it can be answered."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zarr.storage import LocalStore


@contextmanager
def complaints_heard() -> Iterator[None]:
    """Raise what HDF5 complains of as it lets go of a dataset; h5py would print it, by either hook, and go on."""
    complaints: list[str] = []
    before, ignored = sys.excepthook, sys.unraisablehook

    def hear(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if "id ref count" in str(error):
            complaints.append(str(error))
        else:
            before(kind, error, trace)

    sys.excepthook = hear
    sys.unraisablehook = lambda told: None if "id ref count" in str(told.exc_value) else ignored(told)
    try:
        yield
    except BaseException as error:
        _let_go(error)
        raise
    finally:
        sys.excepthook, sys.unraisablehook = before, ignored
    if complaints:
        raise OSError(complaints[0])


def _let_go(error: BaseException | None) -> None:
    """Free what the frames of an error hold."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
    gc.collect()


@contextmanager
def patient_store(path: Path) -> Iterator[LocalStore]:
    """Yield a zarr store that keeps the first failure until the block ends, and raises it then.

    Zarr itself would raise it at once and go on writing in its threads.
    """
    from zarr.storage import LocalStore

    failures: list[OSError] = []

    class Patient(LocalStore):
        async def set(self, key: str, value: Any) -> None:
            if not failures:
                try:
                    await super().set(key, value)
                except OSError as error:
                    failures.append(error)

    try:
        yield Patient(path)
    finally:
        if failures:
            raise failures[0]


@contextmanager
def held_back() -> Iterator[None]:
    """Hold a Ctrl-C back until the block has ended; a second one is not held.

    HDF5 would swallow it as it closes, and zarr's threads would go on writing after it.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    pressed: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        signal.raise_signal(signal.SIGINT)
