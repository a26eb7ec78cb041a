"""Small prepared cells, and programs made up on the spot."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anndata import AnnData

from topocraft.baselines import Method
from topocraft.baselines.preparation import Preparation, write_preparation
from topocraft.data.cells import Cells, from_anndata
from topocraft.simulate.demo import demo_cells

Make = Callable[..., Method]


@pytest.fixture(scope="session")
def simulated() -> AnnData:
    """Return cells all of whose genes pass quality control; not to be changed."""
    adata = demo_cells(n_cells=150, n_genes=90)
    detected = np.flatnonzero(np.asarray((adata.X > 0).sum(axis=0)).ravel() >= 5)
    return adata[:, detected[:80]].copy()


@pytest.fixture(scope="session")
def labels(simulated: AnnData) -> np.ndarray:
    types: np.ndarray = simulated.obs["celltype"].astype(object).to_numpy()
    types[:4] = None
    return types


@pytest.fixture(scope="session")
def cells(simulated: AnnData) -> Cells:
    return from_anndata(simulated, "batch")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, cells: Cells, labels: np.ndarray) -> Preparation:
    return write_preparation(cells, tmp_path_factory.mktemp("prepared") / "cells", labels=labels)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where environments would be, empty."""
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a maker of methods whose program is the text given."""

    def make(program: str, **fields: Any) -> Method:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(program))
        known = {"title": "Fake", "summary": "", "licence": "", "homepage": "", "doi": ""}
        return Method(**{"name": "fake", "program": str(path), **known, **fields})

    return make
