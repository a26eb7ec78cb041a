"""Cells of known types in known batches, and embeddings of which it is known what they destroy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.audit.subject import OwnBatch, Subject, own_batches, read_subject

GENES, DIMENSIONS = 90, 4
Make = Callable[..., Subject]


def _heaps(codes: np.ndarray, seed: int = 0, spread: float = 0.4) -> np.ndarray:
    """Place every group in a round heap of its own, far from the others; codes may be of any number of groups."""
    noise = np.random.default_rng(seed).normal(size=(len(codes), DIMENSIONS))
    placed: np.ndarray = spread * noise + 30 * np.eye(12, DIMENSIONS)[codes] + 90 * (codes // DIMENSIONS)[:, None]
    return placed.astype(np.float32)


@pytest.fixture(scope="session")
def cells() -> AnnData:
    """Return 300 cells: types a, b and c in batches x and y, 40 each, and type d, 60 cells, in batch y only.

    Each type has twenty genes of its own; batch y has some genes more than x. ``X_good`` keeps types apart and mixes
    batches.
    """
    layout = [("x", "a"), ("x", "b"), ("x", "c"), ("y", "a"), ("y", "b"), ("y", "c"), ("y", "d")]
    batch, types = (np.repeat(column, [40] * 6 + [60]) for column in zip(*layout, strict=True))
    codes = np.unique(types, return_inverse=True)[1]
    means = np.full((len(codes), GENES), 1.0)
    for code in range(4):
        means[codes == code, 20 * code : 20 * code + 20] = 12.0
    means[batch == "y", 80:] = 8.0
    counts = np.random.default_rng(0).poisson(means)
    obs = pd.DataFrame({"batch": batch, "celltype": types}, index=[f"cell {n}" for n in range(len(codes))])
    adata = AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs)
    adata.obsm["X_good"] = _heaps(codes)
    return adata


@pytest.fixture(scope="session")
def heaps() -> Callable[..., np.ndarray]:
    """Return what places every group in a heap of its own."""
    return _heaps


@pytest.fixture
def make(cells: AnnData) -> Make:
    """Return a subject: the cells with any embedding, with or without their types."""

    def call(points: np.ndarray | None = None, label_key: str | None = "celltype", **columns: np.ndarray) -> Subject:
        adata = cells.copy()
        adata.obsm["X_mine"] = adata.obsm["X_good"] if points is None else points
        for name, values in columns.items():
            adata.obs[name] = values
        numeric = [name for name, values in columns.items() if values.dtype.kind == "f"]
        return read_subject(
            adata,
            "batch",
            label_key,
            embedding="X_mine",
            layer=None,
            continuous=numeric,
            conditions=[name for name in columns if name not in numeric],
            config=None,
        )

    return call


@pytest.fixture
def own_of() -> Callable[[Subject], tuple[OwnBatch, ...]]:
    def call(subject: Subject) -> tuple[OwnBatch, ...]:
        names: Sequence[str] = subject.cells.batch_names
        return own_batches(subject.points, subject.expression, subject.batch, names, 0)

    return call


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def codes(cells: AnnData) -> np.ndarray:
    """Return the types a, b, c, d as 0, 1, 2, 3."""
    found: np.ndarray = np.unique(cells.obs["celltype"].astype(str), return_inverse=True)[1]
    return found


@pytest.fixture
def no_harmony(monkeypatch: pytest.MonkeyPatch) -> str:
    """Leave Harmony out, which runs in a process of its own."""
    reason = "Harmony is not installed (topocraft baselines install harmony)."
    monkeypatch.setattr("topocraft.audit.null_test.harmony_embedding", lambda *_: (None, reason))
    return reason
