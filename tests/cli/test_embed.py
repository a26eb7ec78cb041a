"""``topocraft embed``: further cells into the embedding of a saved model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def model(quickly: Run, folder: Path) -> str:
    quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--save-model", "model")
    return "model"


def test_one_batch_gets_the_places_of_the_fit(model: str, run: Run, folder: Path) -> None:
    shown = run("embed", "large.h5ad", "--model", model, "-b", "batch", "-o", "placed.h5ad", "--threads", "1")
    placed, fitted = (anndata.read_h5ad(folder / name) for name in ("placed.h5ad", "out.h5ad"))
    assert shown.stdout.startswith(f"{placed.n_obs} cells placed; ")
    assert placed.obsm["X_topocraft"] == pytest.approx(fitted[placed.obs_names].obsm["X_topocraft"], abs=1e-5)
    assert placed.uns["topocraft"]["new_batches"].tolist() == []


def test_files_are_batches_and_those_that_are_new_are_named(model: str, run: Run, folder: Path) -> None:
    (folder / "medium.h5ad").rename(folder / "donor7.h5ad")
    shown = run("embed", "large.h5ad", "donor7.h5ad", "--model", model, "-o", "placed.zarr")
    assert "New to the model, and carried to where its batches meet: 'donor7'." in shown.stderr
    placed = anndata.read_zarr(folder / "placed.zarr")
    assert placed.uns["topocraft"]["new_batches"].tolist() == ["donor7"]
    assert not np.isnan(placed.obsm["X_topocraft"]).any()


def test_refusals_say_what_is_due(model: str, run: Run, folder: Path) -> None:
    assert "--output" in run("embed", "large.h5ad", "--model", model, "-b", "batch", code=2).stderr
    assert "--batch-key" in run("embed", "large.h5ad", "--model", model, "-o", "new.h5ad", code=2).stderr
    taken = run("embed", "large.h5ad", "--model", model, "-b", "batch", "-o", "out.h5ad", code=1)
    assert "must not exist yet" in taken.stderr
    threads = run("embed", "missing.h5ad", "--model", model, "-o", "new.h5ad", "-b", "batch", "--threads", "0", code=1)
    assert "threads must be" in threads.stderr
    none = run("embed", "large.h5ad", "--model", "nowhere", "-b", "batch", "-o", "new.h5ad", code=1)
    assert "nowhere" in none.stderr
    assert not (folder / "new.h5ad").exists()
