"""Counts of Splat, drawn block by block, exactly and only where they are not zero."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.special import expit

from topocraft.hardware import granted_cores

if TYPE_CHECKING:
    from topocraft.progress import Progress

ENTRIES_PER_BLOCK = 2**17
LARGEST_RATE = 1.0
"""Clusters of counts expected, above which the mixture is drawn as it is written: there it is the cheaper way."""


@dataclass(frozen=True)
class Dropout:
    """Midpoint and shape of the logistic function, of every cell, (n_cells,) each."""

    mid: np.ndarray
    shape: np.ndarray


@dataclass(frozen=True)
class Model:
    """All that counts depend on.

    Parameters
    ----------
    mean
        Expression of genes before any factor, (n_genes,).
    dispersion
        (n_genes,), as in ``Genes``.
    bcv_common
        At least 0.
    library
        Expected library size of every cell, (n_cells,).
    effects
        Tables of factors, (levels, n_genes), each with the level of every cell, (n_cells,).
    dropout
        None for no dropout.
    """

    mean: np.ndarray
    dispersion: np.ndarray
    bcv_common: float
    library: np.ndarray
    effects: tuple[tuple[np.ndarray, np.ndarray], ...]
    dropout: Dropout | None = None


@dataclass(frozen=True)
class _Block:
    lengths: np.ndarray
    genes: np.ndarray
    counts: np.ndarray


def expected_counts(model: Model, cells: slice) -> np.ndarray:
    """Return λ, the mean of every count before dropout, (cells, n_genes).

    λ = library · m / Σ m, where m is the gene's mean times the factors of the cell's levels.
    """
    codes = np.stack([codes[cells] for _, codes in model.effects], axis=1)
    levels, place = np.unique(codes, axis=0, return_inverse=True)
    profiles = np.repeat(model.mean[None], len(levels), axis=0)
    for number, (factors, _) in enumerate(model.effects):
        profiles *= factors[levels[:, number]]
    profiles /= np.maximum(profiles.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    expected: np.ndarray = profiles[place.ravel()]
    expected *= model.library[cells, None]
    return expected


def gamma_poisson(
    mean: np.ndarray, dispersion: np.ndarray, bcv_common: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw Splat's counts where they are not zero.

    With BCV = (bcv_common + 1/√λ) · √dispersion, a count is Poisson(M), M ~ Gamma of shape 1/BCV² and mean λ:
    negative binomial, of variance λ + λ² · BCV² and P(0) = (1 + λ · BCV²)^(−1/BCV²).

    A negative binomial is also a Poisson number of clusters, at the rate −ln P(0), whose sizes are logarithmic. The
    first cluster comes after an exponential waiting time: one quick draw tells which counts are zero, and those, most
    of them, need no other. Given its count, M is again Gamma.

    Parameters
    ----------
    mean
        λ, (n_cells, n_genes), at least 0.
    dispersion
        (n_genes,), positive.
    bcv_common
        At least 0.
    generator
        Where they are drawn from.

    Returns
    -------
    places, counts, means
        Places in ``mean.ravel()`` with a count, in order; the counts, at least 1; M there.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0; the clusters: Quenouille 1949,
    doi:10.2307/3001917.

    Examples
    --------
    >>> places, counts, means = gamma_poisson(np.full((2, 3), 50.0), np.ones(3), 0.1, np.random.default_rng(0))
    >>> places.tolist(), counts.min() > 0
    ([0, 1, 2, 3, 4, 5], np.True_)
    """
    scale = np.sqrt(mean)
    scale *= bcv_common
    scale += 1
    np.square(scale, out=scale)
    scale *= dispersion
    rate = np.log1p(scale)
    rate *= mean
    rate /= scale
    waiting = generator.standard_exponential(mean.shape)
    places = np.flatnonzero((waiting < rate) | (rate > LARGEST_RATE))
    scale, rate, waiting = (values.ravel()[places] for values in (scale, rate, waiting))
    shape = mean.ravel()[places] / scale
    counts, means = np.empty(len(places), dtype=np.int64), np.empty(len(places))
    many = np.flatnonzero(rate > LARGEST_RATE)
    means[many] = generator.standard_gamma(shape[many]) * scale[many]
    counts[many] = generator.poisson(means[many])
    few = np.flatnonzero(rate <= LARGEST_RATE)
    share = scale[few] / (1 + scale[few])
    counts[few] = _clusters(rate[few] - waiting[few], share, generator)
    means[few] = generator.standard_gamma(shape[few] + counts[few]) * share
    there = counts > 0
    return places[there], counts[there], means[there]


def _clusters(left: np.ndarray, share: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw counts of which one cluster is certain; ``left`` is the rate of further ones."""
    if not len(left):
        return np.empty(0, dtype=np.int64)
    number = 1 + generator.poisson(left)
    sizes = generator.logseries(np.repeat(share, number))
    summed: np.ndarray = np.add.reduceat(sizes, np.cumsum(number) - number)
    return summed


def draw_counts(
    model: Model, generator: np.random.Generator, threads: int | None = None, progress: Progress | None = None
) -> sparse.csr_matrix:
    """Draw the counts of every cell, (n_cells, n_genes), CSR, float32.

    Each block of cells has a random stream of its own, so that the number of threads changes nothing. No more than
    one block for each thread is dense at any time.
    """
    n_cells, n_genes = len(model.library), len(model.mean)
    size = max(1, ENTRIES_PER_BLOCK // n_genes)
    slices = [slice(start, min(start + size, n_cells)) for start in range(0, n_cells, size)]
    if progress is not None:
        progress.phase("simulate", len(slices))
    blocks: list[_Block] = []
    for block in _in_order(model, slices, generator.spawn(len(slices)), threads or granted_cores()):
        blocks.append(block)
        if progress is not None:
            progress.advance()
    return _joined(blocks, n_genes)


def _in_order(model: Model, slices: list[slice], streams: list[np.random.Generator], threads: int) -> Iterator[_Block]:
    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(lambda cells, stream: _block(model, cells, stream), slices, streams)
    finally:
        pool.shutdown(cancel_futures=True)


def _block(model: Model, cells: slice, generator: np.random.Generator) -> _Block:
    expected = expected_counts(model, cells)
    places, counts, means = gamma_poisson(expected, model.dispersion, model.bcv_common, generator)
    row, gene = np.divmod(places, expected.shape[1])
    if model.dropout is not None:
        mid, shape = model.dropout.mid[cells][row], model.dropout.shape[cells][row]
        kept = generator.random(len(means)) < expit(-shape * (np.log(means) - mid))
        row, gene, counts = row[kept], gene[kept], counts[kept]
    return _Block(
        np.bincount(row, minlength=len(expected)),
        gene.astype(np.min_scalar_type(expected.shape[1] - 1)),
        counts.astype(np.min_scalar_type(int(counts.max(initial=0)))),
    )


def _joined(blocks: list[_Block], n_genes: int) -> sparse.csr_matrix:
    lengths = np.concatenate([block.lengths for block in blocks])
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    kind = np.int32 if ends[-1] <= np.iinfo(np.int32).max else np.int64
    values, genes = np.empty(ends[-1], dtype=np.float32), np.empty(ends[-1], dtype=kind)
    filled = 0
    for block in blocks:
        values[filled : filled + len(block.counts)] = block.counts
        genes[filled : filled + len(block.genes)] = block.genes
        filled += len(block.counts)
    return sparse.csr_matrix((values, genes, ends.astype(kind)), shape=(len(lengths), n_genes))
