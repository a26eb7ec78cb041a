"""Files as nobody would want them: JSON with something else in it, and bytes that were flipped, cut or doubled."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

JUNK: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 3, 0.5, 1e308, -1e308, float("nan"), float("inf"), 10**30, "", "x", "nan", "\ud800",
    "../../etc/passwd", "__import__('os').system('true')", "x" * 5000, [], [[]], [None], [1, "x"], {}, {"x": 1},
)  # fmt: skip
DEEP = '{"a":' * 100_000
TEXTS = ("", "null", "3", "[]", "{}", '"x"', "NaN", "{", "[" * 100_000, DEEP, "9" * 5000, "\x00", "﻿{}", '{"x": 1e999}')


def places(value: Any) -> list[tuple[Any, ...]]:
    """Return the path of everything within a JSON value, itself first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *path) for key, held in inner for path in places(held))]


@st.composite
def spoilt_json(draw: st.DrawFn, value: Any) -> str:
    """Draw the text of a JSON value in which one or two things are something else, gone or new."""
    changed = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(changed)))
        if not path:
            changed = copy.deepcopy(draw(st.just(changed) | st.sampled_from(JUNK)))  # JUNK must stay what it is
            continue
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[path[-1]] = copy.deepcopy(draw(st.sampled_from(JUNK)))
        elif isinstance(holder, dict):
            held = holder.pop(path[-1])
            if draw(st.booleans()):
                holder[f"{path[-1]}x"] = held
        else:
            del holder[path[-1]]
    return json.dumps(changed)


@st.composite
def spoilt_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw the bytes of a file that was damaged: flipped, cut, filled with zeros, doubled."""
    place = draw(st.integers(0, max(0, len(content) - 1)) | st.integers(0, min(200, len(content) - 1)))
    damage = draw(st.sampled_from(["flip", "cut", "zero", "double", "insert"]))
    if damage == "flip":
        return content[:place] + bytes([content[place] ^ (1 << draw(st.integers(0, 7)))]) + content[place + 1 :]
    if damage == "cut":
        return content[:place]
    if damage == "zero":
        return content[:place] + bytes(len(content) - place)
    if damage == "double":
        return content + content
    return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]


def any_text(value: Any) -> st.SearchStrategy[str]:
    """Draw a spoilt JSON value, or a text that is hardly JSON at all."""
    return spoilt_json(value) | st.sampled_from(TEXTS) | st.text(max_size=40)
