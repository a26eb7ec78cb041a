"""Cells in a dask array are integrated on a cluster as they are in memory."""

from __future__ import annotations

from collections.abc import Iterator

import dask.array
import numpy as np
import pytest
from anndata import AnnData
from dask.distributed import Client, LocalCluster
from scipy import sparse

import topocraft
from topocraft import IntegrationConfig
from topocraft.errors import InputError
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells

CONFIG = IntegrationConfig(seed=3, threads=1).with_values(
    n_latent=8,
    encoder_widths=(24, 16),
    decoder_widths=(16, 24),
    classifier_widths=(8,),
    epochs=3,
    warmup_epochs=1,
    cells_per_batch=64,
    cells_per_step=96,
    n_top_genes=100,
    precision="float32",
    alignment_rounds=0,
)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[Client]:
    server = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # any free port: beside others on one machine
    with LocalCluster(n_workers=2, processes=False, scheduler_kwargs=server) as cluster, Client(cluster) as client:
        yield client


def _lazy(adata: AnnData, rows: int) -> dask.array.Array:
    dense = dask.array.from_array(adata.X.toarray(), chunks=(rows, adata.n_vars))
    return dense.map_blocks(sparse.csr_matrix, dtype="f4", meta=sparse.csr_matrix((0, 0), dtype="f4"))


@pytest.mark.parametrize("where", ["X", "counts"])
def test_the_embedding_is_the_one_in_memory(where: str) -> None:
    adata = demo_cells(n_cells=240, n_genes=150, seed=1)
    lazy = AnnData(obs=adata.obs.copy(), var=adata.var.copy())
    layer = None if where == "X" else where
    if layer is None:
        lazy.X = _lazy(adata, 70)
    else:
        lazy.layers[layer] = _lazy(adata, 70)
    topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
    topocraft.integrate(lazy, "batch", layer=layer, config=CONFIG, progress=Silent())
    assert (lazy.obs["topocraft_low"] == adata.obs["topocraft_low"]).all()
    one, other = adata.obsm["X_topocraft"], lazy.obsm["X_topocraft"]
    np.testing.assert_allclose(other, one, rtol=0, atol=1e-4 * one.std())
    assert isinstance(lazy.X if layer is None else lazy.layers[layer], dask.array.Array)


def test_bad_values_are_found_wherever_they_are_computed() -> None:
    adata = demo_cells(n_cells=120, n_genes=80, seed=1)
    adata.X[100, 3] = -1.0
    adata.X = _lazy(adata, 50)
    with pytest.raises(InputError, match="negative"):
        topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
