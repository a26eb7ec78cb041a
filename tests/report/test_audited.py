"""The audit on the page: its statements, the worst first, and what they come to."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pandas as pd
import pytest
from anndata import AnnData

from topocraft.audit import Audit
from topocraft.audit import Statement as Audited
from topocraft.errors import InputError
from topocraft.provenance import AUDIT
from topocraft.report.audited import SHOWN, Finding, Part, audit_parts, audit_statement
from topocraft.report.page import Page, render

EVIL = "<script>alert(1)</script>"


def _said(part: str, verdict: Any, subject: str = "", **numbers: Any) -> Audited:
    return Audited(
        part=part, name="n", value=0.5, verdict=verdict, subject=subject, sentence=f"It is {verdict}.", **numbers
    )


def _audited(*statements: Audited) -> AnnData:
    adata = AnnData(obs=pd.DataFrame(index=["a", "b"]))
    Audit(statements, {}, pd.DataFrame(index=adata.obs_names), {}).annotate(adata)
    return adata


def test_the_worst_comes_first_within_its_part_and_parts_keep_their_order() -> None:
    numbers = {"null_mean": 0.1, "null_low": 0.05, "null_high": 0.2, "p_value": 0.005, "null_name": "cells dealt out"}
    adata = _audited(_said("design", "ok"), _said("absence", "ok"), _said("absence", "bad", "B cells", **numbers))
    assert audit_parts(adata) == [
        Part("design", [Finding("ok", "", "It is ok.", "")], []),
        Part(
            "absence",
            [
                Finding("bad", "B cells", "It is bad.", "cells dealt out: 0.10 (0.05 … 0.20), p 0.005"),
                Finding("ok", "", "It is ok.", ""),
            ],
            [],
        ),
    ]


def test_many_statements_fold() -> None:
    (part,) = audit_parts(_audited(*[_said("structure", "ok", str(place)) for place in range(SHOWN + 3)]))
    assert [one.subject for one in part.folded] == [str(place) for place in range(SHOWN, SHOWN + 3)]


@pytest.mark.parametrize(
    ("statements", "verdict", "words"),
    [
        ([_said("design", "ok"), _said("absence", "ok")], "ok", "2 statements, none of them against the map"),
        ([_said("absence", "bad", "a type")], "warning", "1 statement, 1 bad and 0 to look at (absence)"),
        ([_said("structure", "bad"), _said("a", "warning")], "warning", "1 bad and 1 to look at (structure, a)"),
        ([_said("over-correction", "bad"), _said("a", "ok")], "bad", "1 bad and 0 to look at (over-correction)"),
        ([_said("absence", "unknown"), _said("a", "ok")], "unknown", "none of them against the map"),
    ],
)
def test_only_cells_of_all_kinds_among_others_are_bad_of_the_map(
    statements: list[Audited], verdict: str, words: str
) -> None:
    (one,) = audit_statement(audit_parts(_audited(*statements)))
    assert (one.verdict, words in one.sentence) == (verdict, True)


def test_without_an_audit_the_page_says_how_to_make_one(page: Page) -> None:
    assert audit_parts(AnnData(obs=pd.DataFrame(index=["a"]))) == []
    assert audit_statement([]) == []
    assert "These cells were not audited." in render(page)


def test_the_page_shows_findings_as_text(page: Page) -> None:
    parts = audit_parts(_audited(_said("absence", "bad", f"T{EVIL}")))
    text = render(dataclasses.replace(page, audit=parts))
    assert "not audited" not in text
    assert "<strong>T&lt;script&gt;alert(1)&lt;/script&gt;</strong> It is bad." in text


@pytest.mark.parametrize(
    "held",
    [
        "no json",
        "[" * 100_000,
        "{}",
        json.dumps({"statements": [{"part": "a"}]}),
        json.dumps({"statements": 3}),
        json.dumps({"statements": [dict(dataclasses.asdict(_said("a", "ok")), verdict="splendid")]}),
        7,
    ],
)
def test_what_is_no_audit_is_refused(held: object) -> None:
    adata = AnnData(obs=pd.DataFrame(index=["a"]), uns={AUDIT: held})
    with pytest.raises(InputError, match=r"uns\['topocraft_audit'\] must be an audit .* Audit the cells again"):
        audit_parts(adata)
