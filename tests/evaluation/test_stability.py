"""What scores do not depend on: order and scale of the cells, how values are given; and what they leave alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import topocraft
from topocraft import metrics
from topocraft.evaluation import CONTROLS, mixing_of_cells
from topocraft.evaluation.scoring import control_embeddings
from topocraft.metrics.searched import Reference

KEYS = {"batch_key": "batch", "label_key": "celltype"}


def _value(scores: pd.DataFrame, embedding: str, score: str, part: str = "") -> float:
    rows = scores[(scores["embedding"] == embedding) & (scores["score"] == score) & (scores["part"] == part)]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def _values(scores: pd.DataFrame) -> pd.Series:
    return scores.set_index(["embedding", "score", "part"])["value"]


def test_nothing_of_the_input_is_changed_and_global_randomness_is_left_alone(cells: AnnData) -> None:
    before, state = cells.copy(), np.random.get_state()[1].copy()
    topocraft.evaluate(cells, **KEYS, embeddings=["X_types"], controls=False)
    mixing_of_cells(cells, **KEYS, embeddings=["X_types"])
    assert (np.random.get_state()[1] == state).all()
    assert (cells.X != before.X).nnz == 0
    pd.testing.assert_frame_equal(cells.obs, before.obs)
    pd.testing.assert_frame_equal(cells.var, before.var)
    assert set(cells.obsm) == set(before.obsm)
    assert all((cells.obsm[key] == before.obsm[key]).all() for key in cells.obsm)
    assert dict(cells.uns) == dict(before.uns)


def test_the_same_seed_gives_the_same_table_and_another_order_of_cells_the_same_scores(cells: AnnData) -> None:
    order = np.random.default_rng(4).permutation(cells.n_obs)

    def scored(adata: AnnData, seed: int = 0) -> pd.DataFrame:
        return topocraft.evaluate(adata, **KEYS, embeddings="X_before", continuous="place", controls=False, seed=seed)

    one, same, moved = scored(cells), scored(cells), scored(cells[order].copy())
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert _values(moved).to_dict() == pytest.approx(_values(one).to_dict(), abs=1e-3)


def test_controls_depend_on_the_seed(cells: AnnData) -> None:
    batch, labels = (cells.obs[key].to_numpy().astype(str) for key in ("batch", "celltype"))
    one, same, other = (
        control_embeddings(Reference(batch, labels, cells.obsm["X_before"], np.zeros(240, int), seed=seed))
        for seed in (1, 1, 2)
    )
    assert tuple(one) == CONTROLS
    for name in CONTROLS:
        assert (one[name] == same[name]).all()
        assert (one[name] == other[name]).all() == (name == "unintegrated")


def test_a_layer_and_logarithms_of_counts_give_what_counts_give(copy: AnnData) -> None:
    def scored(**how: str) -> dict[str, float]:
        found = topocraft.evaluate(copy, "batch", embeddings="X_types", controls=False, **how)
        return found.set_index("score")["value"].to_dict()

    counts = scored()
    assert counts["pcr"] > 0.5
    copy.X = -copy.X
    assert scored(layer="counts") == pytest.approx(counts)
    per_cell = copy.layers["counts"].sum(axis=1)
    copy.layers["log"] = sparse.csr_matrix(np.log1p(copy.layers["counts"].multiply(300 / per_cell).toarray()))
    assert scored(layer="log")["pcr"] == pytest.approx(counts["pcr"], abs=0.05)


def test_several_columns_make_one_batch(cells: AnnData, scores: pd.DataFrame) -> None:
    found = topocraft.evaluate(cells, ["batch"], embeddings="X_types", unintegrated="X_before", controls=False)
    assert _value(found, "X_types", "ilisi") == _value(scores, "X_types", "ilisi")
    cells = cells.copy()
    cells.obs["half"] = np.where(np.arange(cells.n_obs) % 2, "odd", "even")
    found = topocraft.evaluate(cells, ["batch", "half"], embeddings="X_types", unintegrated="X_before", controls=False)
    both = cells.obs["batch"].astype(str) + cells.obs["half"]
    assert _value(found, "X_types", "ilisi") == pytest.approx(
        metrics.ilisi(cells.obsm["X_types"], both.to_numpy().astype(str))
    )


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_the_scale_of_an_embedding_does_not_matter(scale: float, copy: AnnData, scores: pd.DataFrame) -> None:
    copy.obsm["X_types"] = copy.obsm["X_types"].astype(np.float64) * scale
    found = topocraft.evaluate(copy, **KEYS, embeddings=["X_types"], unintegrated="X_before", controls=False)
    before = _values(scores)[_values(found).index]
    assert _values(found).to_dict() == pytest.approx(before.to_dict(), abs=1e-5)
