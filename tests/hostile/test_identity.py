"""What says nothing about cells changes nothing: order, names of batches, categories, formats and types of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hostile_cells import backwards, doubled
from hostile_settings import quick, soak
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import topocraft
from topocraft import IntegrationConfig
from topocraft.audit import audit
from topocraft.data.cells import from_anndata
from topocraft.data.order import canonical_order
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells

SHAPES = {"n_latent": 6, "encoder_widths": (16, 8), "decoder_widths": (8, 16), "classifier_widths": (8,)}
SHORT = {"epochs": 2, "warmup_epochs": 1, "cells_per_batch": 48, "cells_per_step": 64, "threads": 1}
CONFIG = IntegrationConfig().with_values(**SHAPES, **SHORT, n_top_genes=40, precision="float32")
NAMES = {"large": "zebra", "medium": "=1+1", "small": "a"}
CELLS, GENES = 120, 60

Change = Callable[[AnnData], AnnData]


@pytest.fixture(scope="module")
def plain() -> AnnData:
    """Return integrated cells, not to be changed."""
    adata = demo_cells(n_cells=CELLS, n_genes=GENES, seed=3)
    for _ in range(2):  # the first integration of a process rounds otherwise than all after it
        topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
    return adata


def _bare(adata: AnnData) -> AnnData:
    return AnnData(adata.X.copy(), obs=adata.obs[["batch", "celltype"]].copy(), var=adata.var[[]].copy())


def _with(adata: AnnData, form: Callable[[np.ndarray], Any]) -> AnnData:
    values = adata.X.toarray() if sparse.issparse(adata.X) else adata.X
    return AnnData(form(values), obs=adata.obs.copy(), var=adata.var.copy())


def _renamed(adata: AnnData) -> AnnData:
    adata.obs["batch"] = adata.obs["batch"].astype(object).map(lambda name: NAMES.get(name, name))
    return adata


def _more_categories(adata: AnnData) -> AnnData:
    adata.obs["batch"] = (
        adata.obs["batch"].astype(object).astype(pd.CategoricalDtype(["x", *NAMES, *NAMES.values(), 7, ""]))
    )
    return adata


def _moved(adata: AnnData) -> AnnData:
    return adata[:, np.random.default_rng(2).permutation(GENES)].copy()


CHANGES: dict[str, Change] = {
    "nothing": lambda adata: adata,
    "genes permuted": _moved,
    "batches renamed": _renamed,
    "empty categories": _more_categories,
    "csc": lambda adata: _with(adata, sparse.csc_matrix),
    "csr array": lambda adata: _with(adata, sparse.csr_array),
    "dense": lambda adata: _with(adata, np.asarray),
    "backwards, with zeros": lambda adata: _with(adata, backwards),
    "duplicates": lambda adata: _with(adata, doubled),
    "int64": lambda adata: _with(adata, lambda values: values.astype(np.int64)),
    "uint16": lambda adata: _with(adata, lambda values: sparse.csr_matrix(values.astype(np.uint16))),
    "float64": lambda adata: _with(adata, lambda values: sparse.csr_matrix(values.astype(np.float64))),
    "a view": lambda adata: adata[:, :],
}


def _require_the_same(adata: AnnData, plain: AnnData, order: np.ndarray) -> None:
    for level in ("topocraft_low", "topocraft_high"):
        assert adata.obs[level].tolist() == plain.obs[level].iloc[order].tolist()
    np.testing.assert_allclose(adata.obsm["X_topocraft"], plain.obsm["X_topocraft"][order], rtol=1e-4, atol=1e-4)


def _ordered(adata: AnnData) -> tuple[list[list[float]], list[int], list[str]]:
    cells = canonical_order(from_anndata(adata, "batch"))[1]
    by_name = np.argsort(cells.gene_names)
    return cells.values.toarray()[:, by_name].tolist(), cells.batch.tolist(), cells.cell_names.tolist()


@pytest.mark.parametrize("change", CHANGES)
def test_the_integrator_is_given_the_same(plain: AnnData, change: str) -> None:
    assert _ordered(CHANGES[change](_bare(plain))) == _ordered(plain)


@pytest.mark.parametrize("change", ["genes permuted", "batches renamed"])
def test_the_embedding_is_the_same(plain: AnnData, change: str) -> None:
    adata = CHANGES[change](_bare(plain))
    model = topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
    _require_the_same(adata, plain, np.arange(CELLS))
    again = from_anndata(CHANGES[change](_bare(plain)), "batch")
    assert np.array_equal(model.embed(again), adata.obsm["X_topocraft"])


def _require_any_change_is_none(plain: AnnData, chosen: list[str], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(CELLS)
    adata = _bare(plain)[order].copy()
    for change in chosen:
        adata = CHANGES[change](adata)
    topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
    _require_the_same(adata, plain, order)


TOGETHER = st.lists(st.sampled_from(sorted(CHANGES.keys() - {"a view"})), max_size=3)


@quick(3)
@given(TOGETHER, st.integers(0, 2**16))
def test_changes_together_change_nothing_but_the_order(plain: AnnData, chosen: list[str], seed: int) -> None:
    _require_any_change_is_none(plain, chosen, seed)


@pytest.mark.soak
@soak("identity", per_round=10)
@given(TOGETHER, st.integers(0, 2**16))
def test_many_changes_together_change_nothing_but_the_order(plain: AnnData, chosen: list[str], seed: int) -> None:
    _require_any_change_is_none(plain, chosen, seed)


def test_other_values_do_change_the_embedding(plain: AnnData) -> None:
    adata = _bare(plain)
    adata.X[0, 0] = 50
    topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
    assert not np.allclose(adata.obsm["X_topocraft"], plain.obsm["X_topocraft"], rtol=1e-4, atol=1e-4)


TOGETHER_HERE = ("genes permuted", "empty categories", "int64", "csc")


def _changed(plain: AnnData) -> tuple[AnnData, AnnData]:
    """Return cells with an embedding, and the same after changes that say nothing about them."""
    expected, changed = _bare(plain), _bare(plain)
    for change in TOGETHER_HERE:
        changed = CHANGES[change](changed)
    for adata in (expected, changed):
        adata.obsm["X_topocraft"] = plain.obsm["X_topocraft"].copy()
    return expected, changed


def test_the_scores_are_the_same(plain: AnnData) -> None:
    found = []
    for adata in _changed(plain):
        scores = topocraft.evaluate(adata, "batch", "celltype", controls=False, progress=Silent())
        found.append(scores.set_index(["embedding", "score", "part"])["value"].sort_index())
    pd.testing.assert_series_equal(*found, rtol=1e-4, atol=1e-4)


@pytest.mark.soak
def test_the_audit_says_the_same(plain: AnnData) -> None:
    found = []
    for adata in _changed(plain):
        told = audit(adata, "batch", "celltype", budget=0, permutations=19, progress=Silent())
        found.append([(one.name, one.subject, f"{one.value:.3f}") for one in told.statements])
    assert found[0] == found[1]
