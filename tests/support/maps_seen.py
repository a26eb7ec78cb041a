"""What a browser shows of the maps of a page, and a hand on the pointer."""

from __future__ import annotations

import base64
import gzip
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from topocraft.report.page import Page

MARGIN = 0.94
"""Share of its side that a map fills when it is shown whole."""


def places_of(page: Page, which: int) -> np.ndarray:
    """Return where the cells of a map are, as shares of its canvas from the left and from the top."""
    packed = page.data["maps"][which]
    x, y = (np.frombuffer(gzip.decompress(base64.b64decode(packed[axis])), "<u2") / 65_535 for axis in "xy")
    rim = (1 - MARGIN) / 2
    return np.column_stack([x * MARGIN + rim, 1 - (y * MARGIN + rim)])


def canvas(tab: Any, which: int, kind: str = "over") -> Any:
    canvas = tab.query_selector_all(f".stage canvas{'.over' if kind == 'over' else ':not(.over)'}")[which]
    canvas.scroll_into_view_if_needed()
    return canvas


def pixels_of(canvas: Any) -> np.ndarray:
    """Return the pixels of a canvas, (side, side, 4)."""
    url = canvas.evaluate("canvas => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA"))


def drag(tab: Any, canvas: Any, corners: list[tuple[float, float]]) -> None:
    box = canvas.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    tab.mouse.move(*points[0])
    tab.mouse.down()
    for point in points[1:]:
        tab.mouse.move(*point, steps=4)
    tab.mouse.up()
