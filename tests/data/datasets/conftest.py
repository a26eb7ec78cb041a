"""An empty cache, a host on this machine, and cells as a source might store them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hosts import Host, serving
from scipy import sparse

from topocraft.data.datasets import transfer


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the cache be empty, no folder of one's own be named, nothing be waited for, and no proxy be asked."""
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("TOPOCRAFT_DATA", raising=False)
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    monkeypatch.setattr(transfer, "TIMEOUT", (5.0, 5.0))
    monkeypatch.setattr(transfer, "BLOCK", 100)
    monkeypatch.setattr(transfer, "STEP", 1000)
    return tmp_path


@pytest.fixture
def source() -> anndata.AnnData:
    """Return four cells as a source might store them: counts in a layer, its own names of columns."""
    counts = sparse.csr_matrix(np.array([[1, 0], [2, 3], [0, 4], [5, 0]], dtype="int64"))
    obs = pd.DataFrame(
        {"tech": ["a", "a", "b", "b"], "kind": ["T", None, "B", "T"], "batch": ["x", "y", "z", "w"]},
        index=["c1", "c2", "c3", "c4"],
    )
    adata = anndata.AnnData(counts.astype("float32") * 0.5, obs=obs, var=pd.DataFrame(index=["g1", "g2"]))
    adata.layers["counts"] = counts
    adata.obsm["X_pca"] = np.ones((4, 2))
    return adata


@pytest.fixture
def stored(source: anndata.AnnData, tmp_path: Path) -> bytes:
    """Return the bytes of the same as h5ad."""
    path = tmp_path / "stored.h5ad"
    source.write_h5ad(path)
    return path.read_bytes()
