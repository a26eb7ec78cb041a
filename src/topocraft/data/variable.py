"""Highly variable genes from sums over cells, so that the cells need not be in memory at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

BINS = 20
SMALLEST_MEAN = 1e-12


@dataclass(frozen=True, eq=False)
class Moments:
    """Of every gene in every pool of batches (n_pools, n_genes): detected at all, mean, and variance (n − 1)."""

    detected: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def gene_moments(blocks: Iterable[tuple[np.ndarray, sparse.csr_matrix]], pool: np.ndarray, n_genes: int) -> Moments:
    """Return the moments of normalised counts, before the logarithm.

    Parameters
    ----------
    blocks
        Places of some cells and their log1p-normalised values, until every cell has come.
    pool
        Pool of every cell, (n_cells,).
    n_genes
        Number of genes.
    """
    names, pool = np.unique(pool.astype(str), return_inverse=True)
    total, squares = np.zeros((len(names), n_genes)), np.zeros((len(names), n_genes))
    for places, block in blocks:
        here = pool[places]
        for code in np.unique(here):
            rows = block[here == code]
            values = np.expm1(rows.data)
            total[code] += np.bincount(rows.indices, values, n_genes)
            squares[code] += np.bincount(rows.indices, np.square(values), n_genes)
    sizes = np.bincount(pool)[:, None]
    mean = total / sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares / sizes - mean**2) * (sizes / (sizes - 1))
    return Moments(total > 0, mean, variance)


def most_variable(moments: Moments, n_top: int) -> np.ndarray:
    """Return the sorted indices of the most variable genes, as scanpy's flavour "seurat" chooses them.

    In each pool the logarithm of variance over mean is standardised among genes of like mean; genes are ranked by the
    number of pools in which they are among the first ``n_top``, and then by their mean standardised dispersion. A pool
    leaves out genes that it does not show.

    References
    ----------
    Satija et al. 2015, doi:10.1038/nbt.3192; scanpy: Wolf et al. 2018, doi:10.1186/s13059-017-1382-0.

    Examples
    --------
    >>> mean = np.linspace(1.0, 2.0, 200)[None]
    >>> variance = mean * np.tile([1.0, 2.0], 100)
    >>> variance[0, [10, 20]] *= 9
    >>> most_variable(Moments(mean > 0, mean, variance), 2).tolist()
    [10, 20]
    """
    if len(moments.mean) == 1:
        return np.flatnonzero(_first(_standardised(moments.mean[0], moments.variance[0]), n_top))
    names = np.arange(moments.mean.shape[1]).astype(str)
    pools = []
    for shown, mean, variance in zip(moments.detected, moments.mean, moments.variance, strict=True):
        dispersion, chosen = np.zeros(len(names)), np.zeros(len(names), dtype=np.int64)
        dispersion[shown] = _standardised(mean[shown], variance[shown])
        chosen[shown] = _first(dispersion[shown], n_top)
        pools.append(pd.DataFrame({"gene": names, "dispersion": dispersion, "chosen": chosen}))
    ranked = pd.concat(pools).groupby("gene").agg({"dispersion": "mean", "chosen": "sum"})
    ranked = ranked.sort_values(["chosen", "dispersion"], ascending=False, na_position="last")
    return np.sort(ranked.index[:n_top].to_numpy().astype(np.int64))


def _standardised(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return log(variance / mean), standardised among genes in one of ``BINS`` intervals of log(1 + mean).

    A gene alone in its interval gets 1.
    """
    mean = np.where(mean == 0, SMALLEST_MEAN, mean)
    ratio = variance / mean
    with np.errstate(invalid="ignore"):
        dispersion = pd.Series(np.log(np.where(ratio == 0, np.nan, ratio)))
    like = dispersion.groupby(pd.cut(np.log1p(mean), BINS, labels=False))
    middle, spread = like.transform("mean"), like.transform("std")
    alone = spread.isna()
    centred = dispersion.where(alone, dispersion - middle)
    standardised: np.ndarray = (centred / spread.where(~alone, middle)).to_numpy()
    return standardised


def _first(dispersion: np.ndarray, n_top: int) -> np.ndarray:
    known = np.sort(dispersion[~np.isnan(dispersion)])[::-1]
    last: float = known[min(n_top, len(known)) - 1]
    first: np.ndarray = np.nan_to_num(dispersion, nan=-np.inf) >= last
    return first
