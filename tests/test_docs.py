"""The pages that commands write say what the package says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from topocraft.metrics.catalogue import CATALOGUE, SUITE
from topocraft.simulate.registry import PAPER

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_page_of_metrics_holds_every_score_as_it_is_in_the_catalogue(name: str) -> None:
    fact = CATALOGUE[name]
    rows = [line for line in (DOCS / "metrics.md").read_text(encoding="utf-8").splitlines() if f"| `{name}` |" in line]
    assert len(rows) == 1
    assert all(text in rows[0] for text in (f"| {fact.title} |", fact.weakness, fact.reference, f"| {fact.asks} |"))


def test_the_pages_of_scores_are_of_this_suite() -> None:
    assert f"Version {SUITE} of the suite" in (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert f"score suite {SUITE}," in (DOCS / "scores.md").read_text(encoding="utf-8")


def test_the_page_of_simulations_has_a_row_for_every_scenario_of_the_paper() -> None:
    text = (DOCS / "simulations.md").read_text(encoding="utf-8")
    assert [name for name in PAPER if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
