"""A file held by one process at a time; the system lets go of it when that process ends, in whatever way."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from topocraft.data.atomic import explained
from topocraft.data.places import followed
from topocraft.errors import FileError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file until it is closed, and tell whether that was possible.

    Parameters
    ----------
    file
        An open file; what it holds does not matter.

    Returns
    -------
    bool
        False where another process holds it. True without a lock on Windows, which has none of this kind, and on
        file systems without locks.

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
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
    return True


def claimed(file: IO[str]) -> str | None:
    """Lock an open file and write the number of this process into it.

    Returns
    -------
    str or None
        Where another process holds it, the number that stands there, or "unknown"; else ``None``.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.data.locks import claimed
    >>> with tempfile.TemporaryFile("a+") as file:
    ...     claimed(file) is None
    True
    """
    if not try_lock(file):
        file.seek(0)
        return file.read().strip() or "unknown"
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return None


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a file or folder, there or not, for this process alone until the block ends.

    Beside it lies a file ``.NAME.lock`` meanwhile, with the number of the process.

    Raises
    ------
    FileError
        Another process holds it, or the lock cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.data.locks import held
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with held(Path(folder, "result.h5ad")):
    ...         [item.name for item in Path(folder).iterdir()]
    ['.result.h5ad.lock']
    """
    target = followed(path)
    lock = target.with_name(f".{target.name}.lock")
    with explained(path):
        file = _take(lock, path)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        file.close()


def _take(lock: Path, path: Path) -> IO[str]:
    while True:
        file = lock.open("a+")
        holder = claimed(file)
        if holder is not None:
            file.close()
            raise FileError(
                f"Only one run may write a result; process {holder} is writing '{path}'. "
                "Wait for it to end, or name another path."
            )
        if _is_still(lock, file):
            return file
        file.close()


def _is_still(lock: Path, file: IO[str]) -> bool:
    """Tell whether the file that is locked still lies there: its holder removes it before letting go."""
    with suppress(FileNotFoundError):
        return os.path.samestat(lock.stat(), os.fstat(file.fileno()))
    return False
