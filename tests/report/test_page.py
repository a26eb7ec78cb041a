"""The page as text: one file, closed to the network, with nothing of a stranger's that a browser would execute."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from topocraft.report.groups import Grid
from topocraft.report.page import Page, render

EVIL = "<script>alert(1)</script>"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\u2028"


class _Read(HTMLParser):
    """Remembers every tag with its attributes, and the text of every script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.held: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.held.append("")
        self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.held[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, text) for (name, attributes), text in zip(self.tags, self.held, strict=True) if name == tag
        ]


@pytest.fixture(scope="module")
def text(page: Page) -> str:
    return render(page)


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(text: str) -> None:
    read = _Read(text)
    policy = next(a["content"] for a, _ in read.of("meta") if a.get("http-equiv") == "Content-Security-Policy") or ""
    script = next(body for attributes, body in read.of("script") if "type" not in attributes)
    (style,) = (body for _, body in read.of("style"))
    hashes = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in (script, style)]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{hashes[0]}'",
        f"style-src 'sha256-{hashes[1]}'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)


def test_nothing_points_outside(text: str) -> None:
    for tag, attributes in _Read(text).tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("src", "href", "action", "data", "srcset"):
                assert (value or "").startswith("#"), (tag, name, value)


@pytest.mark.parametrize("hostile", [EVIL, HOSTILE])
def test_whatever_a_name_holds_it_is_text(page: Page, hostile: str) -> None:
    grid = Grid(hostile, hostile, (hostile,), (hostile,), np.array([[0.5]]), ((hostile,),))
    statement = dataclasses.replace(page.statements[0], sentence=hostile)
    data = {**page.data, "names": hostile, "maps": [], "columns": [{"title": hostile, "names": [hostile]}]}
    row = dataclasses.replace(page.groups[0], name=hostile)
    changed = dataclasses.replace(
        page,
        title=hostile,
        subtitle=hostile,
        headline=hostile,
        statements=[statement],
        look=[hostile],
        data=data,
        notes=[hostile],
        kind=hostile,
        groups=[row],
        batches=[row],
        grids=[grid],
        provenance=[("command", hostile), ("configuration", hostile)],
    )
    text = render(changed)
    read = _Read(text)
    assert [attributes.get("type") for attributes, _ in read.of("script")] == [*2 * ["application/json"], None]
    assert not read.of("img")
    held = json.loads(next(body for attributes, body in read.of("script") if attributes.get("id") == "data"))
    assert held["columns"] == [{"title": hostile, "names": [hostile]}]
    assert text.count(hostile) == 0


def test_the_page_says_in_order_what_it_has_to_say(text: str) -> None:
    sections = [attributes["id"] for attributes, _ in _Read(text).of("section")]
    assert sections == ["verdict", "map", "groups", "audit", "training", "provenance"]


def test_a_file_without_a_training_has_no_such_section(page: Page) -> None:
    read = _Read(render(dataclasses.replace(page, training=None)))
    assert "training" not in [attributes["id"] for attributes, _ in read.of("section")]


def test_the_same_page_is_the_same_bytes(page: Page, text: str) -> None:
    assert render(page) == text


def test_values_that_are_not_there_are_dashes(page: Page) -> None:
    nowhere = (math.nan, math.nan)
    row = dataclasses.replace(page.groups[0], name="lonely", mixing=nowhere, purity=(math.nan, 0.5))
    text = render(dataclasses.replace(page, groups=[row]))
    cells = re.search(r"lonely</th>(.*?)</tr>", text, re.DOTALL)
    assert cells is not None
    assert re.findall(r"<td>(.*?)</td>", cells[1])[2:4] == ["–", "– → 0.50"]
    assert "nan" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL).lower().replace("provenance", "")
