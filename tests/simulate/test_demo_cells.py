"""The demo's cells: counts, shares, seeds, and a batch effect that hides no type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.cells import from_anndata
from topocraft.data.preprocess import prepare
from topocraft.errors import ConfigError
from topocraft.metrics.mixing import batch_mixing, neighbor_purity
from topocraft.simulate.demo import BATCH_SHARES, TYPE_SHARES, demo_cells
from topocraft.topology.components import principal_components
from topocraft.topology.neighbors import nearest_neighbors


@pytest.fixture(scope="module")
def cells() -> AnnData:
    return demo_cells()


def test_counts_are_sparse_whole_and_overdispersed(cells: AnnData) -> None:
    assert isinstance(cells.X, sparse.csr_matrix)
    assert cells.X.dtype == np.float32
    assert cells.shape == (2000, 1000)
    assert cells.X.data.min() >= 1
    assert (cells.X.data == np.rint(cells.X.data)).all()
    alike = cells[(cells.obs["batch"] == "large") & (cells.obs["celltype"] == "common 1")].X.toarray()
    mean, variance = alike.mean(axis=0), alike.var(axis=0)
    assert np.median(variance[mean > 2] / mean[mean > 2]) > 1.5


def test_batches_and_types_have_their_shares(cells: AnnData) -> None:
    types = cells.obs["celltype"].value_counts(normalize=True)
    assert types.to_dict() == pytest.approx(TYPE_SHARES, abs=1e-3)
    shared = cells.obs[cells.obs["celltype"] != "one batch"]
    batches = shared["batch"].value_counts(normalize=True)
    assert batches.to_dict() == pytest.approx(BATCH_SHARES, abs=2e-3)
    assert set(cells.obs["batch"][cells.obs["celltype"] == "one batch"]) == {"medium"}
    assert shared.groupby("celltype", observed=True)["batch"].nunique().eq(3).all()


def test_names_are_unique_and_the_source_is_told(cells: AnnData) -> None:
    assert cells.obs_names.is_unique
    assert cells.var_names.is_unique
    assert cells.uns["source"] == "simulated by topocraft.simulate.demo.demo_cells, seed 0"
    assert cells.obs["batch"].iloc[:50].nunique() > 1, "cells come in random order"


def test_the_seed_decides_everything_and_no_global_generator_is_touched() -> None:
    before = np.random.get_state()[1].copy()
    one, same, other = demo_cells(100, 60, seed=3), demo_cells(100, 60, seed=3), demo_cells(100, 60, seed=4)
    assert (one.X != same.X).nnz == 0
    assert one.obs.equals(same.obs)
    assert (one.X != other.X).nnz > 0
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize(("n_cells", "n_genes"), [(2000, 1000), (200, 200), (50, 50)])
def test_every_cell_passes_quality_control(n_cells: int, n_genes: int) -> None:
    prepared = prepare(from_anndata(demo_cells(n_cells, n_genes, seed=1), "batch"), PreprocessConfig())
    assert prepared.kept.all()


def test_the_batch_effect_separates_batches_and_leaves_types_apart(cells: AnnData) -> None:
    read = from_anndata(cells, "batch")
    points = principal_components(prepare(read, PreprocessConfig()).expression, 50)
    labels = cells.obs["celltype"].to_numpy().astype(str)
    mixing = batch_mixing(points, read.batch, labels)
    assert max(mixing[name] for name in ("common 1", "common 2", "sibling 1", "sibling 2")) < 0.1
    purity = neighbor_purity(nearest_neighbors(points, 15).indices, labels)
    assert min(purity.values()) > 0.85


@pytest.mark.parametrize("size", [{"n_cells": 49}, {"n_genes": 10}])
def test_too_few_are_refused(size: dict[str, int]) -> None:
    name = next(iter(size))
    with pytest.raises(ConfigError, match=f"{name} must be at least 50 to hold six types; got {size[name]}"):
        demo_cells(**size)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_cells": 1.5}, "n_cells must be a whole number between 1 and 100,000,000; got 1.5"),
        ({"n_genes": 10**20}, "n_genes must be a whole number between 1 and 100,000,000; got 1000"),
        ({"n_cells": -1}, "n_cells must be a whole number between 1 and 100,000,000; got -1"),
        ({"seed": -1}, r"seed must be a whole number of at least 0; got -1\."),
        ({"seed": "one"}, r"seed must be a whole number of at least 0; got 'one'\."),
    ],
)
def test_what_is_no_number_of_them_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        demo_cells(**options)
