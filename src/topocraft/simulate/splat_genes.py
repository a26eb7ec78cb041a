"""What Splat draws of genes: means, outliers, factors of batches, groups and paths, dispersion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topocraft.randomness import numpy_stream
from topocraft.simulate.paths import path_factors

if TYPE_CHECKING:
    from topocraft.simulate.parameters import SplatParams


@dataclass(frozen=True)
class Genes:
    """The truth about genes.

    Parameters
    ----------
    mean
        Expression before any factor, (n_genes,).
    dispersion
        df / χ² of the gene, the square of what its coefficient of variation is multiplied by, (n_genes,).
    batch_factors
        (n_batches, n_genes).
    group_factors
        (n_groups, n_genes), or of paths (steps of all paths in turn, n_genes).
    columns
        The same for people, by Splatter's names: one array (n_genes,) each.
    """

    mean: np.ndarray
    dispersion: np.ndarray
    batch_factors: np.ndarray
    group_factors: np.ndarray
    columns: dict[str, np.ndarray]


def lognormal_factors(
    n_genes: int, prob: float, down_prob: float, loc: float, scale: float, generator: np.random.Generator
) -> np.ndarray:
    """Draw a factor for every gene: 1, but for a share of genes log-normal.

    A factor that is to raise expression is inverted where it was drawn below 1, and one that is to lower it
    where it was drawn above 1, so that ``down_prob`` is the share of factors below 1.

    Parameters
    ----------
    n_genes
        Genes.
    prob
        Probability of a factor other than 1.
    down_prob
        Probability, among those, of a factor below 1.
    loc, scale
        Mean and standard deviation of the logarithm as it is drawn.
    generator
        Where they are drawn from.

    Returns
    -------
    numpy.ndarray
        Positive factors, (n_genes,).

    Examples
    --------
    >>> lognormal_factors(4, 1.0, 0.0, 0.0, 1.0, np.random.default_rng(0)) >= 1
    array([ True,  True,  True,  True])
    """
    size = np.abs(generator.normal(loc, scale, n_genes))
    sign = np.where(generator.random(n_genes) < down_prob, -1.0, 1.0)
    chosen = generator.random(n_genes) < prob
    return np.where(chosen, np.exp(sign * size), 1.0)


def draw_genes(params: SplatParams, seed: int) -> Genes:
    """Draw the truth about genes; genes of one seed and size are the same whatever the cells are."""
    columns = _means(params, seed)
    batch_factors = _batch_factors(params, seed)
    columns |= {f"BatchFacBatch{code + 1}": factors for code, factors in enumerate(batch_factors)}
    group_factors, group_columns = _group_factors(params, seed)
    dispersion = np.ones(params.n_genes)
    if np.isfinite(params.bcv_df):
        dispersion = params.bcv_df / numpy_stream(seed, "splat dispersion").chisquare(params.bcv_df, params.n_genes)
    columns |= group_columns | {"BCVFactor": np.sqrt(dispersion)}
    return Genes(columns["GeneMean"], dispersion, batch_factors, group_factors, columns)


def _means(params: SplatParams, seed: int) -> dict[str, np.ndarray]:
    base = numpy_stream(seed, "splat means").gamma(params.mean_shape, 1 / params.mean_rate, params.n_genes)
    outlier = lognormal_factors(
        params.n_genes,
        params.out_prob,
        0.0,
        params.out_fac_loc,
        params.out_fac_scale,
        numpy_stream(seed, "splat outliers"),
    )
    mean = np.where(outlier == 1, base, np.median(base) * outlier)
    return {"BaseGeneMean": base, "OutlierFactor": outlier, "GeneMean": mean}


def _batch_factors(params: SplatParams, seed: int) -> np.ndarray:
    if params.batch_rm_effect:
        return np.ones((params.n_batches, params.n_genes))
    shapes = zip(params.vector("batch_fac_loc"), params.vector("batch_fac_scale"), strict=True)
    streams = numpy_stream(seed, "splat batch factors").spawn(params.n_batches)
    return np.stack(
        [
            lognormal_factors(params.n_genes, 1.0, 0.5, loc, scale, stream)
            for (loc, scale), stream in zip(shapes, streams, strict=True)
        ]
    )


def _group_factors(params: SplatParams, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    if params.method == "single":
        return np.ones((1, params.n_genes)), {}
    names = ("de_prob", "de_down_prob", "de_fac_loc", "de_fac_scale")
    streams = numpy_stream(seed, "splat group factors").spawn(params.n_groups)
    ends = np.empty((params.n_groups, params.n_genes))
    for group, stream in enumerate(streams):
        prob, down_prob, loc, scale = (params.vector(name)[group] for name in names)
        ends[group] = lognormal_factors(params.n_genes, prob, down_prob, loc, scale, stream)
    if params.method == "groups":
        return ends, {f"DEFacGroup{code + 1}": factors for code, factors in enumerate(ends)}
    generator = numpy_stream(seed, "splat paths")
    strays = generator.random(ends.shape) < params.path_nonlinear_prob
    sigma = np.where(strays, params.path_sigma_fac, 0.0)
    columns = {f"DEFacPath{code + 1}": factors for code, factors in enumerate(ends)}
    columns |= {f"SigmaFacPath{code + 1}": factors for code, factors in enumerate(sigma)}
    return path_factors(params, ends, sigma, generator), columns
