"""Tables and pictures of recipes show the numbers of the rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.stats import spearmanr

from topocraft.baselines.preparation import write_preparation
from topocraft.benchmark import tidy
from topocraft.benchmark.folder import Entry, Folder, Plan
from topocraft.benchmark.records import Record
from topocraft.data.cells import from_anndata
from topocraft.metrics.suite import Score
from topocraft.reproduce import RECIPES, Variant
from topocraft.reproduce.halves import halves_figure
from topocraft.reproduce.rates import type_rates, type_section, types_figure
from topocraft.reproduce.shown import write_shown
from topocraft.reproduce.sweeps import correlations, sweep_figure, sweep_section, sweep_table
from topocraft.reproduce.variants import variants_figure

Scored = Callable[..., Record]


def _folder(path: Path, records: list[Record]) -> Folder:
    folder = Folder(path)
    folder.create()
    entries = tuple(Entry(dataset=one.dataset, method=one.method, seed=one.seed, stem="s") for one in records)
    folder.write_plan(Plan(entries=entries, title="T"))
    return folder


def _halves(value: float) -> dict[str, float]:
    return {"composite": value, "bio": value + 0.1, "batch": value - 0.15}


def test_halves_are_drawn_where_they_are(scored: Scored) -> None:
    rows = tidy(
        [
            scored("a", "x", _halves(0.5)),
            scored("a", "y", _halves(0.7), kind="control"),
            scored("b", "x", _halves(0.6)),
        ]
    )
    first, second = halves_figure(rows).axes
    assert [panel.get_title(loc="left") for panel in (first, second)] == ["a", "b"]
    assert [marks.get_offsets().tolist()[0] for marks in first.collections] == [
        pytest.approx([0.35, 0.6]),
        pytest.approx([0.55, 0.8]),
    ]
    assert [text.get_text() for text in first.texts] == ["y"], "a control is named where it is"
    assert [text.get_text() for text in second.get_legend().get_texts()] == ["x"]
    line = first.lines[0].get_xydata()
    assert (0.6 * line[:, 1] + 0.4 * line[:, 0]).tolist() == pytest.approx([0.2, 0.2]), "of equal composite"


def test_variants_are_bars_by_dataset(scored: Scored) -> None:
    rows = tidy(
        [scored(d, m, _halves(v)) for d, m, v in (("a", "x", 0.5), ("a", "y", 0.4), ("b", "x", 0.3), ("b", "y", 0.2))]
    )
    composite, bio, _ = variants_figure(rows, ["x", "y"]).axes
    assert [bar.get_height() for bar in composite.patches] == pytest.approx([0.5, 0.3, 0.4, 0.2])
    assert [bar.get_height() for bar in bio.patches] == pytest.approx([0.6, 0.4, 0.5, 0.3])
    assert [text.get_text() for text in composite.texts] == ["0.50", "0.30", "0.40", "0.20"]


SWEEP = tuple(Variant(f"λ_T = {value:g}", {}, "λ_T", value) for value in (0, 1, 2, 5))


@pytest.fixture
def swept(scored: Scored) -> pd.DataFrame:
    true, free = (0.2, 0.6, 0.5, 0.4), (0.1, 0.9, 0.2, 0.3)
    records = [
        scored(
            "a",
            variant.name,
            {"nmi": one, "ari": one, "within_batch_nmi": other, "within_batch_ari": one, "bio": one, "batch": 0.5},
        )
        for variant, one, other in zip(SWEEP, true, free, strict=True)
    ]
    return tidy([*records, scored("a", "harmony", {"nmi": 0.9})])


def test_sweeps_are_in_the_order_of_their_values_and_correlated_by_rank(swept: pd.DataFrame) -> None:
    table = sweep_table(swept, (*SWEEP[::-1], Variant("default")))
    assert table["value"].tolist() == [0, 1, 2, 5]
    assert table["nmi"].tolist() == pytest.approx([0.2, 0.6, 0.5, 0.4])
    found = correlations(table).iloc[0]
    assert found["nmi"] == pytest.approx(spearmanr([0.2, 0.6, 0.5, 0.4], [0.1, 0.9, 0.2, 0.3]).statistic)
    assert found["ari"] == pytest.approx(1)
    assert found["values"] == 4
    assert math.isnan(correlations(table.iloc[:3])["nmi"].iloc[0]), "three values rank too easily"
    text = sweep_section(table)
    assert "A – stands where one of the two is constant along the sweep, or fewer than 4 values are known." in text
    assert "| `a` | λ_T | 4 | 0.80 | 1.00 | 0.80 |" in text
    assert "| `a` | λ_T | 5 | 0.400 | 0.400 | 0.300 | 0.400 | 0.400 | 0.500 | – |" in text


def test_sweeps_are_drawn_with_and_without_labels(swept: pd.DataFrame) -> None:
    (panel,) = sweep_figure(sweep_table(swept, SWEEP)).axes
    lines = {line.get_label(): line for line in panel.lines}
    assert lines["NMI"].get_xydata().tolist() == [[0, 0.2], [1, 0.6], [2, 0.5], [5, 0.4]]
    assert lines["NMI, no labels"].get_ydata().tolist() == [0.1, 0.9, 0.2, 0.3]
    assert (lines["NMI"].get_linestyle(), lines["NMI, no labels"].get_linestyle()) == ("-", "--")
    assert panel.get_title(loc="left") == "a\nrank correlation: NMI 0.80, ARI 1.00"
    assert panel.get_ylabel() == "score"


def test_sweeps_without_any_score_are_empty() -> None:
    rows = tidy([Record(dataset="a", method="λ_T = 0", seed=0, status="failed", reason="No.")])
    assert len(sweep_table(rows, SWEEP)) == 0
    assert sweep_section(sweep_table(rows, SWEEP)) == ""


@pytest.fixture
def typed(tmp_path: Path, cells: AnnData) -> tuple[Folder, pd.DataFrame]:
    folder = Folder(tmp_path)
    folder.create()
    labels = cells.obs["celltype"].astype(object).to_numpy()
    write_preparation(from_anndata(cells, "batch"), folder.dataset("p"), labels=labels)
    entry = Entry(dataset="a", method="x", seed=0, stem="s", prepared="p")
    folder.write_plan(Plan(entries=(entry,), title="T"))
    rates = {("rare", "positive_rate"): (0.5, 0.7), ("rare", "true_positive_rate"): (0.3, 0.5)}
    rates[("common 1", "positive_rate")] = (1.0, 0.8)
    records = [
        Record(
            dataset="a",
            method="x",
            seed=seed,
            scores=tuple(Score(score, values[seed], part) for (part, score), values in rates.items()),
        )
        for seed in (0, 1)
    ]
    return folder, tidy(records)


def test_rates_by_type_come_with_the_sizes_of_types(typed: tuple[Folder, pd.DataFrame], cells: AnnData) -> None:
    table = type_rates(typed[1], typed[0])
    counted = cells.obs["celltype"].value_counts()
    assert table["type"].tolist() == ["rare", "common 1"]
    assert table["cells"].tolist() == [counted["rare"], counted["common 1"]]
    assert table["share"].tolist() == pytest.approx([counted["rare"] / 160, counted["common 1"] / 160])
    assert table["positive"].tolist() == pytest.approx([0.6, 0.9])
    assert table["true positive"].tolist() == pytest.approx([0.4, math.nan], nan_ok=True)
    assert f"| rare ({counted['rare'] / 160:.1%}) | 0.40 / 0.60 |" in type_section(table)
    assert "| – / 0.90 |" in type_section(table)


def test_rare_types_are_drawn(typed: tuple[Folder, pd.DataFrame]) -> None:
    table = type_rates(typed[1], typed[0]).assign(share=[0.02, 0.5])
    (panel,) = [panel for panel in types_figure(table).axes if panel.axison]
    assert panel.get_title(loc="left") == "rare, 2.0%\na"
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([0.6, 0.4])
    assert [text.get_text() for text in panel.texts] == ["0.40 / 0.60"]
    gaps = table.assign(share=0.02, **{"true positive": [0.0, math.nan], "positive": [0.0, 0.9]})
    told = [[(text.get_text(), text.xy[0]) for text in one.texts] for one in types_figure(gaps).axes]
    assert told == [[("0.00 / 0.00", 0.0)], [("NA / 0.90", 0.9)]], "nothing and not known are told apart"
    common = types_figure(table.assign(share=[0.3, 0.5]))
    assert common.axes[0].get_title(loc="left") == "rare, 30.0%\na", "where none is rare, the smallest"


def test_growth_is_a_table_of_slopes(tmp_path: Path) -> None:
    records = [
        Record(dataset=str(n), method="x", seed=0, n_cells=n, wall_seconds=n / 5, peak_bytes=1e6 * n**0.5)
        for n in (100, 1000, 10_000)
    ]
    folder = _folder(tmp_path, records)
    paths = write_shown(RECIPES["scalability"], folder.path, tidy(records))
    assert [path.name for path in paths] == ["scalability.md", "scalability.csv", "scalability.png"]
    text = paths[0].read_text()
    assert "| x | 1.00 | 0.50 | 3 |" in text
    assert "## Ranking" not in text
    assert pd.read_csv(paths[1])["wall_seconds"].tolist() == [20, 200, 2000]


@pytest.mark.parametrize("name", ["fig2-real", "nested", "rare-types", "scalability", "ablation", "sweeps"])
def test_a_recipe_of_which_nothing_ended_well_has_a_page_and_no_picture(name: str, tmp_path: Path) -> None:
    variants = [variant.name for variant in RECIPES[name].variants] or ["x"]
    records = [Record(dataset="a", method=one, seed=0, status="failed", reason="No.") for one in variants]
    folder = _folder(tmp_path, records)
    (tmp_path / f"{name}.png").write_text("of a run before")
    paths = write_shown(RECIPES[name], folder.path, tidy(records))
    assert [path.suffix for path in paths] == [".md", ".csv"]
    assert not (tmp_path / f"{name}.png").exists()
    assert "What did not end well" in paths[0].read_text()


def test_numbers_are_means_over_seeds(scored: Scored) -> None:
    rows = tidy([scored("a", SWEEP[0].name, {"nmi": value}, seed=seed) for seed, value in enumerate((0.2, 0.4))])
    assert sweep_table(rows, SWEEP)["nmi"].tolist() == pytest.approx([np.mean([0.2, 0.4])])
