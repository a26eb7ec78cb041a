"""A file held by one process at a time; the system lets go of it when that process ends, in whatever way."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file until it is closed, and tell whether that was possible.

    Parameters
    ----------
    file
        An open file; what it holds does not matter.

    Returns
    -------
    bool
        False where another process holds it. True without a lock on Windows, which has none of this kind.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.data.locks import try_lock
    >>> with tempfile.TemporaryFile() as file:
    ...     try_lock(file)
    True
    """
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
