"""The report: every type before and after, nothing invented where nothing is defined."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.data.cells import Cells, from_anndata
from topocraft.data.columns import cell_types
from topocraft.errors import InputError
from topocraft.report import summarise
from topocraft.simulate.demo import demo_cells


@pytest.fixture(scope="module")
def adata() -> AnnData:
    return demo_cells(n_cells=300, n_genes=100)


@pytest.fixture(scope="module")
def cells(adata: AnnData) -> Cells:
    return from_anndata(adata, "batch")


def _points(adata: AnnData, by: str) -> np.ndarray:
    """Put each category of a column in a heap of its own."""
    codes = adata.obs[by].cat.codes.to_numpy()
    noise = np.random.default_rng(0).normal(size=(adata.n_obs, 2))
    return np.column_stack([noise, 100.0 * np.eye(codes.max() + 1)[codes]])


def test_from_batches_apart_to_types_apart(adata: AnnData, cells: Cells) -> None:
    labels = cell_types(adata.obs, "celltype")
    report = summarise("celltype", labels, cells, _points(adata, "batch"), _points(adata, "celltype"))
    assert [row.name for row in report.rows][:2] == ["common 1", "common 2"]
    assert [row.cells for row in report.rows] == sorted((row.cells for row in report.rows), reverse=True)
    assert sum(row.cells for row in report.rows) == 300
    for row in report.rows:
        assert row.kept.after == 1.0
        assert row.kept.before < 0.7
    common, one_batch = report.rows[0], next(row for row in report.rows if row.name == "one batch")
    assert common.batches == ("large", "medium", "small")
    assert common.mixed.before < 0.05
    assert common.mixed.after > 0.9
    assert one_batch.batches == ("medium",)
    assert np.isnan([one_batch.mixed.before, one_batch.mixed.after]).all()
    assert report.nmi.after > 0.9 > 0.3 > report.nmi.before
    assert report.ari.after > report.ari.before
    assert (report.n_batches, report.n_unscored) == (3, 0)


def test_ari_and_nmi_know_the_best_and_the_worst(adata: AnnData, cells: Cells) -> None:
    labels = adata.obs["batch"].to_numpy().astype(object)
    noise = np.random.default_rng(0).normal(size=(300, 5))
    report = summarise("batch", labels, cells, noise, _points(adata, "batch"))
    assert report.ari.before == pytest.approx(0.0, abs=0.05)
    assert report.nmi.before == pytest.approx(0.0, abs=0.1)
    assert report.ari.after == pytest.approx(1.0)
    assert report.nmi.after == pytest.approx(1.0)


def test_cells_without_label_or_embedding_are_left_out_and_counted(adata: AnnData, cells: Cells) -> None:
    labels, after = cell_types(adata.obs, "celltype"), _points(adata, "celltype")
    labels[:5] = None
    after[3:10] = np.nan
    report = summarise("celltype", labels, cells, _points(adata, "batch"), after)
    assert report.n_unscored == 10
    assert sum(row.cells for row in report.rows) == 290


def test_labels_are_read_as_text_and_may_be_missing(adata: AnnData) -> None:
    copy = adata[:4].copy()
    copy.obs["cluster"] = pd.array([1, 2, None, 1], dtype="Int64")
    copy.obs["text"] = ["a", "", "b", None]
    assert cell_types(copy.obs, "cluster").tolist() == ["1", "2", None, "1"]
    assert cell_types(copy.obs, "text").tolist() == ["a", None, "b", None]


def test_labels_that_say_nothing_are_refused(adata: AnnData, cells: Cells) -> None:
    copy = adata.copy()
    copy.obs["empty"] = pd.Series([None] * 300, index=copy.obs_names, dtype=object)
    with pytest.raises(InputError, match="label_key 'empty' must label at least some cells; all 300 are missing"):
        cell_types(copy.obs, "empty")
    with pytest.raises(InputError, match=r"label_key must name a column of obs.*'cell_type'.*'celltype'"):
        cell_types(copy.obs, "cell_type")
    nowhere = np.full((300, 2), np.nan)
    with pytest.raises(InputError, match="label_key 'celltype' must label at least one cell that has an embed"):
        summarise("celltype", cell_types(copy.obs, "celltype"), cells, nowhere, nowhere)


def test_scores_travel_through_h5ad(adata: AnnData, cells: Cells, tmp_path: Path) -> None:
    points = _points(adata, "celltype")
    report = summarise("celltype", cell_types(adata.obs, "celltype"), cells, points, points)
    copy = adata.copy()
    copy.uns["topocraft"] = {"scores": report.to_uns()}
    copy.write_h5ad(tmp_path / "scored.h5ad")
    scores = anndata.read_h5ad(tmp_path / "scored.h5ad").uns["topocraft"]["scores"]
    assert scores["type"].tolist() == [row.name for row in report.rows]
    assert scores["kept_after"].tolist() == [row.kept.after for row in report.rows]
    assert scores["batches"].tolist()[0] == "large, medium, small"
    assert np.isnan(scores["mixed_after"]).sum() == 1
    assert scores["ari_after"] == report.ari.after
