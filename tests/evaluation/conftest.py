"""Small cells with planted embeddings whose scores are known beforehand, and their table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft
from topocraft.simulate.demo import demo_cells


def _heaps(groups: pd.Series, seed: int) -> np.ndarray:
    """Place every group in a round heap of its own, far from the others."""
    codes = groups.cat.codes.to_numpy()
    noise = np.random.default_rng(seed).normal(size=(len(codes), 6))
    placed: np.ndarray = (noise + 40.0 * np.eye(6)[codes]).astype(np.float32)
    return placed


@pytest.fixture(scope="session")
def cells() -> AnnData:
    """Return 240 cells: ``X_types`` one heap per type, ``X_batches`` one per batch, ``X_before`` a bit of both."""
    adata = demo_cells(n_cells=240, n_genes=200, seed=1)
    batch, types = adata.obs["batch"], adata.obs["celltype"]
    adata.obsm["X_types"], adata.obsm["X_batches"] = _heaps(types, 0), _heaps(batch, 1)
    adata.obsm["X_before"] = _heaps(types, 2) + 0.5 * _heaps(batch, 3)
    adata.obs["place"] = adata.obsm["X_types"][:, 0].astype(np.float64)
    adata.layers["counts"] = adata.X.copy()
    return adata


@pytest.fixture(scope="session")
def scores(cells: AnnData) -> pd.DataFrame:
    """Return the table of both planted embeddings beside all controls."""
    return topocraft.evaluate(
        cells,
        "batch",
        "celltype",
        embeddings=["X_types", "X_batches"],
        unintegrated="X_before",
        continuous=["place"],
    )


@pytest.fixture
def copy(cells: AnnData) -> AnnData:
    """Return cells that a test may spoil."""
    return cells.copy()
