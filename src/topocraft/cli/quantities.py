"""Times and sizes as people write them: 90s, 15m, 2h; 500MB, 30GB."""

from __future__ import annotations

import re

import typer

SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
BYTES = {"MB": 1e6, "GB": 1e9, "TB": 1e12, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def seconds_of(text: str | None, option: str) -> float | None:
    """Return seconds from "90s", "15m", "2h"; ``None`` stays ``None``.

    Examples
    --------
    >>> from topocraft.cli.quantities import seconds_of
    >>> seconds_of("1.5h", "--time-limit")
    5400.0
    """
    return _quantity(text, {unit.upper(): size for unit, size in SECONDS.items()}, option, "90s, 15m or 2h")


def bytes_of(text: str | None, option: str) -> float | None:
    """Return bytes from "500MB", "30GB", "16GiB"; ``None`` stays ``None``."""
    return _quantity(text, BYTES, option, "500MB, 30GB or 16GiB")


def _quantity(text: str | None, units: dict[str, float], option: str, such_as: str) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", text)
    if found is None or found[2].upper() not in units or float(found[1]) == 0:
        raise typer.BadParameter(
            f"it must be a number above 0 with its unit, as in {such_as}; got '{text}'.", param_hint=option
        )
    return float(found[1]) * units[found[2].upper()]
