"""Pages in a real browser: quiet, drawn, linked, reachable, and never fooled by a name."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from topocraft.report.page import Page, render

EVIL = "<script>alert(1)</script>"
MARGIN = 0.94
ARTEFACTS = Path(os.environ.get("TOPOCRAFT_SCREENSHOTS") or Path(__file__).parents[2] / "runs" / "screenshots")
Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def written(page: Page, large_page: Page, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write both pages once."""
    folder = tmp_path_factory.mktemp("pages")
    for name, one in (("small", page), ("large", large_page)):
        (folder / f"{name}.html").write_text(render(one), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("small", "large")}


@pytest.fixture(scope="module")
def opened(browser: Any, written: dict[str, Path]) -> Iterator[Opened]:
    """Open a page and wait for its maps; whatever it says or asks the network for fails the test."""
    contexts = []

    def call(name: str = "small", *, before: str = "", state: str = "drawn", **context: Any) -> Any:
        made = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True, **context)
        contexts.append(made)
        tab = made.new_page()
        tab.heard = []
        tab.on("console", lambda message: tab.heard.append(message.text))
        tab.on("pageerror", lambda error: tab.heard.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.heard.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: tab.heard.append(request.url) if _leaves(request.url) else None)
        if before:
            tab.add_init_script(before)
        tab.goto(written[name].as_uri())
        if state == "drawn":
            tab.wait_for_selector("html[data-maps=drawn]", timeout=60_000)
        return tab

    yield call
    for context in contexts:
        context.close()


def _leaves(url: str) -> bool:
    return not url.startswith(("file:", "blob:file", "blob:null", "data:"))


@pytest.fixture(scope="module")
def tab(opened: Opened) -> Any:
    return opened()


@pytest.fixture
def fresh(tab: Any) -> Any:
    """Bring the shared page back to how it opened."""
    tab.keyboard.press("Escape")
    tab.select_option("#colour", index=0)
    for button in tab.query_selector_all(".map figcaption button:last-child"):
        button.click()
    tab.mouse.move(5, 5)
    return tab


def _places(page: Page, which: int) -> np.ndarray:
    """Return where the cells of a map are, as shares of its canvas from the left and from the top."""
    packed = page.data["maps"][which]
    x, y = (np.frombuffer(gzip.decompress(base64.b64decode(packed[axis])), "<u2") / 65_535 for axis in "xy")
    rim = (1 - MARGIN) / 2
    return np.column_stack([x * MARGIN + rim, 1 - (y * MARGIN + rim)])


def _canvas(tab: Any, which: int, kind: str = "over") -> Any:
    canvas = tab.query_selector_all(f".stage canvas{'.over' if kind == 'over' else ':not(.over)'}")[which]
    canvas.scroll_into_view_if_needed()
    return canvas


def _pixels(canvas: Any) -> np.ndarray:
    """Return the pixels of a canvas, (side, side, 4)."""
    url = canvas.evaluate("canvas => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA"))


def _drag(tab: Any, canvas: Any, corners: list[tuple[float, float]]) -> None:
    box = canvas.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    tab.mouse.move(*points[0])
    tab.mouse.down()
    for point in points[1:]:
        tab.mouse.move(*point, steps=4)
    tab.mouse.up()


def test_the_page_opens_quietly_and_asks_nobody(opened: Opened) -> None:
    tab = opened()
    assert tab.heard == []
    assert tab.evaluate("performance.getEntriesByName('maps drawn').length") == 1
    for which in (0, 1):
        under = _canvas(tab, which, "under")
        assert under.evaluate("canvas => canvas.getContext('webgl2') !== null")
        colours = _pixels(under)
        assert len(np.unique(colours[colours[..., 3] > 200], axis=0)) >= 2
        assert (colours[..., 3] > 0).sum() > 300


def test_names_of_strangers_are_shown_as_text(tab: Any) -> None:
    text = tab.inner_text("body")
    for shown in (f"cells{EVIL}.h5ad", f"T{EVIL}", f"two{EVIL}", f"topocraft integrate '{EVIL}'"):
        assert shown in text
    options = tab.eval_on_selector_all("#colour option", "found => found.map(option => option.textContent)")
    assert f"col{EVIL}" in options
    assert sum(option.startswith("gene ") and option.endswith(EVIL) for option in options) >= 3
    assert tab.evaluate("document.querySelectorAll('script').length") == 3
    assert tab.heard == []


