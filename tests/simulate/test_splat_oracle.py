"""Our counts beside those of the real Splatter, drawn anew from the truth that it wrote beside them (Tran et al. 2020).

Those sets hold variable genes only, so that the share of all other genes is read from the counts of the strongest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import anndata
import numpy as np
import pytest

from topocraft.simulate.counts import Dropout, Model, draw_counts, expected_counts

SETS = {"tran_simul1.h5ad": 0.05, "tran_simul2.h5ad": 0.25}
"""Midpoints of the dropout; its shape is −1, bcv_common 0.1 and bcv_df 60, Splatter's defaults."""


class Pair(NamedTuple):
    theirs: np.ndarray
    ours: np.ndarray
    expected: np.ndarray
    truth: anndata.AnnData


@pytest.fixture(scope="module", params=SETS)
def pair(request: pytest.FixtureRequest, shared_data: Callable[[str], Path]) -> Pair:
    adata = anndata.read_h5ad(shared_data(request.param))
    theirs = np.asarray(adata.X.todense()) if hasattr(adata.X, "todense") else np.asarray(adata.X)
    batch, group = (adata.obs[key].cat.codes.to_numpy() for key in ("batch", "celltype"))
    effects = tuple(
        (adata.var[[f"{name}1", f"{name}2"]].T.to_numpy(), codes)
        for name, codes in (("BatchFacBatch", batch), ("DEFacGroup", group))
    )
    mean = adata.var["GeneMean"].to_numpy()
    weights = mean * effects[0][0][batch] * effects[1][0][group]
    library = adata.obs["ExpLibSize"].to_numpy() * weights.sum(axis=1)
    for kind in range(4):
        cells = (2 * batch + group) == kind
        strong = weights[cells][0] > np.quantile(weights[cells][0], 0.9)
        expected = adata.obs["ExpLibSize"].to_numpy()[cells].sum() * weights[cells][0][strong]
        library[cells] /= np.median(expected / theirs[cells][:, strong].sum(axis=0))
    dispersion = 60 / np.random.default_rng(0).chisquare(60, len(mean))
    n_cells = len(library)
    dropout = Dropout(np.full(n_cells, SETS[request.param]), np.full(n_cells, -1.0))
    model = Model(mean, dispersion, 0.1, library, effects, dropout)
    ours = draw_counts(model, np.random.default_rng(1)).toarray()
    return Pair(theirs, ours, expected_counts(model, slice(None)), adata)


@pytest.mark.parametrize("between", [(8, 15), (15, 30), (30, 60)])
def test_as_many_zeros_and_as_much_expression_as_the_real_splatter(pair: Pair, between: tuple[int, int]) -> None:
    genes = _genes(pair, between)
    zeros = [(counts[:, genes] == 0).mean() for counts in (pair.theirs, pair.ours)]
    kept = [counts[:, genes].sum() / pair.expected[:, genes].sum() for counts in (pair.theirs, pair.ours)]
    assert abs(zeros[0] - zeros[1]) < 0.004
    assert abs(kept[0] - kept[1]) < 0.02


@pytest.mark.parametrize("between", [(8, 15), (15, 30)])
def test_genes_vary_as_those_of_the_real_splatter(pair: Pair, between: tuple[int, int]) -> None:
    """The spread between genes would be a quarter less if the chi-square were drawn for every count."""
    genes = _genes(pair, between)
    theirs, ours = (
        _relative_variance(counts[:, genes], pair.expected[:, genes]) for counts in (pair.theirs, pair.ours)
    )
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.08)  # variable genes were chosen, so theirs is above
    assert ours.std() / ours.mean() == pytest.approx(theirs.std() / theirs.mean(), abs=0.03)


def test_an_outlier_stands_on_the_median_of_all_genes(pair: Pair) -> None:
    var = pair.truth.var
    outlier = var["OutlierFactor"] > 1
    assert (var["OutlierFactor"] >= 1).all()
    assert np.ptp((var["GeneMean"] / var["OutlierFactor"])[outlier]) < 1e-9
    assert np.array_equal(var["GeneMean"][~outlier], var["BaseGeneMean"][~outlier])


def _genes(pair: Pair, between: tuple[int, int]) -> np.ndarray:
    level = pair.expected.mean(axis=0)
    return (level > between[0]) & (level < between[1])


def _relative_variance(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    there = counts > 0
    return (np.square(counts - expected) * there).sum(axis=0) / (np.square(expected) * there).sum(axis=0)
