"""Scores on a terminal: every number in its place, within the width, and every reason said once."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from topocraft.evaluation.reading import by_type, heading_of, is_control, sections
from topocraft.evaluation.tables import evaluation_tables, evaluation_words, type_tables
from topocraft.metrics.catalogue import CATALOGUE

VERSIONS = {"topocraft": "0", "suite": "1"}


def _text(table: Table, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _row(text: str, title: str) -> list[str]:
    """Return the cells of the row with a title."""
    return next(line for line in text.splitlines() if line.strip().startswith(f"{title}  ")).split(title)[1].split()


def _many(scores: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Repeat the rows of an embedding under other names, before the controls."""
    own = scores[scores["embedding"] == "X_types"]
    made = pd.concat([*(own.assign(embedding=name) for name in names), scores[scores["kind"] == "control"]])
    made.attrs = scores.attrs
    return made.reset_index(drop=True)


def test_every_score_stands_under_its_heading_once(scores: pd.DataFrame) -> None:
    found = dict(sections(scores))
    assert list(found) == [
        "Summary", "Bio-conservation", "Batch mixing", "Is structure kept?", "Are batches mixed?", "Covariate place",
    ]  # fmt: skip
    assert sum(len(rows) for rows in found.values()) == len(scores) - len(by_type(scores))
    assert set(found["Summary"]["score"]) == {"composite", "bio", "batch", "f1_lisi"}
    assert {"bras", "mixing", "ilisi"} < set(found["Are batches mixed?"]["score"])
    assert set(by_type(scores)["score"]) == {"positive_rate", "true_positive_rate", "blisi", "kbet"}
    assert (by_type(scores)["part"] != "").all()


def test_headings_without_scores_are_left_out(scores: pd.DataFrame) -> None:
    free = scores[scores["score"].isin(["pcr", "ilisi"])]
    assert [heading for heading, _ in sections(free)] == ["Batch mixing", "Are batches mixed?"]


def test_numbers_stand_in_their_row_and_column(scores: pd.DataFrame) -> None:
    one = scores[scores["embedding"] != "X_batches"].copy()
    (table,) = evaluation_tables(one, 80)
    text = _text(table)
    for score in ("composite", "nmi", "kbet_70", "scgraph"):
        values = one[(one["score"] == score) & (one["part"] == "")]["value"]
        assert _row(text, CATALOGUE[score].title) == [f"{value:.3f}" for value in values]
    assert max(map(len, text.splitlines())) <= 80


def test_what_is_undefined_is_na_and_nothing_is_minus_zero(scores: pd.DataFrame) -> None:
    made = scores[scores["embedding"] == "X_types"].copy()
    made.loc[made["score"] == "nmi", "value"] = math.nan
    made.loc[made["score"] == "ari", "value"] = -0.0001
    (table,) = evaluation_tables(made, 80)
    text = _text(table)
    assert _row(text, "NMI") == ["NA"]
    assert _row(text, "ARI") == ["0.000"]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("names", [["X_one"], ["X_one", "X_two"], [f"X_embedding_{number}" for number in range(7)]])
def test_tables_fit_the_terminal_and_hold_every_embedding_once(
    width: int, names: list[str], scores: pd.DataFrame
) -> None:
    made = _many(scores, names)
    tables = list(evaluation_tables(made, width))
    held = 0
    for table in tables:
        lines = _text(table, width).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= width
        numbers = next(line for line in lines if line.strip().startswith("NMI  "))
        assert re.fullmatch(r"\s+NMI(\s+\d\.\d{3})+\s*", numbers), "no number is broken in two"
        held += len(numbers.split()) - 1
    assert held == made["embedding"].nunique()
    assert (len(tables) == 1) == (width == 200 or len(names) == 1)


