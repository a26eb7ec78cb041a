"""Splat's truth: distributions against scipy, the path's ends, dropout's kinds, and the same bytes again."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from anndata import AnnData
from scipy import stats

from topocraft.errors import ConfigError
from topocraft.simulate.parameters import SplatParams
from topocraft.simulate.paths import bridge
from topocraft.simulate.splat import simulate_splat
from topocraft.simulate.splat_cells import draw_cells
from topocraft.simulate.splat_genes import draw_genes, lognormal_factors

GROUPS = SplatParams(
    n_genes=20_000,
    method="groups",
    batch_cells=(3000, 1000),
    batch_fac_loc=(0.1, 0.0),
    batch_fac_scale=(0.5, 1.0),
    group_prob=(0.2, 0.3, 0.5),
    de_prob=(0.1, 0.4, 0.0),
    de_down_prob=(0.25, 0.5, 0.5),
    de_fac_loc=0.3,
    lib_loc=6.0,
    lib_scale=0.4,
)
FORK = SplatParams(
    n_genes=300,
    method="paths",
    batch_cells=3000,
    group_prob=(0.4, 0.3, 0.3),
    path_from=(0, 1, 1),
    path_n_steps=(20, 30, 40),
    path_skew=(0.0, 0.5, 1.0),
    de_prob=0.5,
    path_nonlinear_prob=0.2,
    lib_loc=6.0,
)


def test_genes_follow_the_distributions_of_the_model() -> None:
    genes = draw_genes(GROUPS, seed=1)
    base, outlier = genes.columns["BaseGeneMean"], genes.columns["OutlierFactor"]
    assert stats.kstest(base, stats.gamma(0.6, scale=1 / 0.3).cdf).pvalue > 1e-3
    assert stats.binomtest(int((outlier > 1).sum()), 20_000, 0.05).pvalue > 1e-3
    assert stats.kstest(np.log(outlier[outlier > 1]), stats.norm(4, 0.5).cdf).pvalue > 1e-3
    np.testing.assert_allclose(genes.mean, np.where(outlier > 1, np.median(base) * outlier, base))
    assert stats.kstest(60 / genes.dispersion, stats.chi2(60).cdf).pvalue > 1e-3


def test_batch_factors_are_log_normal_in_either_direction() -> None:
    factors = draw_genes(GROUPS, seed=2).batch_factors
    for row, (loc, scale) in zip(factors, ((0.1, 0.5), (0.0, 1.0)), strict=True):
        assert stats.kstest(np.abs(np.log(row)), stats.foldnorm(abs(loc) / scale, scale=scale).cdf).pvalue > 1e-3
        assert stats.binomtest(int((row > 1).sum()), len(row), 0.5).pvalue > 1e-3


def test_groups_differ_in_the_share_of_genes_and_the_direction_asked_for() -> None:
    first, second, third = draw_genes(GROUPS, seed=3).group_factors
    assert (third == 1).all()
    for row, prob, down in ((first, 0.1, 0.25), (second, 0.4, 0.5)):
        changed = row[row != 1]
        assert stats.binomtest(len(changed), len(row), prob).pvalue > 1e-3
        assert stats.binomtest(int((changed < 1).sum()), len(changed), down).pvalue > 1e-3


def test_factors_without_spread_are_exact() -> None:
    factors = lognormal_factors(100, 1.0, 0.0, -0.5, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(factors, np.exp(0.5))


def test_cells_follow_the_distributions_of_the_model() -> None:
    cells = draw_cells(GROUPS, seed=1)
    assert np.bincount(cells.batch).tolist() == [3000, 1000]
    assert stats.chisquare(np.bincount(cells.group), np.array([0.2, 0.3, 0.5]) * 4000).pvalue > 1e-3
    assert stats.kstest(np.log(cells.library), stats.norm(6.0, 0.4).cdf).pvalue > 1e-3


def test_normal_libraries_are_never_negative() -> None:
    params = SplatParams(batch_cells=2000, lib_norm=True, lib_loc=10.0, lib_scale=10.0)
    library = draw_cells(params, seed=1).library
    assert library.min() > 0
    assert stats.kstest(library[library > 1], stats.truncnorm(-0.9, np.inf, 10, 10).cdf).pvalue > 1e-3
    with pytest.raises(ConfigError, match="lib_loc must be positive if lib_norm is set"):
        draw_cells(SplatParams(lib_norm=True, lib_loc=-9, lib_scale=0.1), seed=1)


def test_libraries_beyond_exact_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="lib_loc and lib_scale must give at most 16,777,216 counts"):
        draw_cells(SplatParams(lib_loc=2000), seed=1)


def test_the_counts_average_to_what_the_returned_truth_says() -> None:
    params = SplatParams(
        n_genes=40, method="groups", batch_cells=(4000, 4000), group_prob=(0.5, 0.5), lib_loc=6, de_prob=0.5, bcv_df=30
    )
    adata = simulate_splat(params, seed=4)
    for batch in ("Batch1", "Batch2"):
        for group in ("Group1", "Group2"):
            cells = adata[(adata.obs["batch"] == batch) & (adata.obs["celltype"] == group)]
            raw = adata.var["GeneMean"] * adata.var[f"BatchFac{batch}"] * adata.var[f"DEFac{group}"]
            share = (raw / raw.sum()).to_numpy()
            library = cells.obs["ExpLibSize"].to_numpy()
            expected = library[:, None] * share
            square = np.square(0.1 + expected**-0.5) * np.square(adata.var["BCVFactor"].to_numpy())
            error = np.sqrt((expected + np.square(expected) * square).sum(axis=0))
            z = (np.asarray(cells.X.sum(axis=0)).ravel() - expected.sum(axis=0)) / error
            assert np.abs(z).max() < 4.5
            assert 0.6 < z.std() < 1.5


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    params = SplatParams(n_genes=100, batch_cells=(50, 50), lib_loc=6)
    digests = [_digest(simulate_splat(params, seed, threads=threads)) for seed, threads in ((1, 1), (1, 2), (2, 1))]
    assert digests[0] == digests[1] != digests[2]


def test_parameters_and_seed_come_back() -> None:
    params = SplatParams(n_genes=60, batch_cells=(30, 40), lib_loc=5)
    noted = simulate_splat(params, seed=7).uns["splat"]
    assert SplatParams.from_dict(json.loads(noted["parameters"])) == params
    assert noted["seed"] == 7


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_a_seed_that_is_none_is_refused(seed: object) -> None:
    with pytest.raises(ConfigError, match="seed must be a whole number, at least 0"):
        simulate_splat(SplatParams(n_genes=50), seed)  # type: ignore[arg-type]


def test_a_bridge_keeps_its_ends_and_without_sigma_is_straight() -> None:
    start, end, sigma = np.full(2000, 1.0), np.full(2000, 5.0), np.repeat([0.0, 0.3], 1000)
    drawn = bridge(start, end, 9, sigma, np.random.default_rng(0))
    np.testing.assert_allclose(drawn[[0, -1]], [start, end])
    np.testing.assert_allclose(drawn[:, :1000], np.linspace(1, 5, 9)[:, None] * np.ones(1000))
    # At a knot t, four steps of variance σ² tied at both ends leave 4 t (1 − t) σ².
    spread = drawn[[2, 4, 6], 1000:]
    np.testing.assert_allclose(spread.mean(axis=1), [2, 3, 4], atol=0.05)
    np.testing.assert_allclose(spread.var(axis=1), 4 * 0.09 * np.array([3, 4, 3]) / 16, rtol=0.2)


def test_paths_begin_where_the_path_before_them_ends() -> None:
    genes = draw_genes(FORK, seed=1)
    first, second, third = np.split(genes.group_factors, [20, 50])
    np.testing.assert_allclose(first[0], 1.0)
    np.testing.assert_allclose(first[-1], genes.columns["DEFacPath1"])
    for path, name in ((second, "DEFacPath2"), (third, "DEFacPath3")):
        np.testing.assert_allclose(path[0], first[-1])
        np.testing.assert_allclose(path[-1], first[-1] * genes.columns[name])
    assert set(np.unique(genes.columns["SigmaFacPath1"])) == {0.0, 0.8}


def test_positions_lean_the_way_of_the_skew() -> None:
    obs = simulate_splat(FORK, seed=2).obs
    assert set(obs["path"]) == {"Path1", "Path2", "Path3"}
    assert obs["position"].between(0, 1).all()
    means = obs.groupby("path", observed=True)["position"].mean()
    # Weights that rise linearly from 0 have their mean at two thirds.
    assert means["Path1"] == pytest.approx(2 / 3, abs=0.04)
    assert means["Path2"] == pytest.approx(1 / 2, abs=0.04)
    assert means["Path3"] == pytest.approx(1 / 3, abs=0.04)
    later = (obs["path"] != "Path1").to_numpy()
    np.testing.assert_allclose(obs["pseudotime"], (obs["position"] + later) / 2)


@pytest.mark.parametrize(
    ("kind", "mid"),
    [("batch", (-20.0, 20.0)), ("group", (20.0, -20.0)), ("cell", tuple(np.tile([-20.0, 20.0], 100)))],
)
def test_dropout_goes_by_batch_group_or_cell(kind: str, mid: tuple[float, ...]) -> None:
    params = SplatParams(
        n_genes=50,
        method="groups",
        batch_cells=(100, 100),
        group_prob=(0.5, 0.5),
        dropout_type=kind,
        dropout_mid=mid,
        lib_loc=7,
    )
    adata = simulate_splat(params, seed=1)
    codes = {
        "batch": adata.obs["batch"].cat.codes.to_numpy(),
        "group": adata.obs["celltype"].cat.codes.to_numpy(),
        "cell": np.arange(200),
    }[kind]
    lost = np.array(mid)[codes] > 0
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    assert totals[lost].max() == 0
    assert totals[~lost].min() > 100


def _digest(adata: AnnData) -> str:
    parts = (adata.X.data, adata.X.indices, adata.X.indptr, adata.var.to_numpy(), adata.obs["ExpLibSize"].to_numpy())
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
