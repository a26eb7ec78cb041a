"""Dataclasses that check their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from topocraft.errors import ConfigError

UNLIMITED = float("inf")
LARGEST = 1e308
MANY = 10**9
"""More than any number of cells, genes or rounds; beyond it, arrays and counters overflow."""


def require(owner: str, name: str, value: object, holds: bool, allowed: str) -> None:
    """Raise ConfigError unless what is asked of a field holds."""
    if not holds:
        raise ConfigError(f"{owner}.{name} must be {allowed}; got {shown_value(value)}.")


def shown_value(value: object) -> str:
    """Return a value as messages show it; Python writes no number of thousands of digits."""
    try:
        return f"{value!r:.80}"
    except (ValueError, RecursionError):
        return f"{type(value).__name__} too long to be shown"


def distinct_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON (``object_pairs_hook``); ValueError where a name stands in it twice."""
    held = dict(pairs)
    if len(held) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{twice!r:.60} stands in one object more than once")
    return held


class Checked:
    """Checks the fields that carry a range in ``RANGES`` and those typed as a choice of words."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name, hint in hints.items():
            if get_origin(hint) is ClassVar:
                continue
            value, owner = getattr(self, name), type(self).__name__
            choices = get_args(hint)
            if choices and all(isinstance(choice, str) for choice in choices):
                require(owner, name, value, value in choices, " or ".join(map(repr, choices)))
            elif name in self.RANGES:
                self._check_number(owner, name, value, hint)

    def _check_number(self, owner: str, name: str, value: Any, hint: Any) -> None:
        if value is None and type(None) in get_args(hint):
            return
        low, high = self.RANGES[name]
        high = min(high, LARGEST)
        whole = hint is int or int in get_args(hint)
        kind = "a whole number" if whole else "a number"
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        upper = "" if high == LARGEST else f" and at most {format(high, ',' if whole else 'g')}"
        require(owner, name, value, is_number and low <= value <= high, f"{kind} of at least {low:g}{upper}")
