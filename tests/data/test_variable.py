"""Variable genes from blocks are those that scanpy chooses from all cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.preprocess import choose_genes
from topocraft.data.variable import gene_moments, most_variable


def _cells(n_genes: int = 400, seed: int = 0) -> tuple[sparse.csr_matrix, np.ndarray]:
    draws = np.random.default_rng(seed)
    means = draws.gamma(0.4, 2.0, n_genes)
    rates = means * draws.gamma(2.0, 0.5, (300, n_genes))
    batch = draws.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
    rates[batch == 2, :50] = 0  # a pool that does not show some genes
    return sparse.csr_matrix(np.log1p(draws.poisson(rates)).astype(np.float32)), batch


def _blocks(values: sparse.csr_matrix, seed: int) -> list[tuple[np.ndarray, sparse.csr_matrix]]:
    order = np.random.default_rng(seed).permutation(values.shape[0])
    return [(order[start : start + 70], values[order[start : start + 70]]) for start in range(0, len(order), 70)]


@pytest.mark.parametrize("n_top", [2, 60, 399])
@pytest.mark.parametrize("several", [True, False])
def test_the_genes_that_scanpy_chooses(n_top: int, several: bool) -> None:
    for seed in range(3):
        values, batch = _cells(seed=seed)
        pool = batch if several else np.zeros_like(batch)
        expected = choose_genes(values, pool, PreprocessConfig(n_top_genes=n_top, min_batch_cells=2))
        found = most_variable(gene_moments(_blocks(values, seed), pool, 400), n_top)
        np.testing.assert_array_equal(found, expected)


def test_moments_are_those_of_numpy() -> None:
    values, batch = _cells()
    moments = gene_moments(_blocks(values, 1), batch, 400)
    raw = np.expm1(values.toarray().astype(np.float64))
    for code in range(4):
        inside = raw[batch == code]
        np.testing.assert_allclose(moments.mean[code], inside.mean(axis=0), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(moments.variance[code], inside.var(axis=0, ddof=1), rtol=1e-5, atol=1e-9)
        np.testing.assert_array_equal(moments.detected[code], (inside > 0).any(axis=0))
