"""Splat's parameters from a user's own counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import optimize, sparse, special, stats

from topocraft.errors import InputError
from topocraft.randomness import numpy_stream
from topocraft.simulate.checks import checked_counts
from topocraft.simulate.estimate_bcv import estimate_bcv
from topocraft.simulate.parameters import SplatParams

SMALLEST = 20
ENOUGH_COUNTS = 10
WINSORISED = 0.1
MADS = 2.0
CLEARLY_BETTER = 2.0
"""Of log-likelihood, before normal library sizes are preferred to log-normal ones."""


class GeneMeans(NamedTuple):
    """Shape and rate of the gamma distribution of gene means."""

    shape: float
    rate: float


class Outliers(NamedTuple):
    """Share of outlier genes, mean and standard deviation of the logarithm of their factors."""

    prob: float
    fac_loc: float
    fac_scale: float


class Libraries(NamedTuple):
    """Mean and standard deviation of the logarithm of library sizes, or, if ``norm``, of library sizes."""

    loc: float
    scale: float
    norm: bool


class DropoutCurve(NamedTuple):
    """Midpoint and shape of the share of zeros as a logistic function of the logarithm of the mean."""

    mid: float
    shape: float


def estimate_splat(counts: sparse.csr_matrix, seed: int = 0) -> SplatParams:
    """Estimate the parameters of one population, best from cells of one type and one batch.

    What cannot be told from unlabelled cells (batches, groups, paths) keeps its default, and so does ``dropout_type``,
    "none": the zeros of counts need no dropout, and ``dropout_mid`` and ``dropout_shape`` describe all zeros.

    * Outliers: genes whose log mean is above the median by more than two median absolute deviations (× 1.4826), among
      genes seen in two cells or more; factors are their means over the gamma's median.
    * Means: counts are brought to the median library size and averaged per gene. The means of the other genes are
      winsorised at their 10th and 90th percentiles, and the gamma likelihood takes what was moved for what it is,
      censored. Genes of fewer than 10 counts are censored as well: that they are low is known, how low is not.
    * Libraries: log-normal; normal if its log-likelihood is higher by more than 2.
    * Coefficient of variation: see ``estimate_bcv``.
    * Dropout: the logistic curve of the share of zeros over the log mean, by least squares.

    Parameters
    ----------
    counts
        Raw counts, (cells, genes), sparse, whole numbers of 0 or more; at least 20 cells and 20 genes.
    seed
        Deals the cells into two halves, between which noise is told from differences among genes.

    Returns
    -------
    SplatParams
        With ``n_genes`` and ``batch_cells`` those of the counts.

    Raises
    ------
    InputError
        Counts that are negative or not whole, too few cells or genes, cells without counts, or so few counts that fewer
        than a tenth of the genes have 10.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0.

    Examples
    --------
    >>> from topocraft.simulate.demo import demo_cells
    >>> params = estimate_splat(demo_cells(n_cells=200, n_genes=300, seed=1).X)
    >>> params.n_genes, params.batch_cells, round(params.lib_scale, 1)
    (300, (200,), 0.3)
    """
    matrix = checked_counts(counts)
    library = _library_sizes(matrix)
    size = library / np.median(library)
    normalised = sparse.csr_matrix(sparse.diags(1 / size) @ matrix)
    mean, seen = np.asarray(normalised.mean(axis=0)).ravel(), matrix.getnnz(axis=0)
    outlying = find_outliers(mean, seen)
    gamma = estimate_means(mean[~outlying], len(library))
    outliers = estimate_outliers(mean, outlying, gamma)
    libraries = estimate_libraries(library)
    order = np.lexsort((np.asarray(matrix.power(2).sum(axis=1)).ravel(), library))  # not that of the input
    bcv = estimate_bcv(matrix[order], size[order], numpy_stream(seed, "estimate splat halves"))
    curve = estimate_dropout(mean, 1 - seen / len(library))
    return SplatParams(
        n_genes=matrix.shape[1],
        batch_cells=(len(library),),
        mean_shape=gamma.shape,
        mean_rate=gamma.rate,
        lib_loc=libraries.loc,
        lib_scale=libraries.scale,
        lib_norm=libraries.norm,
        out_prob=outliers.prob,
        out_fac_loc=outliers.fac_loc,
        out_fac_scale=outliers.fac_scale,
        bcv_common=bcv.common,
        bcv_df=bcv.df,
        dropout_mid=curve.mid,
        dropout_shape=curve.shape,
    )


def _library_sizes(counts: sparse.csr_matrix) -> np.ndarray:
    if min(counts.shape) < SMALLEST:
        raise InputError(f"counts must have at least {SMALLEST} cells and {SMALLEST} genes; got {counts.shape}.")
    library: np.ndarray = np.asarray(counts.sum(axis=1)).ravel()
    empty = int(np.sum(library == 0))
    if empty:
        raise InputError(f"counts must hold counts in every cell; {empty:,} cells have none. Leave them out.")
    return library


def estimate_means(mean: np.ndarray, n_cells: int) -> GeneMeans:
    """Fit a gamma distribution to winsorised gene means, (genes,), by censored maximum likelihood."""
    low, high = np.quantile(mean, [WINSORISED, 1 - WINSORISED])
    low = max(low, ENOUGH_COUNTS / n_cells)
    if low >= high:
        raise InputError(
            f"counts are too few: fewer than a tenth of the genes have {ENOUGH_COUNTS} counts. Take more cells."
        )
    inside = mean[(mean > low) & (mean < high)]
    below, above = int(np.sum(mean <= low)), int(np.sum(mean >= high))

    def misfit(logs: np.ndarray) -> float:
        model = stats.gamma(np.exp(logs[0]), scale=np.exp(-logs[1]))
        inner = model.logpdf(inside).sum()
        return -float(inner + below * model.logcdf(low) + above * model.logsf(high)) / len(mean)

    winsorised = np.clip(mean, low, high)
    rate = winsorised.mean() / winsorised.var()
    start = np.log([winsorised.mean() * rate, rate])
    best = optimize.minimize(misfit, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8})
    return GeneMeans(*(float(value) for value in np.exp(best.x)))


def find_outliers(mean: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Tell which genes stand out, bool (genes,), from their means and the numbers of cells that have them."""
    logs = np.log(np.maximum(mean, np.finfo(float).tiny))
    usual = logs[seen > 1]
    limit = np.median(usual) + MADS * stats.median_abs_deviation(usual, scale="normal")
    outlying: np.ndarray = (seen > 1) & (logs > limit)
    return outlying


