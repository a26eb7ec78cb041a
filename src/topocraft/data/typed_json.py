"""JSON of a file that anyone may have written: parsed, and built into a dataclass only where every field fits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Built = TypeVar("Built")


def parsed(text: str | bytes) -> Any:
    """Return what JSON text says; ``ValueError`` where it is none, however odd it is."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parsed_object(text: str | bytes) -> dict[str, Any]:
    """Return the object that JSON text is; ``ValueError`` where it is none."""
    value = parsed(text)
    if not isinstance(value, dict):
        raise ValueError(f"an object with named fields is due; it is {value!r:.40}")
    return value


def built(kind: type[Built], values: object) -> Built:
    """Build a dataclass from the object that JSON held.

    Parameters
    ----------
    kind
        A dataclass whose fields are texts, numbers, choices, lists and objects.
    values
        What ``parsed`` returned.

    Raises
    ------
    ValueError
        A field is unknown, missing or of another type.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from topocraft.data.typed_json import built
    >>> @dataclass
    ... class Point:
    ...     x: float
    >>> built(Point, {"x": 1})
    Point(x=1)
    >>> built(Point, {"x": "1"})
    Traceback (most recent call last):
    ValueError: x must be float; it is '1'
    """
    if not isinstance(values, dict):
        raise ValueError(f"an object with named fields is due; it is {values!r:.40}")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name not in hints:
            raise ValueError(f"there is no field '{name:.40}'")
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} must be {getattr(hints[name], '__name__', hints[name])}; it is {value!r:.40}")
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
    except TypeError as error:
        raise ValueError(str(error)) from error


def _fits(value: object, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in inner)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is tuple:
        return isinstance(value, (list, tuple)) and all(_fits(each, inner[0]) for each in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(isinstance(key, str) and _fits(value[key], inner[1]) for key in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
