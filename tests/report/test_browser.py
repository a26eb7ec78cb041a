"""Pages in a real browser: quiet, drawn, linked, reachable, and never fooled by a name."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from maps_seen import canvas, drag, pixels_of, places_of

from topocraft.report.page import Page

EVIL = "<script>alert(1)</script>"
Opened = Callable[..., Any]


def test_the_page_opens_quietly_and_asks_nobody(opened: Opened) -> None:
    tab = opened()
    assert tab.heard == []
    assert tab.evaluate("performance.getEntriesByName('maps drawn').length") == 1
    for which in (0, 1):
        under = canvas(tab, which, "under")
        assert under.evaluate("canvas => canvas.getContext('webgl2') !== null")
        colours = pixels_of(under)
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
    places = places_of(page, 1)
    apart = np.sort(np.linalg.norm(places[:, None] - places[None], axis=2), axis=1)[:, 1]
    cell = int(apart.argmax())
    assert not pixels_of(canvas(fresh, 0))[..., 3].any()
    box = canvas(fresh, 1).bounding_box()
    fresh.mouse.move(box["x"] + places[cell, 0] * box["width"], box["y"] + places[cell, 1] * box["height"])
    lines = fresh.inner_text("#tip").splitlines()
    assert lines[0] == f"cell {cell}{EVIL}"
    assert [line.partition(":")[0] for line in lines[1:]] == ["batch", "celltype", "mixing per cell"]
    fresh.wait_for_timeout(100)
    ring = pixels_of(canvas(fresh, 0))[..., 3] > 0
    middle = np.argwhere(ring).mean(axis=0) / len(ring)
    assert middle[::-1] == pytest.approx(places_of(page, 0)[cell], abs=0.01)
    fresh.mouse.move(5, 5)
    assert not fresh.is_visible("#tip")
    fresh.check("#labels")


def test_a_lasso_chooses_the_cells_inside_it_on_both_maps(fresh: Any, page: Page, cells: Any) -> None:
    places = places_of(page, 1)
    middle = float(np.median(places[:, 0]))
    inside = places[:, 0] < middle
    before = pixels_of(canvas(fresh, 0, "under"))
    drag(fresh, canvas(fresh, 1), [(0.02, 0.02), (middle, 0.02), (middle, 0.98), (0.02, 0.98)])
    text = fresh.inner_text("#selection")
    assert f"{inside.sum()} cells chosen" in text
    for name, count in cells.obs.loc[inside, "celltype"].value_counts().items():
        assert f"{name}: {count} (" in text
    assert (pixels_of(canvas(fresh, 0, "under")) != before).any()
    with fresh.expect_download() as loading:
        fresh.click("text=Save these cells as CSV")
    rows = list(csv.reader(io.StringIO(Path(loading.value.path()).read_text(encoding="utf-8"))))
    assert rows[0] == ["row", "cell", "batch", "celltype"]
    assert [int(row[0]) - 1 for row in rows[1:]] == np.flatnonzero(inside).tolist()
    assert [row[3] for row in rows[1:]] == cells.obs.loc[inside, "celltype"].tolist()
    fresh.keyboard.press("Escape")
    assert fresh.inner_text("#selection") == ""


def test_the_colouring_can_be_switched_and_an_entry_of_the_legend_shown_alone(fresh: Any, cells: Any) -> None:
    by_batch = pixels_of(canvas(fresh, 1, "under"))
    fresh.select_option("#colour", label="celltype")
    assert (pixels_of(canvas(fresh, 1, "under")) != by_batch).any()
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
    canvas(fresh, 0).focus()
    whole = pixels_of(canvas(fresh, 0, "under"))
    fresh.keyboard.press("+")
    fresh.keyboard.press("ArrowLeft")
    fresh.wait_for_timeout(100)
    assert (pixels_of(canvas(fresh, 0, "under")) != whole).any()
    fresh.keyboard.press("0")
    fresh.wait_for_timeout(100)
    assert (pixels_of(canvas(fresh, 0, "under")) == whole).all()