def estimate_outliers(mean: np.ndarray, outlying: np.ndarray, gamma: GeneMeans) -> Outliers:
    """Describe the factors of outliers, their means over the gamma's median."""
    if not outlying.any():
        return Outliers(0.0, SplatParams.out_fac_loc, SplatParams.out_fac_scale)
    factors = np.log(mean[outlying]) - np.log(stats.gamma.median(gamma.shape, scale=1 / gamma.rate))
    return Outliers(float(outlying.mean()), float(factors.mean()), float(factors.std()))


def estimate_libraries(library: np.ndarray) -> Libraries:
    """Fit library sizes, (cells,), all positive, by maximum likelihood."""
    logs = np.log(library)
    if logs.std() == 0:
        return Libraries(float(logs.mean()), 0.0, norm=False)
    gain = len(logs) * (np.log(logs.std()) - np.log(library.std())) + logs.sum()
    values, norm = (library, True) if gain > CLEARLY_BETTER else (logs, False)
    return Libraries(float(values.mean()), float(values.std()), norm)


def estimate_dropout(mean: np.ndarray, zero_share: np.ndarray) -> DropoutCurve:
    """Fit share of zeros = 1 / (1 + exp(−shape · (ln mean − mid))) over genes, (genes,), by least squares."""
    logs, share = np.log(mean[mean > 0]), zero_share[mean > 0]

    def misfit(curve: np.ndarray) -> np.ndarray:
        residual: np.ndarray = special.expit(curve[1] * (logs - curve[0])) - share
        return residual

    best = optimize.least_squares(misfit, [0.0, -1.0])
    return DropoutCurve(*(float(value) for value in best.x))
