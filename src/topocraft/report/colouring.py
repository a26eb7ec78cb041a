"""What the map can be coloured by: columns of text and of numbers, in as few bytes as they need."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from topocraft.data.texts import n_distinct
from topocraft.plot.colours import MISSING, palette
from topocraft.provenance import SET_ASIDE
from topocraft.report.subject import Subject

MOST_CATEGORIES = 200
LEVELS = 255
"""Shades of a number; the code above them is that of a missing value, as it is of a missing category."""
OUTSIDE = 0.5
"""Percent of the cells at either end that share the last shade, so that a few outliers do not take all shades."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """One column: ``codes`` (n_cells,), uint8, index ``names`` or shades from ``low`` to ``high``; 255 is missing."""

    title: str
    group: Literal["design", "mixing", "columns", "genes"]
    codes: np.ndarray
    names: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0

    @cached_property
    def packed(self) -> str:
        """The codes, compressed."""
        return pack(self.codes)

    def as_json(self) -> dict[str, Any]:
        """Return what the page reads."""
        return {
            "title": self.title,
            "group": self.group,
            "names": self.names,
            "colours": self.colours,
            "low": self.low,
            "high": self.high,
            "codes": self.packed,
        }


def pack(array: np.ndarray) -> str:
    """Return the bytes of an array, little-endian, compressed, as base64; the same for the same array."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(gzip.compress(little.tobytes(), mtime=0)).decode()


def pack_text(texts: Iterable[str]) -> str:
    """Return a list of texts, compressed, as base64."""
    return base64.b64encode(gzip.compress(json.dumps(list(texts)).encode(), mtime=0)).decode()


def colourings(subject: Subject, mixing: np.ndarray, genes: Iterable[int]) -> Iterator[Colouring]:
    """Yield what the map can be coloured by, the most telling first: design, mixing, then ``obs``, then genes."""
    yield _of_text("batch", "design", pd.Series(subject.batch))
    if subject.labels is not None:
        yield _of_text(str(subject.label_key), "design", pd.Series(subject.labels))
    if np.isfinite(mixing).any():
        yield _of_numbers("mixing per cell", "mixing", mixing, (0.0, 1.0))
    obs = subject.adata.obs
    for name in obs.columns:
        values = obs[name]
        if name == subject.label_key or name == SET_ASIDE:
            continue
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            if np.isfinite(numbers).any():
                yield _of_numbers(str(name), "columns", numbers)
        elif 2 <= n_distinct(values) <= MOST_CATEGORIES and not _same(values, subject.batch):
            yield _of_text(str(name), "columns", values.astype(object))
    for gene in genes:
        yield _of_numbers(str(subject.genes[gene]), "genes", subject.values[:, [gene]].toarray().ravel())


def left_out(subject: Subject) -> list[str]:
    """Return the columns of ``obs`` that are not offered because they have too many categories."""
    obs = subject.adata.obs
    return [
        str(name)
        for name in obs.columns
        if not pd.api.types.is_numeric_dtype(obs[name]) and n_distinct(obs[name]) > MOST_CATEGORIES
    ]


def _same(values: pd.Series, batch: np.ndarray) -> bool:
    return bool((values.astype(str).to_numpy() == batch).all())


def _of_text(title: str, group: Literal["design", "columns"], values: pd.Series) -> Colouring:
    texts = values.map(str, na_action="ignore").astype(object)
    found = texts.value_counts()
    names = sorted(map(str, found.index[:MOST_CATEGORIES]), key=_number_first)
    position = {name: code for code, name in enumerate(names)}
    colours = palette(len(names))
    rest = found.index[MOST_CATEGORIES:]
    if len(rest):
        position |= dict.fromkeys(rest, len(names))
        names.append(f"{len(rest):,} others")
        colours.append(MISSING)
    codes = np.array([position.get(text, LEVELS) for text in texts], dtype=np.uint8)
    return Colouring(title, group, codes, tuple(names), tuple(colours))


def _number_first(name: str) -> tuple[float, str]:
    return (float(name) if name.isdecimal() else math.inf, name)


def _of_numbers(
    title: str,
    group: Literal["mixing", "columns", "genes"],
    values: np.ndarray,
    ends: tuple[float, float] | None = None,
) -> Colouring:
    known = np.isfinite(values)
    low, high = ends or np.percentile(values[known], [OUTSIDE, 100 - OUTSIDE])
    if low == high:
        low, high = float(values[known].min()), float(values[known].max())
    shades = np.full(len(values), LEVELS, dtype=np.uint8)
    width = (high - low) or 1.0
    shades[known] = np.clip((values[known] - low) / width * (LEVELS - 1), 0, LEVELS - 1).round()
    return Colouring(title, group, shades, low=float(low), high=float(high))
