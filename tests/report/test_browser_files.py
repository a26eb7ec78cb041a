"""What leaves a page, pages of many cells and of poor browsers, and how a page looks."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from maps_seen import MARGIN, canvas, drag, pixels_of

from topocraft.report.page import Page

ARTEFACTS = Path(os.environ.get("TOPOCRAFT_SCREENSHOTS") or Path(__file__).parents[2] / "runs" / "screenshots")
Opened = Callable[..., Any]


@pytest.mark.parametrize(
    "button",
    ["[aria-label='Save After integration as {}']", "[data-{}=curves]", "[data-{}=grid-composition]"],
)
def test_figures_are_saved(fresh: Any, button: str) -> None:
    for kind, named in (("svg", "SVG"), ("png", "PNG")):
        with fresh.expect_download() as loading:
            fresh.click(button.format(named if "aria" in button else kind))
        content = Path(loading.value.path()).read_bytes()
        if kind == "svg":
            root = ElementTree.fromstring(content)
            assert root.tag.endswith("svg")
            assert not [node for node in root.iter() if node.tag.endswith("script")]
        else:
            assert content.startswith(b"\x89PNG")
            assert len(content) > 3000


def test_a_table_is_saved_as_it_is_shown_and_no_cell_is_a_formula(fresh: Any, page: Page) -> None:
    fresh.evaluate("document.querySelector('#per-group tbody th').textContent = '=HYPERLINK(1)'")
    with fresh.expect_download() as loading:
        fresh.click("[data-csv=per-group]")
    rows = list(csv.reader(io.StringIO(Path(loading.value.path()).read_text(encoding="utf-8"))))
    assert rows[0] == ["cell type", "cells", "batches", "mixing", "purity", "positive", "truly positive"]
    assert rows[1][0] == "'=HYPERLINK(1)"
    assert [int(row[1]) for row in rows[1:]] == [row.cells for row in page.groups]
    assert rows[-1][0] == "rare & odd" + (" (rare)" if page.groups[-1].rare else "")


def test_many_cells_are_counted_in_squares(opened: Opened, large_page: Page) -> None:
    tab = opened("large")
    assert tab.heard == []
    assert "Each of the 256 × 256 squares" in tab.inner_text("#how")
    drag(tab, canvas(tab, 1), [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98)])
    assert "120,000 cells chosen" in tab.inner_text("#selection")
    tab.keyboard.press("Escape")
    packed = large_page.data["maps"][0]
    x, y = (np.frombuffer(gzip.decompress(base64.b64decode(packed[axis])), "u1").astype(int) for axis in "xy")
    squares, counts = np.unique(y * 256 + x, return_counts=True)
    fullest = squares[counts.argmax()]
    rim, box = (1 - MARGIN) / 2, canvas(tab, 0).bounding_box()
    across, down = ((fullest % 256 + 0.5) / 256 * MARGIN + rim, 1 - ((fullest // 256 + 0.5) / 256 * MARGIN + rim))
    tab.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    assert tab.inner_text("#tip").startswith(f"{counts.max()} cells\nbatch: ")


def test_without_webgl_the_maps_are_drawn_all_the_same(opened: Opened) -> None:
    hidden = """const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind.startsWith("webgl") ? null : get.call(this, kind, ...rest);
    };"""
    tab = opened(before=hidden)
    assert tab.heard == []
    assert (pixels_of(canvas(tab, 1, "under"))[..., 3] > 0).sum() > 300


def test_a_browser_that_is_too_old_says_so_and_shows_the_rest(opened: Opened) -> None:
    tab = opened(before="delete window.DecompressionStream", state="failed")
    tab.wait_for_function("document.getElementById('failure').textContent")
    assert "too old to draw the maps" in tab.inner_text("#failure")
    assert not tab.is_visible("#atlas")
    assert "Is it safe to use?" in tab.inner_text("#verdict")


def test_dark_light_and_print(opened: Opened) -> None:
    tab = opened(color_scheme="dark")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    dark = tab.evaluate(paper)
    tab.click("#theme")
    light = tab.evaluate(paper)
    assert (dark, light) == ("rgb(20, 23, 27)", "rgb(255, 255, 255)")
    tab.click("#theme")
    tab.emulate_media(media="print")
    assert tab.evaluate(paper) == "rgb(255, 255, 255)"
    assert not tab.is_visible(".controls")
    assert tab.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("width", [400, 900, 1400])
def test_the_page_fits_every_width(fresh: Any, width: int) -> None:
    fresh.set_viewport_size({"width": width, "height": 1000})
    fresh.wait_for_timeout(200)
    assert fresh.evaluate("document.documentElement.scrollWidth") <= width
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    fresh.screenshot(path=ARTEFACTS / f"page-{width}.png", full_page=True)
    assert (ARTEFACTS / f"page-{width}.png").stat().st_size > 20_000
