"""What a run may be asked: its seed, and how much time, memory and threads it may take."""

from __future__ import annotations

import math

from topocraft.errors import ConfigError

LARGEST_SEED = 2**32 - 1


def require_seed(seed: int) -> None:
    """Refuse a seed outside the range that every method takes.

    Raises
    ------
    ConfigError
        It is not from 0 to 2³² − 1.

    Examples
    --------
    >>> from topocraft.baselines.limits import require_seed
    >>> require_seed(0)
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed must be a whole number from 0 to 2³² − 1; got {seed!r}. Set another.")


def require_limits(time_limit: float | None, memory_limit: float | None, threads: int | None) -> None:
    """Refuse limits that no run can keep.

    Parameters
    ----------
    time_limit, memory_limit
        Seconds and bytes, above 0 and finite; ``None`` where the default holds.
    threads
        Processor threads, at least 1; ``None`` where the default holds.

    Raises
    ------
    ConfigError
        One of them is outside its range.

    Examples
    --------
    >>> from topocraft.baselines.limits import require_limits
    >>> require_limits(time_limit=60.0, memory_limit=None, threads=1)
    """
    for name, limit, unit in (("time_limit", time_limit, "seconds"), ("memory_limit", memory_limit, "bytes")):
        if limit is not None and not (limit > 0 and math.isfinite(limit)):
            raise ConfigError(f"{name} must be a number of {unit} above 0, or None; got {limit!r}.")
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be a whole number of at least 1, or None; got {threads!r}.")