def test_a_cell_under_the_pointer_is_named_and_found_on_the_other_map(fresh: Any, page: Page) -> None:
    fresh.uncheck("#labels")
    places = _places(page, 1)
    apart = np.sort(np.linalg.norm(places[:, None] - places[None], axis=2), axis=1)[:, 1]
    cell = int(apart.argmax())
    assert not _pixels(_canvas(fresh, 0))[..., 3].any()
    box = _canvas(fresh, 1).bounding_box()
    fresh.mouse.move(box["x"] + places[cell, 0] * box["width"], box["y"] + places[cell, 1] * box["height"])
    lines = fresh.inner_text("#tip").splitlines()
    assert lines[0] == f"cell {cell}{EVIL}"
    assert [line.partition(":")[0] for line in lines[1:]] == ["batch", "celltype", "mixing per cell"]
    fresh.wait_for_timeout(100)
    ring = _pixels(_canvas(fresh, 0))[..., 3] > 0
    middle = np.argwhere(ring).mean(axis=0) / len(ring)
    assert middle[::-1] == pytest.approx(_places(page, 0)[cell], abs=0.01)
    fresh.mouse.move(5, 5)
    assert not fresh.is_visible("#tip")
    fresh.check("#labels")


def test_a_lasso_chooses_the_cells_inside_it_on_both_maps(fresh: Any, page: Page, cells: Any) -> None:
    places = _places(page, 1)
    middle = float(np.median(places[:, 0]))
    inside = places[:, 0] < middle
    before = _pixels(_canvas(fresh, 0, "under"))
    _drag(fresh, _canvas(fresh, 1), [(0.02, 0.02), (middle, 0.02), (middle, 0.98), (0.02, 0.98)])
    text = fresh.inner_text("#selection")
    assert f"{inside.sum()} cells chosen" in text
    for name, count in cells.obs.loc[inside, "celltype"].value_counts().items():
        assert f"{name}: {count} (" in text
    assert (_pixels(_canvas(fresh, 0, "under")) != before).any()
    with fresh.expect_download() as loading:
        fresh.click("text=Save these cells as CSV")
    rows = list(csv.reader(io.StringIO(Path(loading.value.path()).read_text(encoding="utf-8"))))
    assert rows[0] == ["row", "cell", "batch", "celltype"]
    assert [int(row[0]) - 1 for row in rows[1:]] == np.flatnonzero(inside).tolist()
    assert [row[3] for row in rows[1:]] == cells.obs.loc[inside, "celltype"].tolist()
    fresh.keyboard.press("Escape")
    assert fresh.inner_text("#selection") == ""


def test_the_colouring_can_be_switched_and_an_entry_of_the_legend_shown_alone(fresh: Any, cells: Any) -> None:
    by_batch = _pixels(_canvas(fresh, 1, "under"))
    fresh.select_option("#colour", label="celltype")
    assert (_pixels(_canvas(fresh, 1, "under")) != by_batch).any()
    entry = fresh.query_selector("#legend button:has-text('rare & odd')")
    rare = int((cells.obs["celltype"] == "rare & odd").sum())
    assert entry.inner_text().split("\n")[-1] == str(rare)
    entry.click()
    pressed = fresh.query_selector("#legend button[aria-pressed=true]")
    assert "rare & odd" in pressed.inner_text()
    assert f"{rare} cells chosen" in fresh.inner_text("#selection")
    gene = fresh.eval_on_selector("#colour optgroup[label=Genes] option", "option => option.value")
    fresh.select_option("#colour", value=gene)
    assert fresh.query_selector("#legend .scale") is not None
    assert fresh.inner_text("#selection") == ""


def test_the_keyboard_reaches_everything(fresh: Any) -> None:
    fresh.focus("#colour")
    seen = []
    for _ in range(16):
        fresh.keyboard.press("Tab")
        seen.append(
            fresh.evaluate("(document.activeElement.getAttribute('aria-label') || document.activeElement.id || '')")
        )
    assert any(label.startswith("Before integration. Arrow keys") for label in seen)
    assert any(label.startswith("Save After integration as SVG") for label in seen)
    _canvas(fresh, 0).focus()
    whole = _pixels(_canvas(fresh, 0, "under"))
    fresh.keyboard.press("+")
    fresh.keyboard.press("ArrowLeft")
    fresh.wait_for_timeout(100)
    assert (_pixels(_canvas(fresh, 0, "under")) != whole).any()
    fresh.keyboard.press("0")
    fresh.wait_for_timeout(100)
    assert (_pixels(_canvas(fresh, 0, "under")) == whole).all()


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
    _drag(tab, _canvas(tab, 1), [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98)])
    assert "120,000 cells chosen" in tab.inner_text("#selection")
    tab.keyboard.press("Escape")
    packed = large_page.data["maps"][0]
    x, y = (np.frombuffer(gzip.decompress(base64.b64decode(packed[axis])), "u1").astype(int) for axis in "xy")
    squares, counts = np.unique(y * 256 + x, return_counts=True)
    fullest = squares[counts.argmax()]
    rim, box = (1 - MARGIN) / 2, _canvas(tab, 0).bounding_box()
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
    assert (_pixels(_canvas(tab, 1, "under"))[..., 3] > 0).sum() > 300


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
