"""Numbers and models that were kept: later versions must come to the same, whatever the number of threads."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from topocraft import Integrator, integrate
from topocraft.data.cells import from_anndata
from topocraft.training.checkpoint import SCHEMA

HERE = Path(__file__).parent
MODELS = sorted(path.name for path in HERE.glob("schema-*"))
spec = importlib.util.spec_from_file_location("golden_make", HERE / "make.py")
assert spec is not None
assert spec.loader is not None
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_embedding_is_the_one_that_was_kept(threads: int) -> None:
    """Two or three threads differ from one by 0.01 to 0.02 of the spread; half a triplet loss would by 0.13."""
    kept, adata = np.load(HERE / "embedding.npy", allow_pickle=False), make.golden_cells()
    integrate(adata, "batch", config=replace(make.UNALIGNED, threads=threads))
    found = adata.obsm["X_topocraft"]
    assert found.dtype == kept.dtype == np.float32
    np.testing.assert_allclose(found, kept, rtol=0, atol=0.04 * kept.std())


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_every_schema_loads_and_places_cells_where_it_did(name: str) -> None:
    kept = np.load(HERE / name / "embedding.npy", allow_pickle=False)
    found = Integrator.load(HERE / name / "model").embed(from_anndata(make.golden_cells(), "batch"))
    np.testing.assert_allclose(found, kept, rtol=0, atol=1e-5 * kept.std())


def test_the_present_schema_has_a_golden_model() -> None:
    assert f"schema-{SCHEMA}" in MODELS


def test_the_golden_files_are_small() -> None:
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file()) < 400_000
