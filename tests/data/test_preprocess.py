"""Quality control and normalisation against scanpy; pooling and refusals by table."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scanpy
from anndata import AnnData
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.data.preprocess import choose_genes, express, fewest_genes, pool_small_batches, prepare
from topocraft.errors import InputError, ModelError


def _adata(sizes: tuple[int, ...] = (80, 70, 60), n_genes: int = 150, seed: int = 0) -> AnnData:
    """Counts of unequal depth: some cells nearly empty, some genes rare, some varying by group."""
    generator = np.random.default_rng(seed)
    batch = np.repeat(np.arange(len(sizes)), sizes)
    means = generator.gamma(0.6, 1.5, n_genes) * generator.gamma(2, 1, (len(sizes), n_genes))[batch]
    groups = generator.integers(0, 3, len(batch))
    means = means * np.where(np.arange(n_genes) % 11 == groups[:, None], 6, 1)
    depth = np.where(generator.random(len(batch)) < 0.1, 0.05, generator.lognormal(0, 0.5, len(batch)))
    counts = generator.poisson(means * depth[:, None]).astype(np.float32)
    obs = pd.DataFrame({"batch": [f"b{code:03}" for code in batch]}, index=[f"c{i}" for i in range(len(batch))])
    return AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(n_genes)]))


def _cells(adata: AnnData, **arguments: Any) -> Cells:
    return from_anndata(adata, "batch", **arguments)


def _scanpy(adata: AnnData, config: PreprocessConfig, batch_key: str | None = "batch") -> AnnData:
    expected = adata.copy()
    scanpy.pp.filter_cells(expected, min_genes=config.min_genes)
    scanpy.pp.filter_genes(expected, min_cells=config.min_cells)
    scanpy.pp.normalize_total(expected, target_sum=config.target_sum)
    scanpy.pp.log1p(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scanpy's own, of pandas and of genes without spread
        scanpy.pp.highly_variable_genes(expected, n_top_genes=config.n_top_genes, flavor="seurat", batch_key=batch_key)
    return expected


CONFIG = PreprocessConfig(min_genes=25, min_cells=6, n_top_genes=40, target_sum=5e3)


@pytest.mark.parametrize("seed", range(3))
def test_preparing_agrees_with_scanpy(seed: int) -> None:
    adata = _adata(seed=seed)
    expected, found = _scanpy(adata, CONFIG), prepare(_cells(adata), CONFIG)
    assert 0 < expected.n_obs < adata.n_obs
    assert 40 < expected.n_vars < adata.n_vars
    assert adata.obs_names[found.kept].tolist() == expected.obs_names.tolist()
    assert list(found.genes.expressed) == expected.var_names.tolist()
    assert list(found.genes.selected) == sorted(expected.var_names[expected.var["highly_variable"]])
    chosen = expected[:, list(found.genes.selected)].X.toarray()
    np.testing.assert_allclose(found.expression.toarray(), chosen, rtol=1e-5, atol=1e-6)
    assert found.expression.dtype == np.float32
    assert found.expression.format == "csr"


def test_thresholds_are_the_least_that_is_kept() -> None:
    """Cell i detects the first i + 1 genes; of the last three cells, three detect A to D, two E and one F."""
    obs = pd.DataFrame({"batch": list("ababab")}, index=list("uvwxyz"))
    cells = _cells(AnnData(np.tri(6, dtype=np.float32), obs=obs, var=pd.DataFrame(index=list("ABCDEF"))))
    found = prepare(cells, PreprocessConfig(min_genes=4, min_cells=2))
    assert found.kept.tolist() == [False] * 3 + [True] * 3
    assert found.genes.expressed == tuple("ABCDE")


def test_all_genes_are_taken_where_there_are_few() -> None:
    adata = _adata()
    found = prepare(_cells(adata), PreprocessConfig(min_genes=0, min_cells=0, n_top_genes=150))
    assert found.kept.all()
    assert list(found.genes.expressed) == adata.var_names.tolist()
    assert list(found.genes.selected) == sorted(adata.var_names)


def test_normalised_values_are_taken_as_they_are() -> None:
    adata = _adata()
    scanpy.pp.normalize_total(adata, target_sum=1e4)
    scanpy.pp.log1p(adata)
    found = prepare(_cells(adata), PreprocessConfig(min_genes=0, min_cells=0, n_top_genes=150))
    assert np.array_equal(found.expression.toarray(), adata[:, list(found.genes.selected)].X.toarray())


@pytest.mark.parametrize("kind", ["counts", "fractional counts", "log1p"])
def test_expressing_the_trained_cells_is_what_training_saw(kind: str) -> None:
    adata = _adata()
    adata.X = {"counts": adata.X, "fractional counts": adata.X * 7.3, "log1p": adata.X.log1p()}[kind]
    cells = _cells(adata)
    assert cells.kind == kind
    found = prepare(cells, CONFIG)
    again = express(cells.take(found.kept), found.genes)
    assert np.array_equal(again.toarray(), found.expression.toarray())


def test_expressing_reads_genes_by_name_and_passes_over_others() -> None:
    adata = _adata()
    found = prepare(_cells(adata), CONFIG)
    reordered = adata[:, np.random.default_rng(1).permutation(adata.n_vars)].copy()
    again = express(_cells(reordered).take(found.kept), found.genes)
    assert np.array_equal(again.toarray(), found.expression.toarray())
    only = adata[:, list(found.genes.expressed)].copy()
    fewer = express(_cells(only).take(found.kept), found.genes)
    assert np.array_equal(fewer.toarray(), found.expression.toarray())


def test_an_absent_gene_that_the_model_does_not_read_counts_as_unseen() -> None:
    adata = _adata()
    genes = prepare(_cells(adata), CONFIG).genes
    lost = next(name for name in genes.expressed if name not in genes.selected)
    counts = adata.to_df().drop(columns=lost)
    counts = counts[counts.sum().sort_values().index]  # the last gene is one that matters
    totals = counts[[name for name in genes.expressed if name != lost]].sum(axis=1).clip(lower=1)
    expected = np.log1p(counts[list(genes.selected)].div(totals, axis=0) * CONFIG.target_sum)
    found = express(_cells(adata[:, counts.columns].copy()), genes)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5)


def test_totals_are_summed_in_double_precision() -> None:
    generator = np.random.default_rng(0)
    values = (generator.random((4, 20_000)) + 0.5).astype(np.float32) * 30
    adata = AnnData(sparse.csr_matrix(values), obs=pd.DataFrame({"batch": list("aabb")}, index=list("pqrs")))
    found = prepare(_cells(adata), PreprocessConfig(min_genes=0, min_cells=1, n_top_genes=20_000))
    scale = (1e4 / values.astype(np.float64).sum(axis=1, keepdims=True)).astype(np.float32)
    places = adata.var_names.get_indexer(list(found.genes.selected))
    assert np.array_equal(found.expression.toarray(), np.log1p(values * scale)[:, places])


def test_a_cell_without_any_of_the_genes_is_all_zero() -> None:
    adata = _adata()
    found = prepare(_cells(adata), CONFIG)
    counts = adata.X.tolil()
    counts[3] = 0
    adata.X = counts.tocsr().astype(np.float32)
    assert express(_cells(adata), found.genes)[3].nnz == 0


def test_missing_genes_are_named() -> None:
    adata = _adata()
    genes = prepare(_cells(adata), CONFIG).genes
    lost = genes.selected[3]
    with pytest.raises(
        ModelError, match=rf"all 40 genes the model reads; 1 are missing: '{lost}'. Are the genes named"
    ):
        express(_cells(adata[:, adata.var_names != lost].copy()), genes)


POOLS: dict[str, tuple[list[int], list[set[int]]]] = {
    "none small": ([5, 6, 7], [{0}, {1}, {2}]),
    "just large enough": ([4, 4], [{0}, {1}]),
    "two small make one": ([2, 9, 3], [{0, 2}, {1}]),
    "small ones are exactly enough": ([2, 9, 2], [{0, 2}, {1}]),
    "too small together, so to the smallest large": ([9, 2, 5, 1], [{0}, {1, 2, 3}]),
    "a batch of one cell": ([1, 8, 6], [{0, 2}, {1}]),
    "all small": ([2, 1, 2], [{0, 1, 2}]),
    "all small and too few": ([1, 1], [{0, 1}]),
}


@pytest.mark.parametrize("case", POOLS)
def test_small_batches_are_pooled(case: str) -> None:
    sizes, groups = POOLS[case]
    batch = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    before = batch.copy()
    pooled = pool_small_batches(batch, min_cells=4)
    found = [set(batch[pooled == pool].tolist()) for pool in np.unique(pooled)]
    assert sorted(found, key=min) == groups
    assert np.array_equal(batch, before)


def test_a_pooled_choice_of_genes_is_scanpys_over_the_pools() -> None:
    adata = _adata((90, 8, 80, 1))
    config = PreprocessConfig(min_genes=0, min_cells=6, n_top_genes=40, min_batch_cells=30)
    found = prepare(_cells(adata), config)
    adata.obs["pool"] = adata.obs["batch"].map({"b000": "x", "b001": "y", "b002": "y", "b003": "y"})
    expected = _scanpy(adata, config, batch_key="pool")
    assert list(found.genes.selected) == sorted(expected.var_names[expected.var["highly_variable"]])


@pytest.mark.parametrize("sizes", [(1,) * 500, (1, 2) * 250, (40, 1), (1, 1), (2, 40, 2)])
def test_tiny_and_many_batches_are_prepared(sizes: tuple[int, ...]) -> None:
    found = prepare(_cells(_adata(sizes)), PreprocessConfig(min_genes=1, min_cells=1, n_top_genes=20))
    assert found.expression.shape == (found.kept.sum(), len(found.genes.selected))
    assert 20 <= len(found.genes.selected) < 30  # scanpy keeps all of several equals at the end
    assert np.isfinite(found.expression.data).all()


def test_genes_are_chosen_without_a_change_to_the_values() -> None:
    normalised = _cells(_adata()).values.log1p()
    before = normalised.copy()
    assert len(choose_genes(normalised, np.repeat([0, 1], 105), CONFIG)) == 40
    assert np.array_equal(normalised.data, before.data)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"min_genes": 150},
            r"min_genes=150 must leave cells of at least two batches; it leaves no cell\. A cell here has",
        ),
        (
            {"min_cells": 211},
            r"min_cells=211 must leave at least two genes; 0 of 150 are detected in that many cells",
        ),
    ],
)
def test_quality_control_never_drops_silently_to_nothing(config: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare(_cells(_adata()), PreprocessConfig(**{"min_genes": 0, **config}))


def test_one_batch_left_is_named() -> None:
    adata = _adata((40, 40))
    counts = adata.X.tolil()
    counts[:40, 2:] = 0
    adata.X = counts.tocsr().astype(np.float32)
    with pytest.raises(
        InputError, match="min_genes=10 must leave cells of at least two batches; it leaves only batch 'b001'"
    ):
        prepare(_cells(adata), PreprocessConfig(min_genes=10))


@pytest.mark.parametrize(
    ("n_genes", "configured", "expected"),
    [(30_000, None, 300), (6_000, None, 300), (500, None, 25), (500, 7, 7), (10, None, 0)],
)
def test_targeted_panels_ask_for_a_twentieth_of_their_genes(
    n_genes: int, configured: int | None, expected: int
) -> None:
    assert fewest_genes(n_genes, PreprocessConfig(min_genes=configured)) == expected


def test_a_batch_in_which_no_gene_varies_leaves_no_choice_of_genes() -> None:
    values = np.vstack([np.random.default_rng(0).poisson(3.0, (40, 12)), np.ones((40, 12))]).astype(np.float32)
    adata = AnnData(values, obs={"batch": ["a"] * 40 + ["b"] * 40})
    with pytest.raises(InputError, match=r"only where genes vary.*take all genes: n_top_genes=12 \(--n-top-genes 12\)"):
        prepare(from_anndata(adata, "batch"), PreprocessConfig(n_top_genes=6, min_genes=0))
    assert prepare(from_anndata(adata, "batch"), PreprocessConfig(n_top_genes=12, min_genes=0)).kept.all()


@pytest.mark.parametrize(("factor", "target_sum"), [(1e-42, 1e4), (1.5, 1e300)])
def test_a_scale_beyond_single_precision_is_refused(factor: float, target_sum: float) -> None:
    values = (factor * np.random.default_rng(0).poisson(3.0, (10, 12))).astype(np.float32)
    cells = from_anndata(AnnData(values, obs={"batch": list("ab") * 5}), "batch", input_kind="counts")
    config = PreprocessConfig(target_sum=target_sum, min_genes=0, min_cells=1)
    with pytest.raises(InputError, match=r"target_sum=.* must be within single precision .* 10 cells sum to .*lower"):
        prepare(cells, config)


def test_genes_come_in_the_order_of_their_names_whatever_theirs_was() -> None:
    adata = _adata()
    turned = adata[:, ::-1].copy()
    config = PreprocessConfig(n_top_genes=60)
    one, other = (prepare(from_anndata(each, "batch"), config) for each in (adata, turned))
    assert one.genes.selected == other.genes.selected == tuple(sorted(one.genes.selected))
    assert one.expression.has_sorted_indices
    assert np.allclose(one.expression.toarray(), other.expression.toarray(), rtol=1e-6)
