"""What of an AnnData is judged: which cells are left out and counted, and how everything is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import topocraft
from topocraft.evaluation.judged import read_judged, read_values

KEYS = {"batch_key": "batch", "label_key": "celltype"}


def _score(adata: AnnData, **how: Any) -> pd.DataFrame:
    given = {**KEYS, "embeddings": ["X_types"], "unintegrated": "X_before", "controls": False, **how}
    return topocraft.evaluate(adata, **given)


def _values(scores: pd.DataFrame) -> dict[Any, float]:
    found: dict[Any, float] = scores.set_index(["embedding", "score", "part"])["value"].to_dict()
    return found


def test_cells_without_a_type_are_left_out_and_counted(copy: AnnData) -> None:
    copy.obs["celltype"] = copy.obs["celltype"].astype(object)
    copy.obs.loc[copy.obs_names[:7], "celltype"] = np.nan
    copy.obs.loc[copy.obs_names[7:9], "celltype"] = ""
    found = _score(copy)
    assert (found.attrs["n_cells"], found.attrs["n_left_out"]) == (231, 9)
    assert found.attrs["cautions"][0] == "9 cells without a cell type are left out."
    assert _values(found) == _values(_score(copy[9:].copy()))


def test_cells_that_quality_control_set_aside_may_have_no_coordinates(copy: AnnData) -> None:
    aside = np.zeros(copy.n_obs, dtype=bool)
    aside[10:30] = True
    copy.obs["topocraft_set_aside"] = aside
    copy.obsm["X_types"][10:26] = np.nan
    copy.obs.loc[copy.obs_names[20:22], "celltype"] = np.nan
    found = _score(copy)
    assert (found.attrs["n_cells"], found.attrs["n_left_out"]) == (224, 16)
    assert found.attrs["cautions"][:2] == [
        "2 cells without a cell type are left out.",
        "14 cells set aside by quality control and without coordinates are left out.",
    ]
    assert _values(found) == _values(_score(copy[np.r_[:10, 26:240]].copy()))


def test_a_cell_left_out_of_one_embedding_is_left_out_of_all(copy: AnnData) -> None:
    copy.obs["topocraft_set_aside"] = np.arange(copy.n_obs) < 5
    copy.obsm["X_types"][:5] = np.nan
    judged = read_judged(copy, "batch", "celltype", ["X_types", "X_batches"], ["place"])
    assert judged.covariates["place"].tolist() == copy.obs["place"][5:].tolist()
    assert np.flatnonzero(~judged.kept).tolist() == [0, 1, 2, 3, 4]
    assert {name: array.shape for name, array in judged.embeddings.items()} == {
        "X_types": (235, 6),
        "X_batches": (235, 6),
    }
    assert (judged.embeddings["X_batches"] == copy.obsm["X_batches"][5:]).all()
    assert judged.batch.tolist() == copy.obs["batch"][5:].tolist()


@pytest.mark.parametrize("kind", ["sparse", "frame", "float64", "integers"])
def test_embeddings_of_every_kind_are_read_alike(kind: str, copy: AnnData) -> None:
    points = np.rint(copy.obsm["X_types"] * 8)
    copy.obsm["X_types"] = points
    plain = read_judged(copy, "batch", None, ["X_types"]).embeddings["X_types"]
    copy.obsm["X_types"] = {
        "sparse": sparse.csr_matrix(points),
        "frame": pd.DataFrame(points, index=copy.obs_names, columns=list("abcdef")),
        "float64": points.astype(np.float64),
        "integers": points.astype(np.int64),
    }[kind]
    other = read_judged(copy, "batch", None, ["X_types"]).embeddings["X_types"]
    assert other.dtype == plain.dtype == np.float32
    assert (other == plain).all()


def test_one_dimension_is_enough_and_a_name_twice_is_one(copy: AnnData) -> None:
    copy.obsm["X_line"] = copy.obsm["X_types"][:, :1]
    found = _score(copy, embeddings=["X_line", "X_types", "X_line"])
    assert found["embedding"].unique().tolist() == ["X_line", "X_types"]


def test_one_name_may_be_given_as_text(cells: AnnData) -> None:
    judged = read_judged(cells, "batch", "celltype", "X_types", "place")
    assert list(judged.embeddings) == ["X_types"]
    assert judged.covariates["place"].tolist() == cells.obs["place"].tolist()


def test_a_covariate_may_be_missing_in_some_cells(copy: AnnData) -> None:
    known = np.arange(copy.n_obs) % 3 > 0
    copy.obs["some"] = copy.obs["place"].where(known)
    copy.obs["whole"] = pd.array([None, *range(239)], dtype="Int64")
    found = _score(copy, continuous=["some", "whole"]).set_index(["score", "part"])
    points, place, batch = (
        values[known] for values in (copy.obsm["X_types"], copy.obs["place"].to_numpy(), copy.obs["batch"].to_numpy())
    )
    assert found.loc[("knn_r2", "some"), "value"] == pytest.approx(topocraft.metrics.knn_r2(points, place))
    assert found.loc[("cross_batch_r2", "some"), "value"] == pytest.approx(
        topocraft.metrics.cross_batch_r2(points, place, batch.astype(str))
    )
    assert np.isfinite(found.loc[("knn_r2", "whole"), "value"])


@pytest.mark.parametrize(
    ("values", "reason"), [([7.0, None], "Fewer than two cells"), ([7.0, 7.0], "is 7 in all cells")]
)
def test_a_covariate_that_says_nothing_is_na_with_its_reason(
    values: list[float | None], reason: str, copy: AnnData
) -> None:
    copy.obs["dose"] = [*values, *[None] * 238]
    copy.obs["dose"] = copy.obs["dose"].astype(float)
    found = _score(copy, label_key=None, continuous="dose")
    rows = found[found["part"] == "dose"]
    assert rows["score"].tolist() == ["knn_r2", "knn_error", "cross_batch_r2"]
    assert rows["value"].isna().all()
    assert rows["reason"].str.contains(reason).any()
    assert (rows["reason"] != "").all()


def test_values_are_the_components_or_the_logarithms_of_genes(cells: AnnData) -> None:
    assert (read_values(cells, "batch", "X_before", None) == cells.obsm["X_before"]).all()
    genes = read_values(cells, "batch", None, None)
    counts = cells.X.toarray()
    seen = (counts > 0).sum(axis=0) >= 3
    assert genes.shape == (240, seen.sum())
    by_name = np.flatnonzero(seen)[np.argsort(cells.var_names[seen].astype(str))]
    logarithms = np.log1p(counts * (1e4 / counts.sum(axis=1, keepdims=True)))[:, by_name]
    assert np.corrcoef(np.asarray(genes.todense()).ravel(), logarithms.ravel())[0, 1] > 0.99
