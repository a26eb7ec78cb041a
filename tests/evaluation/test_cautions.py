"""What a reader must know: said where it is so, and not said where it is not."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft
from topocraft.evaluation.cautions import design_cautions, label_cautions, score_cautions
from topocraft.metrics.catalogue import CATALOGUE

CONFOUNDED = "Confounded: no cell type is found in two batches, so that mixing cannot be told from loss."


def _design(counts: dict[str, str], each: int = 40) -> list[str]:
    """Speak of batches that hold ``each`` cells of every type whose letter is in their text."""
    layout = [(batch, kind) for batch, kinds in counts.items() for kind in kinds]
    batch, labels = (np.repeat(column, each) for column in zip(*layout, strict=True))
    return design_cautions(batch, labels)


def test_a_crossed_design_needs_no_words() -> None:
    assert _design({"x": "abc", "y": "abc", "z": "abc"}) == []
    assert design_cautions(np.repeat(["x", "y"], 40), None) == []


def test_a_confounded_design_is_said_once() -> None:
    assert _design({"x": "ab", "y": "cd", "z": "e"}) == [CONFOUNDED]


def test_types_in_one_batch_are_counted_and_named() -> None:
    assert _design({"x": "abc", "y": "abd"}) == [
        "2 of 4 cell types are found in one batch only and left out of mixing within types: 'c', 'd'."
    ]


def test_a_nested_design_is_told_by_its_pairs() -> None:
    said = _design({"v": "ab", "w": "ab", "x": "cd", "y": "cd"})
    assert said == ["Nested: 4 of 6 pairs of batches share no cell type. ASW batch is blind to that; read BRAS."]
    assert _design({"v": "ab", "w": "bc", "x": "ca"}) == [], "a chain in which every pair shares one"


def test_pairs_of_many_batches_are_counted_as_by_hand() -> None:
    generator = np.random.default_rng(0)
    kinds = {f"b{number:03d}": "".join(generator.choice(list("abcdefgh"), 2, replace=False)) for number in range(150)}
    apart = sum(not set(kinds[one]) & set(kinds[two]) for one, two in itertools.combinations(kinds, 2))
    assert any(f"Nested: {apart:,} of 11,175 pairs" in said for said in _design(kinds, each=30))


def test_small_types_and_small_batches_are_named() -> None:
    batch = np.repeat(["x", "y", "z"], [50, 50, 29])
    labels = np.array(["a"] * 129, dtype=object)
    labels[[0, 1, 2, 3, 60, 61, 62, 63, 100]] = "b"
    labels[[4, 64]] = "rare"
    assert design_cautions(batch, labels) == [
        "Types of fewer than 10 cells are left out of bLISI, CiLISI and kBET: 'b', 'rare'.",
        "Batches of fewer than 30 cells say little: 'z'.",
    ]
    labels[5] = "b"
    assert "kBET: 'rare'." in design_cautions(batch, labels)[0], "ten are enough"
    assert design_cautions(np.repeat(["x", "z"], [50, 30]), None) == []


@pytest.mark.parametrize(
    ("provenance", "embeddings", "label_key", "named"),
    [
        ({}, ["X_topocraft", "X_scVI"], "celltype", None),
        ({}, ["X_scANVI", "scPoli", "X_scgen_2", "X_emb"], "celltype", "'X_scANVI', 'scPoli', 'X_scgen_2'"),
        ({}, ["X_semi_supervised", "X_unsupervised", "self-supervised"], "celltype", "'X_semi_supervised'"),
        ({"annotation": {"labels_low": "celltype"}}, ["X_topocraft"], "celltype", "'X_topocraft'"),
        ({"annotation": {"labels_high": "celltype"}}, ["X_pca", "X_topocraft"], "celltype", "'X_topocraft'"),
        ({"annotation": {"labels_low": "celltype"}}, ["X_pca"], "celltype", None),
        ({"annotation": {"labels_low": "coarse"}}, ["X_topocraft"], "celltype", None),
        ({"annotation": {"labels_low": "celltype"}}, ["X_topocraft"], None, None),
        ({"annotation": {}}, ["X_topocraft"], "celltype", None),
    ],
)
def test_embeddings_that_saw_the_labels_are_named(
    provenance: dict[str, Any], embeddings: list[str], label_key: str | None, named: str | None
) -> None:
    said = label_cautions(provenance, embeddings, label_key)
    if named is None:
        assert said == []
    else:
        assert said == [f"Trained with labels, so that scores from labels flatter it: {named}."]


def _table(**values: dict[str, float]) -> pd.DataFrame:
    """Make a table of whole scores: name of an embedding → scores."""
    rows = [
        (name, "control" if name == "unintegrated" else "embedding", score, "", value, CATALOGUE[score].mean)
        for name, scores in values.items()
        for score, value in scores.items()
    ]
    return pd.DataFrame(rows, columns=["embedding", "kind", "score", "part", "value", "mean"])


def test_a_score_at_its_top_before_and_after_is_saturated() -> None:
    full = {"clisi": 0.99, "graph_connectivity": 0.985, "nmi": 0.97, "ilisi": 1.0}
    assert score_cautions(_table(X_mine=full, unintegrated={**full, "graph_connectivity": 0.9})) == [
        "Saturated, integrated or not (above 0.98), so that they add a constant: 'cLISI'."
    ]
    assert score_cautions(_table(X_mine={**full, "clisi": 0.97}, unintegrated=full)) != []
    assert (
        score_cautions(_table(X_mine={**full, "clisi": 0.97}, unintegrated={**full, "graph_connectivity": 0.5})) == []
    )
    assert score_cautions(_table(X_mine=full)) == [], "who knows what it was before?"


def test_batch_means_that_were_subtracted_are_suspected() -> None:
    said = score_cautions(_table(X_a={"pcr": 0.996}, X_b={"pcr": 0.99}, unintegrated={"pcr": 0.0}))
    assert said == ["PCR batch is nearly 1 for 'X_a': subtracting batch means does that by construction, mixed or not."]


def test_subtracted_batch_means_are_found_out(copy: AnnData) -> None:
    points = copy.obsm["X_before"].copy()
    for batch in copy.obs["batch"].cat.categories:
        own = (copy.obs["batch"] == batch).to_numpy()
        points[own] -= points[own].mean(axis=0)
    copy.obsm["X_centred"] = points
    scores = topocraft.evaluate(
        copy, "batch", "celltype", embeddings=["X_centred"], unintegrated="X_before", controls=False
    )
    assert any("PCR batch is nearly 1 for 'X_centred'" in said for said in scores.attrs["cautions"])


@pytest.mark.parametrize("junk", ["junk", 3, {"annotation": "celltype"}])
def test_a_record_that_no_integration_writes_says_nothing(copy: AnnData, junk: object) -> None:
    copy.uns["topocraft"] = junk
    copy.obsm["X_topocraft"] = copy.obsm["X_types"]
    how = {"unintegrated": "X_before", "controls": False}
    scores = topocraft.evaluate(copy, "batch", "celltype", embeddings=["X_topocraft"], **how)
    assert not any("Trained with labels" in said for said in scores.attrs["cautions"])


def test_cautions_come_with_the_scores(copy: AnnData) -> None:
    copy.uns["topocraft"] = {"annotation": {"labels_low": "celltype"}}
    copy.obsm["X_topocraft"], copy.obsm["X_scanvi"] = copy.obsm["X_types"], copy.obsm["X_types"]
    how = {"unintegrated": "X_before", "controls": False}
    scores = topocraft.evaluate(copy, "batch", "celltype", embeddings=["X_topocraft", "X_scanvi"], **how)
    assert scores.attrs["cautions"] == [
        "1 of 6 cell types are found in one batch only and left out of mixing within types: 'one batch'.",
        "Types of fewer than 10 cells are left out of bLISI, CiLISI and kBET: 'rare'.",
        "Trained with labels, so that scores from labels flatter it: 'X_scanvi', 'X_topocraft'.",
    ]
    copy.obs["kind"] = "of " + copy.obs["batch"].astype(str)
    assert CONFOUNDED in topocraft.evaluate(copy, "batch", "kind", **how).attrs["cautions"]
