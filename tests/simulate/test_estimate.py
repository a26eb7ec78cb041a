"""Splat's parameters are found again in counts that were drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
from scipy import sparse, special, stats

from topocraft.errors import InputError
from topocraft.simulate.estimate import (
    estimate_dropout,
    estimate_libraries,
    estimate_means,
    estimate_outliers,
    estimate_splat,
    find_outliers,
)
from topocraft.simulate.estimate_bcv import estimate_bcv

SHAPE, LIB_LOC, LIB_SCALE, OUT_PROB, OUT_LOC, OUT_SCALE, BCV, DF = 0.6, 9.5, 0.3, 0.03, 4.0, 0.3, 0.3, 15.0


@pytest.fixture(scope="module")
def splat() -> sparse.csr_matrix:
    """Counts by the formulas of the paper, (700, 3000)."""
    rng = np.random.default_rng(5)
    base = rng.gamma(SHAPE, 1.0, 3000)
    base = np.where(rng.random(3000) < OUT_PROB, np.median(base) * rng.lognormal(OUT_LOC, OUT_SCALE, 3000), base)
    mean = base / base.sum() * rng.lognormal(LIB_LOC, LIB_SCALE, 700)[:, None]
    bcv = (BCV + 1 / np.sqrt(mean)) * np.sqrt(DF / rng.chisquare(DF, 3000))
    return sparse.csr_matrix(rng.poisson(rng.gamma(1 / bcv**2, mean * bcv**2)))


def test_all_parameters_of_a_simulation_are_found_again(splat: sparse.csr_matrix) -> None:
    found = estimate_splat(splat)
    assert (found.n_genes, found.batch_cells, found.dropout_type) == (3000, (700,), "none")
    assert found.mean_shape == pytest.approx(SHAPE, rel=0.12)
    assert found.lib_loc == pytest.approx(LIB_LOC, abs=0.04)
    assert found.lib_scale == pytest.approx(LIB_SCALE, rel=0.1)
    assert not found.lib_norm
    assert found.out_prob == pytest.approx(OUT_PROB, rel=0.3)
    assert found.out_fac_loc == pytest.approx(OUT_LOC, abs=0.25)
    assert found.out_fac_scale == pytest.approx(OUT_SCALE, rel=0.3)
    assert found.bcv_common == pytest.approx(BCV, rel=0.07)
    assert found.bcv_df == pytest.approx(DF, rel=0.3)


def test_the_rate_is_that_of_means_at_the_median_library_size(splat: sparse.csr_matrix) -> None:
    found = estimate_splat(splat)
    usual = np.median(np.asarray(splat.sum(axis=0)).ravel()) / splat.sum() * np.exp(LIB_LOC)
    assert stats.gamma.median(found.mean_shape, scale=1 / found.mean_rate) == pytest.approx(usual, rel=0.12)


def test_the_same_seed_gives_the_same_and_another_seed_other_halves(splat: sparse.csr_matrix) -> None:
    some = splat[:200]
    before = some.copy()
    assert estimate_splat(some, seed=3) == estimate_splat(some, seed=3)
    assert estimate_splat(some, seed=3).bcv_df != estimate_splat(some, seed=4).bcv_df
    assert (some != before).nnz == 0


@pytest.mark.parametrize(("shape", "rate"), [(0.34, 7.68), (0.6, 0.3), (2.0, 1.5)])
def test_censored_means_leave_the_gamma_distribution_what_it_is(shape: float, rate: float) -> None:
    means = stats.gamma.ppf((np.arange(4000) + 0.5) / 4000, shape, scale=1 / rate)
    found = estimate_means(means, n_cells=1000)
    assert (found.shape, found.rate) == pytest.approx((shape, rate), rel=0.01)


def test_outliers_are_the_genes_beyond_two_deviations() -> None:
    logs = np.concatenate([stats.norm.ppf((np.arange(1000) + 0.5) / 1000), [5.0, 6.0, 7.0]])
    seen = np.full(1003, 9)
    seen[-1] = 1
    outlying = find_outliers(np.exp(logs), seen)
    assert outlying[1000:].tolist() == [True, True, False]
    assert outlying[:1000].mean() == pytest.approx(stats.norm.sf(2), abs=0.003)
    factors = estimate_outliers(np.exp(logs), np.isin(logs, [5.0, 6.0]), estimate_means(np.exp(logs[:1000]), 10**6))
    assert factors.prob == 2 / 1003
    assert factors.fac_loc == pytest.approx(5.5, abs=0.3)
    assert factors.fac_scale == pytest.approx(0.5)


def test_libraries_are_normal_only_where_that_fits_better() -> None:
    quantiles = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    assert estimate_libraries(np.exp(8 + 0.4 * quantiles)) == pytest.approx((8.0, 0.4, False), rel=0.01)
    assert estimate_libraries(5000 + 1000 * quantiles) == pytest.approx((5000.0, 1000.0, True), rel=0.01)
    assert estimate_libraries(np.full(30, 100.0)) == (np.log(100), 0.0, False)


def test_the_dropout_curve_goes_through_shares_that_lie_on_it() -> None:
    mean = np.append(np.exp(np.linspace(-3, 5, 60)), 0.0)
    share = np.append(special.expit(-1.3 * (np.log(mean[:-1]) - 0.7)), 1.0)
    assert estimate_dropout(mean, share) == pytest.approx((0.7, -1.3), abs=1e-5)


def test_genes_alike_have_infinite_degrees_of_freedom() -> None:
    rng = np.random.default_rng(0)
    mean = np.repeat(rng.lognormal(2, 0.6, 400)[None], 400, axis=0)
    bcv = 0.25 + 1 / np.sqrt(mean)
    counts = sparse.csr_matrix(rng.poisson(rng.gamma(1 / bcv**2, mean * bcv**2)).astype(float))
    found = estimate_bcv(counts, np.ones(400), rng)
    assert found.common == pytest.approx(0.25, rel=0.06)
    assert found.df > 200


def test_counts_that_vary_less_than_splat_can_say_get_the_published_rule() -> None:
    rng = np.random.default_rng(1)
    counts = sparse.csr_matrix(rng.negative_binomial(5, 5 / (5 + 1.5), (500, 300)).astype(float))
    assert estimate_bcv(counts, np.ones(500), rng).common == pytest.approx(0.1 + 0.25 * 0.2, abs=0.005)


@pytest.mark.parametrize("name", ["tran_simul1.h5ad", "tran_simul2.h5ad"])
def test_the_real_splatter_is_read_right(name: str, shared_data: Callable[[str], Path]) -> None:
    """Its files hold only variable genes and have dropout, so what both leave alone is compared."""
    adata = anndata.read_h5ad(shared_data(name))
    cells = adata[((adata.obs["batch"] == "Batch2") & (adata.obs["celltype"] == "Group2")).to_numpy()]
    truth = cells.var["GeneMean"] * cells.var["BatchFacBatch2"] * cells.var["DEFacGroup2"]
    mean = np.asarray(cells.X.mean(axis=0)).ravel()
    assert estimate_splat(cells.X).lib_scale == pytest.approx(np.log(cells.obs["ExpLibSize"]).std(), rel=0.08)
    outlying, is_outlier = find_outliers(mean, cells.X.getnnz(axis=0)), cells.var["OutlierFactor"].to_numpy() > 1
    assert outlying[is_outlier].mean() > 0.97
    assert outlying[~is_outlier].mean() < 0.02
    assert np.corrcoef(np.log(mean), np.log(truth))[0, 1] > 0.998
    size = (cells.obs["ExpLibSize"] / cells.obs["ExpLibSize"].median()).to_numpy()
    high = estimate_bcv(cells.X[:, mean > 60].astype(float), size, np.random.default_rng(0))
    assert high.common == pytest.approx(0.1, abs=0.045)  # Splatter's default; dropout, if rare, adds to it
    assert 25 < high.df < 120  # default 60, from 65 genes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x - sparse.csr_matrix(np.eye(60, 80) * 99), "whole numbers of 0 or more.*got -"),
        (lambda x: x * 0.3, "whole numbers of 0 or more"),
        (lambda x: x.toarray(), "must be a sparse matrix"),
        (lambda x: x * 0, "must hold counts"),
        (lambda x: x[:5], "at least 20 cells"),
        (lambda x: sparse.vstack([x, x[:2] * 0]).tocsr(), "2 cells have none"),
        (lambda x: sparse.csr_matrix((x > 8).astype(float) + sparse.csr_matrix(np.eye(60, 80))), "too few"),
    ],
)
def test_counts_that_cannot_be_used_are_refused(change: Callable[[sparse.csr_matrix], object], message: str) -> None:
    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(2.0, (60, 80)).astype(float))
    with pytest.raises(InputError, match=message):
        estimate_splat(change(counts))  # type: ignore[arg-type]
