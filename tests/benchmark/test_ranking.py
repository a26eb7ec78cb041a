"""Who stands where, against tables counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from topocraft.benchmark import page, ranking, tidy
from topocraft.benchmark.folder import Plan
from topocraft.benchmark.ranking import over_seeds, wide
from topocraft.benchmark.records import Record
from topocraft.benchmark.rows import runs_of, write_rows
from topocraft.metrics.suite import Score

Scored = Callable[..., Record]


@pytest.fixture
def rows(scored: Scored) -> pd.DataFrame:
    """Return a grid in which everything happens."""
    return tidy(
        [
            scored("a", "oracle", 0, 0.99, kind="control"),
            *(scored("a", "second", seed, 0.5) for seed in (0, 1)),
            *(scored("a", "first", seed, 0.6 + 0.1 * seed) for seed in (0, 1)),
            scored("a", "half", 0, 0.9),
            Record(dataset="a", method="half", seed=1, status="failed", reason="No | more."),
            scored("a", "cheat", 0, 0.95, kind="labelled"),
            Record(dataset="a", method="edges", seed=0, gives="graph", scores=(Score("nmi", 0.8),)),
            *(scored("b", "second", seed, 0.5) for seed in (0, 1)),
            *(scored("b", "first", seed, 0.5) for seed in (0, 1)),
            Record(dataset="b", method="half", seed=0, status="timed out", reason="Stopped after 2 h."),
            scored("b", "cheat", 0, 0.85, kind="labelled"),
        ]
    )


def test_places_are_by_the_mean_over_datasets_of_means_over_seeds(rows: pd.DataFrame) -> None:
    table = ranking(rows).set_index("method")
    assert table.index.tolist() == ["first", "second", "half", "edges", "cheat", "oracle"]
    assert table["group"].tolist() == ["ranked", "ranked", "incomplete", "graph", "labelled", "control"]
    assert table["place"].tolist() == [1, 2, pd.NA, pd.NA, pd.NA, pd.NA]
    assert table["overall"].tolist() == pytest.approx([0.575, 0.5, 0.9, math.nan, 0.9, 0.99], nan_ok=True)
    assert table.loc["first", ["bio", "batch"]].tolist() == pytest.approx([0.675, 0.425])
    assert table["n_datasets"].tolist() == [2, 2, 1, 0, 2, 1]
    assert table["n_runs"].tolist() == [4, 4, 3, 1, 2, 1]
    assert table["n_ended_well"].tolist() == [4, 4, 1, 1, 2, 1]
    assert table.loc["half", ["n_runs a", "n_scored a", "n_runs b", "n_scored b"]].tolist() == [2, 1, 1, 0]


def test_every_dataset_has_places_of_its_own_and_ties_share_one(rows: pd.DataFrame) -> None:
    table = ranking(rows).set_index("method")
    assert table["place a"].tolist() == [2, 3, 1, pd.NA, pd.NA, pd.NA], "on one dataset, half can be compared"
    assert table["place b"].tolist() == [1, 1, pd.NA, pd.NA, pd.NA, pd.NA]
    assert table["composite a"].tolist() == pytest.approx([0.65, 0.5, 0.9, math.nan, 0.95, 0.99], nan_ok=True)
    assert table["sd a"].tolist()[:2] == pytest.approx([math.sqrt(0.005), 0])
    assert math.isnan(table.loc["half", "sd a"]), "of one seed there is no spread"


def test_means_over_seeds_count_what_has_a_value(rows: pd.DataFrame) -> None:
    found = over_seeds(rows, "composite").set_index(["dataset", "method"])
    assert found.loc[("a", "first"), ["mean", "n"]].tolist() == pytest.approx([0.65, 2])
    assert ("a", "edges") not in found.index
    assert wide(rows, "nmi").loc["edges"].tolist() == pytest.approx([0.8, math.nan], nan_ok=True)


def test_a_dataset_without_any_composite_takes_no_place_away(scored: Scored) -> None:
    gone = [Record(dataset="gone", method=name, seed=0, status="no data", reason="Moved.") for name in ("x", "y")]
    table = ranking(tidy([scored("a", "x"), scored("a", "y", composite=0.7), *gone]))
    assert table[["method", "place"]].values.tolist() == [["y", 1], ["x", 2]]


def test_halves_are_of_the_same_datasets_as_the_composite(scored: Scored) -> None:
    half = Record(dataset="b", method="x", seed=0, scores=(Score("bio", 0.1),))
    table = ranking(tidy([scored("a", "x", composite=0.5), half]))
    assert table[["overall", "bio", "batch"]].values.tolist() == [pytest.approx([0.5, 0.6, 0.35])]


def test_scores_by_type_do_not_enter(scored: Scored) -> None:
    record = scored("a", "x")
    record = Record(dataset="a", method="x", seed=0, scores=(*record.scores, Score("composite", 9.0, "T cell")))
    assert ranking(tidy([record]))["overall"].tolist() == [0.5]


def test_rows_are_tidy_and_say_why(rows: pd.DataFrame) -> None:
    runs = runs_of(rows)
    assert len(runs) == 15
    assert rows.groupby(["dataset", "method", "seed"]).size().loc[[("a", "half", 1), ("a", "first", 0)]].tolist() == [
        1,
        4,
    ]
    failed = rows[(rows["method"] == "half") & (rows["seed"] == 1)].iloc[0]
    assert (failed["score"], failed["status"], failed["reason"]) == ("", "failed", "No | more.")
    assert rows.loc[rows["score"] == "nmi", "mean"].unique().tolist() == ["bio"]


def test_rows_are_written_as_csv_and_as_parquet(rows: pd.DataFrame, tmp_path: Path) -> None:
    assert write_rows(rows, tmp_path) == ""
    again = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False, na_values={"value": [""], "spread": [""]})
    assert again["value"].tolist() == pytest.approx(rows["value"].tolist(), nan_ok=True)
    assert again[["dataset", "method", "score", "status"]].equals(rows[["dataset", "method", "score", "status"]])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), rows)


def test_without_pyarrow_there_is_csv_and_a_word(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.parquet").write_text("of a grid before")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'topocraft[benchmark]'" in write_rows(rows, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_the_page_shows_halves_failures_and_marks(rows: pd.DataFrame) -> None:
    plan = Plan(entries=(), title="Mine", note="A note.", facts={"time limit": "2 h"})
    lines = page(rows, plan, ["scores.png"]).splitlines()
    assert lines[:3] == ["# Mine", "", "A note."]
    assert "5 methods on `a` (100 cells, 2 batches), `b` (100 cells, 2 batches); seeds: 0, 1." in lines
    assert "| 1 | **first** | 0.575 | 0.675 | 0.425 | 0.650 ± 0.071 (2) | 0.500 ± 0.000 (1) |" in lines
    assert "| – | half (not on every dataset) | 0.900 | 1.000 | 0.750 | 0.900 (1; 1 of 2 runs) | – |" in lines
    assert "| – | edges (graph only) | – | – | – | – | – |" in lines
    assert "| – | cheat (sees cell types) | 0.900 | 1.000 | 0.750 | 0.950 | 0.850 |" in lines
    assert "| first | 0.75 / 0.50 | 0.60 / 0.35 |" in lines
    assert "| `a` | half | 1 | failed | No \\| more. |" in lines
    assert "![scores](scores.png)" in lines
    assert "| first | 2.0 s, 200 MB | 2.0 s, 200 MB |" in lines
    assert "time limit 2 h." in lines


def test_a_page_of_failures_alone_is_a_page() -> None:
    rows = tidy([Record(dataset="a", method="x", seed=0, status="failed", reason="No.")])
    text = page(rows, Plan(entries=()))
    assert "nothing is ranked" in text
    assert "| `a` | x | 0 | failed | No. |" in text
    assert "Time and memory" not in text
    assert "." not in text.splitlines(), "where no limit is known, no line of limits"


def test_the_page_counts_one_method_and_the_cells_that_quality_control_left_out(scored: Scored) -> None:
    rows = tidy([scored("a", "x", n_cells=1_063, n_left_out=937), scored("b", "x")])
    lines = page(rows, Plan(entries=())).splitlines()
    whole = "`a` (1,063 cells, 2 batches; 937 of 2,000 left out by quality control), `b` (100 cells, 2 batches)"
    assert f"1 method on {whole}; seeds: 0." in lines


def test_the_page_of_what_is_not_scored_has_no_ranking(scored: Scored) -> None:
    assert "Ranking" not in page(tidy([scored("a", "x", scores=())]), Plan(entries=()))
    undefined = (Score("composite", math.nan),)
    assert "nothing is ranked" in page(tidy([scored("a", "x", scores=undefined)]), Plan(entries=()))
