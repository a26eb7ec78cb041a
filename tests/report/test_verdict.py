"""The verdict: what each number leads to, and the words for it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.report.measures import Measures, Row
from topocraft.report.subject import Subject, read_subject
from topocraft.report.verdict import Statement, headline, verdict


@pytest.fixture(scope="module")
def subject(cells: AnnData) -> Subject:
    return read_subject(cells, None, "celltype", None)


def _measures(**rows: tuple[float, float, float]) -> Measures:
    known = {
        "mixing": (0.2, 0.9, 0.96),
        "within_batch_nmi": (0.8, 0.78, math.nan),
        "within_batch_ari": (0.7, 0.7, math.nan),
        "positive_rate": (0.98, 0.97, math.nan),
        "nmi": (0.5, 0.8, math.nan),
    } | rows
    none = {"before": np.zeros(0), "after": np.zeros(0)}
    return Measures(tuple(Row(name, *values, "No cells.") for name, values in known.items()), none, none, {"after": {}})


def _named(subject: Subject, measures: Measures) -> dict[str, Statement]:
    return {statement.name: statement for statement in verdict(subject, measures)}


@pytest.mark.parametrize(("written", "said"), [(False, True), (np.False_, True), (True, False), ("no", False)])
def test_what_was_not_corrected_is_told(subject: Subject, written: object, said: bool) -> None:
    record = dict(subject.provenance) | {"corrected": written}
    found = _named(dataclasses.replace(subject, provenance=record), _measures())
    assert ("nothing corrected" in found) == said
    assert "nothing corrected" not in _named(subject, _measures())


@pytest.mark.parametrize(
    ("name", "scores", "kind", "words"),
    [
        (
            "mixing",
            {"mixing": (0.2, 0.9, 0.96)},
            "ok",
            "Batches are mixed: .* 90% of what chance .* it was 20%; .* it is 96%",
        ),
        ("mixing", {"mixing": (0.2, 0.6, 0.96)}, "warning", "Batches are partly mixed"),
        ("mixing", {"mixing": (0.2, 0.3, 0.96)}, "bad", "Batches are not mixed"),
        ("mixing", {"mixing": (math.nan, math.nan, math.nan)}, "unknown", "Batches cannot be judged. No cells."),
        ("structure", {}, "ok", "is kept: .* NMI 0.78 and ARI 0.70. Unintegrated it was 0.80 and 0.70"),
        ("structure", {"within_batch_nmi": (0.8, 0.65, 0)}, "warning", "is partly kept"),
        ("structure", {"within_batch_nmi": (0.8, 0.3, 0)}, "bad", "is lost"),
        ("types", {}, "ok", "stay apart: 97.0% .* .98.0% unintegrated.. Clusters match the types by NMI 0.80 .0.50"),
        ("types", {"positive_rate": (0.98, 0.93, 0)}, "warning", "blurred a little"),
        ("types", {"positive_rate": (0.98, 0.5, 0)}, "bad", "are blurred:"),
    ],
)
def test_each_line_has_its_number_and_its_words(
    subject: Subject, name: str, scores: dict[str, tuple[float, float, float]], kind: str, words: str
) -> None:
    measures = _measures(**scores)
    statement = _named(subject, measures)[name]
    asked = {"structure": "within_batch_nmi", "types": "positive_rate"}.get(name, name)
    assert statement.verdict == kind
    assert statement.value == pytest.approx(measures.row(asked).after, nan_ok=True)
    assert pd.Series([statement.sentence]).str.contains(words).all(), statement.sentence


def test_types_that_the_mean_hides_are_named(subject: Subject) -> None:
    rates = {"before": {"B": {"positive": 0.9}, "rare & odd": {"positive": 0.8}}}
    for lost, kind in (("rare & odd", "warning"), ("B", "bad")):
        after = {name: {"positive": 0.2 if name == lost else 0.9} for name in ("B", "rare & odd")}
        line = _named(subject, dataclasses.replace(_measures(), rates=rates | {"after": after}))["lost types"]
        cells = int((subject.groups == lost).sum())
        assert (line.verdict, line.value) == (kind, cells / 300)
        assert f"1 type, {cells / 300:.1%} of the cells, no longer stands apart" in line.sentence
    assert "lost types" not in _named(subject, _measures())


def test_what_was_set_aside_is_counted(subject: Subject) -> None:
    line = _named(subject, _measures())["set aside"]
    assert line.verdict == "ok"
    assert line.sentence.startswith("3 of 300 cells (1.0%) had too few genes")
    most = dataclasses.replace(subject, aside=np.arange(300) < 90, kept=np.arange(300) >= 30)
    line = _named(most, _measures())["set aside"]
    assert (line.verdict, line.value) == ("bad", 0.3)
    assert "30 of them have no coordinates" in line.sentence


def test_a_condition_that_the_batches_decide_is_named(subject: Subject) -> None:
    line = _named(subject, _measures())["batch equals condition"]
    assert (line.verdict, line.value) == ("warning", 1)
    assert "'donor'" in line.sentence
    assert "celltype" not in line.sentence


def test_columns_of_lists_and_dictionaries_are_told_apart_by_how_they_read(subject: Subject) -> None:
    adata = subject.adata.copy()
    donors = pd.Series(subject.batch, index=adata.obs_names).astype("category").cat.codes % 2
    adata.obs["lists"] = [[code] for code in donors]
    adata.obs["alike"] = [{"a": 1}] * len(donors)
    line = _named(dataclasses.replace(subject, adata=adata), _measures())["batch equals condition"]
    assert "'lists'" in line.sentence
    assert "'alike'" not in line.sentence


def test_the_headline_follows_the_worst_line() -> None:
    good = Statement("a", 1.0, "", "ok", "")
    look, bad = dataclasses.replace(good, verdict="warning"), dataclasses.replace(good, verdict="bad")
    assert headline([good])[0] == "ok"
    assert headline([good, look]) == ("warning", "Use it with care: 1 point below to look at.")
    assert headline([bad, look, bad]) == ("bad", "Do not rely on it yet: 2 lines below speak against it.")
