"""The table of scores: its shape, the numbers of the functions behind it, and the same numbers in another order."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft
from topocraft import metrics
from topocraft.evaluation import CONTROLS
from topocraft.evaluation.scoring import _scaled
from topocraft.metrics.catalogue import CATALOGUE

COLUMNS = ["embedding", "kind", "score", "part", "value", "spread", "scaled", "mean", "reason"]
TYPES = {"common 1", "common 2", "one batch", "rare", "sibling 1", "sibling 2"}
LABEL_FREE = {"pcr", "ilisi", "within_batch_nmi", "within_batch_ari"}
KEYS = {"batch_key": "batch", "label_key": "celltype"}


def _value(scores: pd.DataFrame, embedding: str, score: str, part: str = "") -> float:
    rows = scores[(scores["embedding"] == embedding) & (scores["score"] == score) & (scores["part"] == part)]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def _values(scores: pd.DataFrame) -> pd.Series:
    return scores.set_index(["embedding", "score", "part"])["value"]


def test_the_table_is_tidy(scores: pd.DataFrame) -> None:
    assert scores.columns.tolist() == COLUMNS
    assert scores.index.equals(pd.RangeIndex(len(scores)))
    assert not scores.duplicated(["embedding", "score", "part"]).any()
    assert scores["embedding"].unique().tolist() == ["X_types", "X_batches", *CONTROLS]
    kinds = scores.groupby("embedding")["kind"].unique().map(list)
    assert kinds.to_dict() == {"X_types": ["embedding"], "X_batches": ["embedding"]} | {
        name: ["control"] for name in CONTROLS
    }
    rows = set(zip(scores["embedding"], scores["score"], scores["part"], strict=True))
    covariate = {name for name, fact in CATALOGUE.items() if fact.needs == "covariate"}
    for name in scores["embedding"].unique():
        whole = {score for embedding, score, part in rows if embedding == name and part == ""}
        assert whole == set(CATALOGUE) - covariate
        assert {score for embedding, score, part in rows if embedding == name and part == "place"} == covariate
        of_rate, of_kbet = (
            {part for embedding, score, part in rows if (embedding, score) == (name, wanted)}
            for wanted in ("positive_rate", "kbet")
        )
        assert of_rate == {"", *TYPES}
        assert of_kbet == {"", *TYPES} - {"one batch", "rare"}, "one in one batch, one of few cells"


def test_a_mean_is_named_where_a_score_enters_it(scores: pd.DataFrame) -> None:
    own = scores[scores["embedding"] == "X_types"]
    assert own.loc[own["mean"] == "bio", "score"].tolist() == ["nmi", "ari", "asw_label", "clisi"]
    assert own.loc[own["mean"] == "batch", "score"].tolist() == [
        "asw_batch", "pcr", "graph_connectivity", "kbet", "blisi", "true_positive_rate",
    ]  # fmt: skip
    assert set(own["mean"]) == {"bio", "batch", ""}


def test_the_attributes_tell_how_it_came_about(scores: pd.DataFrame) -> None:
    assert scores.attrs["seed"] == 0
    assert (scores.attrs["n_cells"], scores.attrs["n_left_out"]) == (240, 0)
    assert scores.attrs["versions"]["topocraft"] == topocraft.__version__
    assert scores.attrs["versions"]["numpy"] == np.__version__
    assert {"score suite", "scipy", "scikit-learn", "igraph"} <= set(scores.attrs["versions"])
    assert any("'one batch'" in caution for caution in scores.attrs["cautions"])


def _called(points: np.ndarray, before: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Call the functions themselves, on the arrays alone."""
    clusters = metrics.within_batch_clusters(before, batch)
    own_nmi, own_ari = metrics.within_batch_agreement(points, batch, clusters)
    kbet_at = metrics.kbet_at(metrics.neighbors_within_types(points, labels, 89), batch)
    return {
        "nmi": metrics.nmi(points, labels),
        "ari": metrics.ari(points, labels),
        "asw_label": metrics.asw_label(points, labels),
        "clisi": metrics.clisi(points, labels),
        "asw_batch": metrics.asw_batch(points, batch, labels),
        "pcr": metrics.pcr(before, points, batch),
        "graph_connectivity": metrics.graph_connectivity(points, labels),
        "kbet": metrics.kbet_within_types(points, batch, labels),
        "blisi": metrics.blisi(points, batch, labels),
        "true_positive_rate": metrics.true_positive_rate(points, batch, labels),
        "bras": metrics.bras(points, batch, labels),
        "ilisi": metrics.ilisi(points, batch),
        "cilisi": metrics.cilisi(points, batch, labels),
        **{f"kbet_{k}": value for k, value in kbet_at.items()},
        "mixing": float(np.nanmean(metrics.mixing_map(points, batch, labels))),
        "positive_rate": metrics.positive_rate(points, labels),
        "isolated_label_f1": metrics.isolated_label_f1(points, batch, labels),
        "isolated_label_asw": metrics.isolated_label_asw(points, batch, labels),
        "scgraph": metrics.scgraph(points, labels, metrics.reference_distances(before, batch, labels)),
        "within_batch_nmi": own_nmi,
        "within_batch_ari": own_ari,
    }


