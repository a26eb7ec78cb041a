"""The two maps of the cells as numbers that a browser draws: places, colourings, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from topocraft.report.colouring import Colouring, pack, pack_text

MOST_POINTS = 100_000
"""Cells that are drawn one by one; above that they are counted in squares."""
SQUARES = 256
"""Squares along each side of a map."""
MOST_BYTES = 8_000_000
"""Text that all colourings of a page may take together."""


def map_data(
    layouts: Sequence[tuple[str, np.ndarray]], columns: Sequence[Colouring], names: Sequence[str], rows: np.ndarray
) -> tuple[dict[str, Any], list[str]]:
    """Return what the page draws, and the titles of colourings that there is no room for.

    Parameters
    ----------
    layouts
        Titles and places in the plane of the same cells, (n_cells, 2), finite.
    columns
        What they can be coloured by, the most important first.
    names
        Of the cells, (n_cells,); kept up to ``MOST_POINTS`` cells.
    rows
        Row of every cell in the file, (n_cells,).
    """
    n_cells = len(names)
    single = n_cells <= MOST_POINTS
    room, chosen, refused = MOST_BYTES, list[Colouring](), list[str]()
    for column in columns:
        if len(column.packed) <= room:
            room -= len(column.packed)
            chosen.append(column)
        else:
            refused.append(column.title)
    data = {
        "n": n_cells,
        "squares": 0 if single else SQUARES,
        "maps": [{"title": title, **_places(layout, single)} for title, layout in layouts],
        "columns": [column.as_json() for column in chosen],
        "names": pack_text(names) if single else None,
        "rows": None if single and (rows == np.arange(n_cells)).all() else pack(np.diff(rows, prepend=0).astype("u4")),
    }
    return data, refused


def _places(layout: np.ndarray, single: bool) -> dict[str, str]:
    """Fit a layout into the unit square, both axes alike, and round it to 65,536 steps, or to the squares."""
    low, high = layout.min(axis=0), layout.max(axis=0)
    span = float((high - low).max()) or 1.0
    unit = (layout - (low + high) / 2) / span + 0.5
    steps, dtype = (65_535, np.uint16) if single else (SQUARES - 1, np.uint8)
    placed = np.clip(unit * steps, 0, steps).round().astype(dtype)
    return {"x": pack(placed[:, 0]), "y": pack(placed[:, 1])}
