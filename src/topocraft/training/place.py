"""Which part of a job that runs in several processes falls to this one, as torchrun tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from topocraft.errors import ConfigError

NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
ADDRESS = ("MASTER_ADDR", "MASTER_PORT")
CURE = "Start with torchrun --nproc-per-node N -m topocraft integrate …, or unset WORLD_SIZE for one process."


@dataclass(frozen=True)
class Place:
    """One of the processes of a job.

    Parameters
    ----------
    rank
        Its number, from 0.
    size
        How many there are.
    local_rank, local_size
        The same among those on this machine.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> Place | None:
        """Return the place that the environment names, ``None`` where a process is alone.

        Parameters
        ----------
        environment
            ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``, and of several machines ``LOCAL_RANK`` and
            ``LOCAL_WORLD_SIZE``.

        Raises
        ------
        ConfigError
            A variable is missing, or is not what it can be.

        Examples
        --------
        >>> from topocraft.training.place import Place
        >>> address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
        >>> Place.told({"RANK": "1", "WORLD_SIZE": "2", **address})
        Place(rank=1, size=2, local_rank=1, local_size=2)
        >>> Place.told({}) is None
        True
        """
        if environment.get("WORLD_SIZE", "1") == "1":
            return None
        missing = [name for name in ("RANK", *ADDRESS) if not environment.get(name)]
        if missing:
            raise ConfigError(
                f"RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT must all be set for a job of several processes; "
                f"WORLD_SIZE is {environment['WORLD_SIZE']!r}, and {' and '.join(missing)} not set. {CURE}"
            )
        given = {name: environment.get(name) for name in NUMBERS}
        size = _number("WORLD_SIZE", given["WORLD_SIZE"], 1, 2**31)
        rank = _number("RANK", given["RANK"], 0, size - 1)
        local_size = _number("LOCAL_WORLD_SIZE", given["LOCAL_WORLD_SIZE"] or str(size), 1, size)
        local_rank = _number("LOCAL_RANK", given["LOCAL_RANK"] or str(rank % local_size), 0, local_size - 1)
        _number("MASTER_PORT", environment["MASTER_PORT"], 1, 65535)
        return cls(rank, size, local_rank, local_size)


def _number(name: str, text: str | None, least: int, most: int) -> int:
    if text is None or not text.isdecimal() or not least <= int(text) <= most:
        raise ConfigError(f"{name} must be a whole number from {least} to {most}; got {text!r}. {CURE}")
    return int(text)
