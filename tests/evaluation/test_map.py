"""The map of mixing, cell by cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft import metrics
from topocraft.evaluation import mixing_of_cells

KEYS = {"batch_key": "batch", "label_key": "celltype"}


def test_the_map_of_mixing_is_by_cell(copy: AnnData) -> None:
    copy.obs.loc[copy.obs_names[5:9], "celltype"] = np.nan
    table = mixing_of_cells(copy, **KEYS, embeddings=["X_types", "X_batches"])
    assert table.index.equals(copy.obs_names)
    assert table.columns.tolist() == ["X_types", "X_batches"]
    left_out = copy.obs["celltype"].isna() | (copy.obs["celltype"] == "one batch")
    assert table.isna().all(axis=1).equals(left_out.rename(None))
    assert table["X_types"].mean() > 0.85
    assert table["X_batches"].mean() < 0.15
    kept = copy[copy.obs["celltype"].notna()]
    direct = metrics.mixing_map(
        kept.obsm["X_batches"], *(kept.obs[key].to_numpy().astype(str) for key in ("batch", "celltype"))
    )
    assert table.loc[kept.obs_names, "X_batches"].to_numpy() == pytest.approx(direct, nan_ok=True)


def test_the_map_and_the_score_agree(cells: AnnData, scores: pd.DataFrame) -> None:
    table = mixing_of_cells(cells, **KEYS, embeddings=["X_types", "X_batches"])
    mixing = scores[scores["score"] == "mixing"].set_index("embedding")["value"]
    assert table.mean().to_dict() == pytest.approx(mixing[["X_types", "X_batches"]].to_dict())


def test_a_map_of_which_nothing_can_be_said_is_empty(copy: AnnData) -> None:
    copy.obs["kind"] = ("of " + copy.obs["batch"].astype(str)).astype("category")
    table = mixing_of_cells(copy, "batch", "kind", embeddings="X_types")
    assert table.shape == (240, 1)
    assert table.isna().all(axis=None)