@pytest.mark.parametrize("name", ["X_types", "X_batches", "unintegrated"])
def test_values_are_those_of_the_functions(name: str, cells: AnnData, scores: pd.DataFrame) -> None:
    points = cells.obsm["X_before" if name == "unintegrated" else name]
    batch, labels = (cells.obs[key].to_numpy().astype(str) for key in ("batch", "celltype"))
    called = _called(points, cells.obsm["X_before"], batch, labels)
    assert set(called) == set(CATALOGUE) - {
        "knn_r2", "knn_error", "cross_batch_r2", "f1_lisi", "bio", "batch", "composite",
    }  # fmt: skip
    assert {score: _value(scores, name, score) for score in called} == pytest.approx(called, abs=1e-6)
    place = cells.obs["place"].to_numpy()
    assert _value(scores, name, "knn_r2", "place") == pytest.approx(metrics.knn_r2(points, place), abs=1e-6)
    assert _value(scores, name, "knn_error", "place") == pytest.approx(metrics.knn_error(points, place), abs=1e-6)
    across = metrics.cross_batch_r2(points, place, batch)
    assert _value(scores, name, "cross_batch_r2", "place") == pytest.approx(across, abs=1e-6)
    of_types = metrics.kbet_per_type(points, batch, labels)
    assert {part: _value(scores, name, "kbet", part) for part in of_types} == pytest.approx(of_types, abs=1e-6)


def test_planted_embeddings_get_the_scores_that_they_deserve(scores: pd.DataFrame) -> None:
    for name in ("X_types", "type oracle"):
        for score in ("nmi", "ari", "asw_label", "clisi", "graph_connectivity", "kbet", "true_positive_rate"):
            assert _value(scores, name, score) > 0.9, (name, score)
        assert _value(scores, name, "knn_r2", "place") > 0.95
    for score in ("kbet", "blisi", "cilisi", "ilisi", "pcr", "true_positive_rate", "ari"):
        assert _value(scores, "X_batches", score) < 0.05, score
    assert _value(scores, "X_batches", "knn_r2", "place") < 0.05
    assert _value(scores, "unintegrated", "pcr") == pytest.approx(0, abs=1e-9)
    assert _value(scores, "batch islands", "kbet") == 0
    assert _value(scores, "batch islands", "clisi") > 0.95
    assert _value(scores, "batches shuffled", "kbet") > 0.95
    assert _value(scores, "batches shuffled", "clisi") == pytest.approx(_value(scores, "unintegrated", "clisi"))
    assert _value(scores, "types shuffled", "ari") < 0.05
    assert _value(scores, "types shuffled", "ilisi") == pytest.approx(_value(scores, "unintegrated", "ilisi"))


def test_means_are_those_of_their_members(scores: pd.DataFrame) -> None:
    for name in scores["embedding"].unique():
        bio = [_value(scores, name, score) for score in ("nmi", "ari", "asw_label", "clisi")]
        batch = [
            _value(scores, name, score)
            for score in ("asw_batch", "pcr", "graph_connectivity", "kbet", "blisi", "true_positive_rate")
        ]
        assert _value(scores, name, "bio") == pytest.approx(sum(bio) / 4)
        assert _value(scores, name, "batch") == pytest.approx(sum(batch) / 6)
        assert _value(scores, name, "composite") == pytest.approx(0.6 * sum(bio) / 4 + 0.4 * sum(batch) / 6)
        clisi, blisi = _value(scores, name, "clisi"), _value(scores, name, "blisi")
        assert _value(scores, name, "f1_lisi") == pytest.approx(2 * clisi * blisi / (clisi + blisi))


def test_scaled_runs_from_the_worst_control_to_the_best() -> None:
    made = pd.DataFrame(
        [
            ("mine", "embedding", "nmi", "", 0.9),
            ("low", "control", "nmi", "", 0.2),
            ("middle", "control", "nmi", "", 0.4),
            ("high", "control", "nmi", "", 0.7),
            ("mine", "embedding", "knn_error", "age", 3.0),
            ("low", "control", "knn_error", "age", 4.0),
            ("middle", "control", "knn_error", "age", math.nan),
            ("high", "control", "knn_error", "age", 2.0),
            ("mine", "embedding", "knn_error", "dose", 30.0),
            ("low", "control", "knn_error", "dose", 40.0),
            ("high", "control", "knn_error", "dose", 0.0),
            ("mine", "embedding", "pcr", "", 0.3),
            ("low", "control", "pcr", "", 0.5),
            ("high", "control", "pcr", "", 0.5),
            ("mine", "embedding", "ari", "", 0.3),
        ],
        columns=["embedding", "kind", "score", "part", "value"],
    ).assign(spread=math.nan, mean="", reason="")
    assert _scaled(made)["scaled"].tolist() == pytest.approx(
        [1.4, 0, 0.4, 1, 0.5, 0, math.nan, 1, 0.25, 0, 1, math.nan, math.nan, math.nan, math.nan], nan_ok=True
    )


