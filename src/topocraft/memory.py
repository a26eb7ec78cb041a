"""Memory that runs out: told from other failures, and said as one error that names what would fit."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from topocraft.errors import OutOfMemory, TopocraftError
from topocraft.hardware import address_limit, granted_memory

LEAST_ADDRESSES = 2e9
"""The libraries map 1.4 GB before the first cell; below this, OpenBLAS ends the process without a word of ours."""
SAID = re.compile(
    r"can(?:no|')t allocate|unable to allocate|could not allocate|allocation failed|out of memory|bad.alloc|"
    r"can't start new thread|failed to map segment",
    re.IGNORECASE,
)
IN_BLOCKS = (
    "Read the files in blocks (--memory {half}; topocraft.integrate_files), use fewer genes (--n-top-genes) or fewer "
    "cells per step (--set cells_per_step=256), or give it more memory; --dry-run tells about how much is needed."
)
FEWER = "Give it fewer cells, or more memory."


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Tell whether memory ran out behind an exception, which each library says in another way.

    Examples
    --------
    >>> from topocraft.memory import ran_out_of_memory
    >>> ran_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."))
    True
    >>> ran_out_of_memory(ValueError("no such gene: out of memory"))
    False
    """
    while error is not None and not isinstance(error, TopocraftError):
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if isinstance(error, (RuntimeError, OSError, ImportError)) and SAID.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return isinstance(error, OutOfMemory)


@contextmanager
def within_memory(cure: str = FEWER, only: type[Exception] = Exception) -> Iterator[None]:
    """Turn memory that runs out into one error; every other exception passes.

    Parameters
    ----------
    cure
        What to do about it; ``{half}`` in it becomes half of what this process may use.
    only
        The class of exceptions that are looked at.

    Raises
    ------
    OutOfMemory
        Memory ran out.

    Examples
    --------
    >>> from topocraft.memory import within_memory
    >>> with within_memory("Use fewer cells."):
    ...     raise MemoryError  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    topocraft.errors.OutOfMemory: Memory ran out: this process may use ... GB. Use fewer cells.
    """
    try:
        yield
    except TopocraftError:
        raise
    except only as error:
        if not ran_out_of_memory(error):
            raise
        granted = granted_memory()
        cured = cure.replace("{half}", f"{max(granted / 2e9, 0.1):.1f}GB")
        raise OutOfMemory(f"Memory ran out: this process may use {granted / 1e9:,.1f} GB. {cured}") from error


def require_addresses() -> None:
    """Refuse to begin where ``ulimit -v`` leaves less than what the libraries take.

    Raises
    ------
    OutOfMemory
        It does.
    """
    limit = address_limit()
    if limit is not None and limit < LEAST_ADDRESSES:
        raise OutOfMemory(
            f"Memory must leave at least {LEAST_ADDRESSES / 1e9:.1f} GB of addresses, most of them for the libraries; "
            f"ulimit -v allows {limit / 1e9:,.1f} GB. Raise it: ulimit -v {4_000_000}."
        )
