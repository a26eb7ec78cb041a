"""Shuffled cells and genes: every public function that takes cells says the same of the same cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
from anndata import AnnData
from hostile_settings import quick
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import topocraft
from topocraft import IntegrationConfig, Integrator, metrics
from topocraft.data.cells import from_anndata
from topocraft.evaluation import mixing_of_cells
from topocraft.plan import make_plan
from topocraft.progress import Silent
from topocraft.report import score_result
from topocraft.simulate.demo import demo_cells
from topocraft.simulate.estimate import estimate_splat
from topocraft.topology.neighbors import nearest_neighbors

CONFIG = IntegrationConfig().with_values(
    n_latent=6, encoder_widths=(16, 8), decoder_widths=(8, 16), classifier_widths=(8,), epochs=2, warmup_epochs=1,
    cells_per_batch=48, cells_per_step=64, threads=1, n_top_genes=40, precision="float32",
)  # fmt: skip
CELLS, GENES = 150, 60


@pytest.fixture(scope="module")
def plain() -> AnnData:
    """Return integrated cells, not to be changed."""
    adata = demo_cells(n_cells=CELLS, n_genes=GENES, seed=3)
    topocraft.integrate(adata, "batch", config=CONFIG, progress=Silent())
    return adata


@pytest.fixture(scope="module")
def model(plain: AnnData) -> Integrator:
    return Integrator(CONFIG).fit(from_anndata(plain, "batch"))


def _space(adata: AnnData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return adata.obsm["X_topocraft"], adata.obs["batch"].to_numpy(dtype=str), adata.obs["celltype"].to_numpy(dtype=str)


def _purity(adata: AnnData) -> dict[str, float]:
    points, _, labels = _space(adata)
    return metrics.neighbor_purity(nearest_neighbors(points, 15).indices, labels)


def _distances_within_types(adata: AnnData) -> np.ndarray:
    points, _, labels = _space(adata)
    found = np.full(len(points), np.nan)
    for one in metrics.neighbors_within_types(points, labels, 5):
        found[one.cells] = one.neighbors.distances.mean(axis=1) if one.neighbors.distances.size else 0.0
    return found


BY_CELL: dict[str, Callable[[AnnData], np.ndarray]] = {
    "mixing_map": lambda adata: metrics.mixing_map(*_space(adata)),
    "mixing_of_cells": lambda adata: mixing_of_cells(adata, "batch", "celltype").iloc[:, 0].to_numpy(dtype=float),
    "neighbors_within_types": _distances_within_types,
    "silhouette_samples": lambda adata: metrics.silhouette_samples(*_space(adata)[::2]),
    "positive_cells": lambda adata: metrics.positive_cells(*_space(adata)).positive.astype(float),
}
AS_A_WHOLE: dict[str, Callable[[AnnData], Any]] = {
    "batch_mixing": lambda adata: metrics.batch_mixing(*_space(adata)),
    "neighbor_purity": _purity,
    "make_plan": lambda adata: _exact(adata),
    "estimate_splat": lambda adata: _numbers(asdict(estimate_splat(sparse.csr_matrix(adata.X)))),
}


def _exact(adata: AnnData) -> dict[str, Any]:
    plan = replace(make_plan(from_anndata(adata, "batch"), CONFIG), seconds=0.0)
    return {name: value for name, value in asdict(plan).items() if isinstance(value, int | float)}


def _numbers(nested: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": number for inner, number in _numbers(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def _shuffled(adata: AnnData, seed: int) -> tuple[AnnData, np.ndarray]:
    draws = np.random.default_rng(seed)
    order = draws.permutation(CELLS)
    return adata[order][:, draws.permutation(GENES)].copy(), order


@pytest.mark.parametrize("name", BY_CELL)
def test_every_cell_is_told_the_same(name: str, plain: AnnData) -> None:
    expected = BY_CELL[name](plain)

    @quick(3)
    @given(st.integers(0, 2**16))
    def shuffle(seed: int) -> None:
        adata, order = _shuffled(plain, seed)
        np.testing.assert_allclose(BY_CELL[name](adata), expected[order], rtol=1e-4, atol=1e-5)

    shuffle()


@pytest.mark.parametrize("name", AS_A_WHOLE)
def test_the_whole_is_told_the_same(name: str, plain: AnnData) -> None:
    adata, _ = _shuffled(plain, 1)
    found, expected = AS_A_WHOLE[name](adata), AS_A_WHOLE[name](plain)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=1e-3, nan_ok=True)


def test_a_report_says_the_same(plain: AnnData, model: Integrator) -> None:
    found = []
    for adata in (plain.copy(), _shuffled(plain, 2)[0]):
        rows = score_result(adata, "batch", model, "celltype")[0].rows
        found.append({row.name: (row.kept.before, row.kept.after, row.mixed.before, row.mixed.after) for row in rows})
    assert found[0].keys() == found[1].keys()
    for label, numbers in found[0].items():
        assert found[1][label] == pytest.approx(numbers, rel=1e-3, nan_ok=True)


def test_cells_are_placed_the_same(plain: AnnData, model: Integrator) -> None:
    adata, order = _shuffled(plain, 3)
    placed = plain.copy()
    for each in (adata, placed):
        topocraft.embed(each, model, "batch", progress=Silent())
    np.testing.assert_allclose(adata.obsm["X_topocraft"], placed.obsm["X_topocraft"][order], rtol=1e-4, atol=1e-4)


def test_files_are_integrated_the_same(plain: AnnData, tmp_path: Path) -> None:
    bare = AnnData(plain.X.copy(), obs=plain.obs[["batch"]].copy(), var=plain.var[[]].copy())
    shuffled, order = _shuffled(bare, 4)
    found = []
    for name, adata in (("plain", bare), ("shuffled", shuffled)):
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
        output = tmp_path / f"{name}.integrated.h5ad"
        topocraft.integrate_files([tmp_path / f"{name}.h5ad"], output, batch_key="batch", config=CONFIG)
        found.append(anndata.read_h5ad(output).obsm["X_topocraft"])
    np.testing.assert_allclose(found[1], found[0][order], rtol=1e-4, atol=1e-4)
