"""A folder of small cells, and the command on a network so small that it takes no time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anndata import AnnData
from typer.testing import CliRunner, Result

from topocraft.cli import app
from topocraft.simulate.demo import demo_cells

QUICK = {
    "n_latent": 8,
    "encoder_widths": [32, 16],
    "decoder_widths": [16, 32],
    "classifier_widths": [8],
    "epochs": 2,
    "warmup_epochs": 1,
    "cells_per_batch": 64,
    "cells_per_step": 96,
}
QUICKLY = [part for name, value in QUICK.items() for part in ("--set", f"{name}={json.dumps(value)}")]
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Return the fields that make a run short."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def quickly_set() -> list[str]:
    """Return the same as arguments of the command."""
    return list(QUICKLY)


@pytest.fixture(scope="session")
def cells() -> AnnData:
    adata = demo_cells(n_cells=240, n_genes=200)
    adata.layers["counts"] = adata.X.copy()
    return adata


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, cells: AnnData) -> Path:
    """Return a folder with ``cells.h5ad`` and, of two of its batches, ``large.h5ad`` and ``medium.h5ad``."""
    place = tmp_path_factory.mktemp("written")
    cells.write_h5ad(place / "cells.h5ad")
    for batch in ("large", "medium"):
        cells[cells.obs["batch"] == batch].write_h5ad(place / f"{batch}.h5ad")
    return place


@pytest.fixture
def folder(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a copy of the folder of ``written``."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        return result

    return call


@pytest.fixture
def quickly(run: Run) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        return run("integrate", *arguments, "--threads", "1", *QUICKLY, code=code)

    return call


@pytest.fixture
def scored(folder: Path, cells: AnnData) -> AnnData:
    """Write ``scored.h5ad`` with two embeddings of known quality into the folder."""
    adata, noise = cells.copy(), np.random.default_rng(0).normal(size=(2, cells.n_obs, 4)).astype(np.float32)
    types, batch = (9.0 * np.eye(6, 4)[adata.obs[key].cat.codes] for key in ("celltype", "batch"))
    adata.obsm["X_topocraft"] = (noise[0] + types).astype(np.float32)
    adata.obsm["X_other"] = (noise[1] + batch).astype(np.float32)
    adata.obsm["X_before"] = (noise[0] + types + batch).astype(np.float32)
    adata.obs["dose"] = np.where(np.arange(adata.n_obs) % 4 > 0, np.arange(adata.n_obs) / 7.0, np.nan)
    adata.write_h5ad(folder / "scored.h5ad")
    return adata


@pytest.fixture
def evaluate(run: Run, scored: AnnData) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        return run("evaluate", *arguments, code=code)

    return call