def test_the_best_and_the_worst_control_are_one_and_zero(scores: pd.DataFrame) -> None:
    controls = scores[(scores["kind"] == "control") & scores["scaled"].notna()]
    assert len(controls) > 200
    for (score, _), rows in controls.groupby(["score", "part"]):
        assert rows["scaled"].min() == pytest.approx(0)
        assert rows["scaled"].max() == pytest.approx(1)
        best = rows.loc[rows["scaled"].idxmax(), "value"]
        assert best == (rows["value"].min() if score == "knn_error" else rows["value"].max())
    errors = scores[(scores["score"] == "knn_error") & (scores["embedding"] == "X_batches")]
    assert errors["scaled"].item() < 0.1, "the larger error is the worse"


def test_without_types_only_scores_that_need_none_are_given(cells: AnnData) -> None:
    found = topocraft.evaluate(cells, "batch", embeddings="X_types", unintegrated="X_before")
    assert set(found["score"]) == LABEL_FREE
    assert set(found["part"]) == {""}
    assert found["embedding"].unique().tolist() == ["X_types", "unintegrated", "types shuffled", "batch islands"]
    assert found["value"].notna().all()
    assert _value(found, "batch islands", "ilisi") == pytest.approx(0, abs=1e-6)
    assert _value(found, "X_types", "ilisi") == pytest.approx(
        metrics.ilisi(cells.obsm["X_types"], cells.obs["batch"].to_numpy().astype(str))
    )


def test_controls_can_be_left_out(cells: AnnData, scores: pd.DataFrame) -> None:
    found = topocraft.evaluate(cells, **KEYS, embeddings=["X_types"], unintegrated="X_before", controls=False)
    assert found["embedding"].unique().tolist() == ["X_types"]
    assert found["scaled"].isna().all()
    beside = scores[(scores["embedding"] == "X_types") & (scores["part"] != "place")]
    pd.testing.assert_frame_equal(
        found.drop(columns="scaled"), beside.drop(columns="scaled").reset_index(drop=True), check_like=True
    )


def test_what_is_undefined_is_na_with_its_reason_and_means_are_of_the_rest(copy: AnnData) -> None:
    copy.obs["kind"] = ("of " + copy.obs["batch"].astype(str)).astype("category")
    found = topocraft.evaluate(copy, "batch", "kind", embeddings="X_types", unintegrated="X_before", controls=False)
    undefined = found[found["value"].isna()].set_index("score")
    assert set(undefined.index) == {
        "asw_batch", "kbet", "blisi", "bras", "cilisi", "kbet_10", "kbet_25", "kbet_50", "kbet_70", "mixing", "f1_lisi",
        "scgraph", "true_positive_rate",
    }  # fmt: skip
    assert undefined["reason"].str.endswith(".").all()
    assert undefined.loc["mixing", "reason"].startswith("Every cell type is found in one batch only")
    defined = [_value(found, "X_types", score) for score in ("pcr", "graph_connectivity")]
    assert _value(found, "X_types", "batch") == pytest.approx(np.mean(defined))
    reasons = found.set_index("score")["reason"]
    for score in ("asw_batch", "kbet", "blisi"):
        assert f"{score} is undefined ({undefined.loc[score, 'reason']})" in reasons["batch"]
        assert f"{score} is undefined" in reasons["composite"]
    assert reasons["bio"] == ""
    assert found.loc[found["value"].notna() & ~found["score"].isin(["batch", "composite"]), "reason"].eq("").all()


def test_an_embedding_that_collapsed_is_told_from_one_that_is_bad(copy: AnnData) -> None:
    copy.obsm["X_none"] = np.ones((copy.n_obs, 4))
    found = topocraft.evaluate(copy, **KEYS, embeddings=["X_none"], unintegrated="X_before", controls=False)
    row = found[found["score"] == "pcr"].iloc[0]
    assert math.isnan(row["value"])
    assert row["reason"].startswith("All cells coincide after integration")


def test_progress_counts_every_score_of_every_embedding(cells: AnnData, heard) -> None:
    topocraft.evaluate(cells, "batch", embeddings="X_types", unintegrated="X_before", progress=heard)
    assert heard.phases == [("prepare", None), ("score", 4 * len(LABEL_FREE))]
    assert heard.notes.count("X_types") == len(LABEL_FREE)
    assert len(heard.notes) == 4 * len(LABEL_FREE)
    assert heard.warnings == []