def test_controls_stand_apart_where_not_all_fit(scores: pd.DataFrame) -> None:
    mine, controls = evaluation_tables(_many(scores, ["X_one", "X_two", "X_three"]), 80)
    assert "X_three" in _text(mine)
    assert "oracle" not in _text(mine)
    assert "oracle" in _text(controls)
    assert "X_" not in _text(controls)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("X_pca", ["X_pca"]),
        ("X_topocraft", ["X_", "topocraft"]),
        ("X_harmony", ["X_harmony"]),
        ("unintegrated", ["not inte-", "grated"]),
        ("batches shuffled", ["batches", "shuffled"]),
        ("X_a_very_long_name_of_a_tool", ["X_a_very_", "long_", "name_of_", "a_tool"]),
        ("withoutanymarkatall", ["withoutan", "ymarkatal", "l"]),
        ("a.b-c d", ["a.b-c d"]),
    ],
)
def test_headings_are_broken_where_it_reads_well(name: str, lines: list[str]) -> None:
    assert heading_of(name).splitlines() == lines


def test_headings_lose_nothing() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        name = "".join(generator.choice(list("abXY_-.[ü]/9"), generator.integers(1, 40)))
        assert heading_of(name).replace("\n", "") == name
        assert max(map(len, heading_of(name).splitlines())) <= 10


def test_markup_in_a_name_is_no_markup(scores: pd.DataFrame) -> None:
    text = "".join(_text(table) for table in evaluation_tables(_many(scores, ["[red]X"]), 80))
    assert "[red]X" in text
    made = scores.replace({"part": {"rare": "[bold]CD8[/bold]"}, "embedding": {"X_types": "[red]X"}})
    assert "[bold]CD8[/bold]" in _text(next(type_tables(made)), 120)
    assert "[red]X by cell type" in _text(next(type_tables(made)), 120)


def test_types_have_a_table_per_embedding(scores: pd.DataFrame) -> None:
    tables = list(type_tables(scores))
    assert [table.title.plain for table in tables] == ["X_types by cell type", "X_batches by cell type"]
    text = _text(tables[1])
    assert _row(text, "one batch")[2:] == ["NA", "NA"]
    own = scores[(scores["embedding"] == "X_batches") & (scores["part"] == "common 1")]
    assert _row(text, "common 1") == [f"{value:.3f}" for value in own["value"]]


def test_is_control(scores: pd.DataFrame) -> None:
    assert [name for name in scores["embedding"].unique() if not is_control(scores, name)] == ["X_types", "X_batches"]


def _words(**values: dict[str, tuple[float, str]]) -> list[str]:
    rows = [
        (name, score, "", value, CATALOGUE[score].mean, reason)
        for name, scores in values.items()
        for score, (value, reason) in scores.items()
    ]
    made = pd.DataFrame(rows, columns=["embedding", "score", "part", "value", "mean", "reason"])
    made.attrs = {"cautions": ["Beware."], "versions": VERSIONS}
    return list(evaluation_words(made))


def test_reasons_are_said_once_with_the_scores_and_embeddings_they_are_of() -> None:
    none = (math.nan, "All coincide.")
    lonely = (math.nan, "Types are lonely.")
    words = _words(
        a={
            "pcr": (0.5, ""),
            "kbet": lonely,
            "kbet_10": lonely,
            "batch": (0.4, "kbet is undefined (Types are lonely.)"),
        },
        b={
            "pcr": none,
            "kbet": lonely,
            "kbet_10": lonely,
            "batch": (0.3, "pcr is undefined (All coincide.) kbet is …"),
        },
    )
    assert words == [
        "NA: kBET; kBET, k = 10. Types are lonely.",
        "NA: PCR batch of b. All coincide.",
        "Means leave out kBET; PCR batch.",
        "Note: Beware.",
        "1 is best where nothing else is said; scores of other versions are not comparable: topocraft 0, suite 1.",
    ]


def test_means_over_fewer_members_than_others_are_told_apart() -> None:
    words = _words(a={"pcr": (0.5, "")}, b={"pcr": (math.nan, "All coincide.")})
    assert words[1] == "Means leave out PCR batch of b, and do not compare with means over all."


def test_where_all_is_defined_no_reason_is_given(scores: pd.DataFrame) -> None:
    words = list(evaluation_words(scores))
    assert [word.split(":")[0] for word in words[:-1]] == ["Note"] * len(scores.attrs["cautions"])
    assert "numpy" in words[-1]
