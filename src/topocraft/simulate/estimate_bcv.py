"""Splat's biological coefficient of variation from the spread of counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import optimize, sparse, special, stats

FEWEST_GENES = 50
WELL_EXPRESSED = 1.0
LARGEST_DF = 1e4
ROUNDS = 5
PUBLISHED_BASE, PUBLISHED_SLOPE = 0.1, 0.25


class Bcv(NamedTuple):
    """What all genes share, and the degrees of freedom of the chi-square variation between them."""

    common: float
    df: float


class _Spread(NamedTuple):
    """Per gene: mean, squared residuals less their Poisson part, and sums over cells of size^1, ^1.5 and ^2."""

    mean: np.ndarray
    excess: np.ndarray
    powers: tuple[float, float, float]

    def scale(self, common: float) -> np.ndarray:
        """Return per gene c in variance = λ + c · (common · λ + √λ)², from moments."""
        one, middle, two = self.powers
        expected = common**2 * self.mean**2 * two + 2 * common * self.mean**1.5 * middle + self.mean * one
        scale: np.ndarray = self.excess / expected
        return scale


def estimate_bcv(counts: sparse.csr_matrix, size: np.ndarray, generator: np.random.Generator) -> Bcv:
    """Estimate from genes with a mean of 1 or more, or the 50 of highest mean.

    In Splat a count of mean λ has the variance λ + c · (φ · λ + √λ)² with c = df / χ²_df drawn for each gene. Moments
    give c of every gene for any φ. φ is such that the median of ln c is that of ln(df / χ²_df), and df such that
    trigamma(df / 2), the variance of ln χ²_df, is the covariance of ln c between two halves of the cells, to which
    chance does not contribute.

    Where counts vary less than Splat can say (1 + c times Poisson, as at φ = 0), φ is Splatter's rule
    0.1 + 0.25 · dispersion, with the dispersion common to all genes from moments in the place of edgeR's.

    Parameters
    ----------
    counts
        (cells, genes), CSR.
    size
        Library sizes over their median, (cells,).
    generator
        Deals the cells into halves.

    Returns
    -------
    Bcv
        ``common`` at least 0, ``df`` at least 1, infinite where genes do not differ.
    """
    mean = np.asarray(counts.sum(axis=0)).ravel() / size.sum()
    genes = np.argsort(-mean, kind="stable")[: max(FEWEST_GENES, int(np.sum(mean >= WELL_EXPRESSED)))]
    genes = genes[mean[genes] > 0]
    chosen, mean = sparse.csr_matrix(counts[:, genes]), mean[genes]
    halves = np.array_split(generator.permutation(len(size)), 2)
    spread = _spread(chosen, size, mean)
    parts = [_spread(chosen[half], size[half], mean) for half in halves]
    common, df = 0.0, np.inf
    for _ in range(ROUNDS):
        common = _common(spread, df)
        df = _degrees(*(part.scale(common) for part in parts))
    if common == 0:
        dispersion = max(0.0, spread.excess.sum() / float(np.sum(mean**2) * spread.powers[2]))
        common = PUBLISHED_BASE + PUBLISHED_SLOPE * dispersion
    return Bcv(float(common), float(df))


def _spread(counts: sparse.csr_matrix, size: np.ndarray, mean: np.ndarray) -> _Spread:
    squares = np.asarray(counts.power(2).sum(axis=0)).ravel()
    crossed = counts.T @ size
    powers = (float(size.sum()), float(np.sum(size**1.5)), float(np.sum(size**2)))
    excess = squares - 2 * mean * crossed + mean**2 * powers[2] - mean * powers[0]
    return _Spread(mean, excess, powers)


def _common(spread: _Spread, df: float) -> float:
    target = 1.0 if np.isinf(df) else df / float(stats.chi2.median(df))

    def above(common: float) -> float:
        return float(np.median(spread.scale(common))) - target

    if above(0.0) <= 0:
        return 0.0
    high = 1.0
    while above(high) > 0:
        high *= 2
    return float(optimize.brentq(above, 0.0, high))


def _degrees(first: np.ndarray, second: np.ndarray) -> float:
    known = (first > 0) & (second > 0)
    if known.sum() < 3:
        return np.inf
    shared = float(np.cov(_limited(np.log(first[known])), _limited(np.log(second[known])))[0, 1])

    def above(df: float) -> float:
        return float(special.polygamma(1, df / 2)) - shared

    if above(LARGEST_DF) >= 0:
        return np.inf
    return 1.0 if above(1.0) <= 0 else float(optimize.brentq(above, 1.0, LARGEST_DF))


def _limited(values: np.ndarray) -> np.ndarray:
    middle, spread = np.median(values), stats.median_abs_deviation(values, scale="normal")
    limited: np.ndarray = np.clip(values, middle - 3 * spread, middle + 3 * spread)
    return limited
