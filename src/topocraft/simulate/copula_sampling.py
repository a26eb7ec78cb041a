"""Counts of one batch and type, block by block, from margins and factor loadings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse, special, stats

BLOCK = 2000
EVENTS = 4_000_000
"""Draws of one block: bounds the memory whatever the depth of the data."""
LONGEST_TABLE = 4096
TAIL = 1e-10


def draw_group(
    n_cells: int,
    mean: np.ndarray,
    dispersion: np.ndarray,
    joined: tuple[np.ndarray, np.ndarray],
    generator: np.random.Generator,
) -> Iterator[sparse.csr_matrix]:
    """Yield the counts of ``n_cells`` cells in blocks (cells, genes), CSR float32; ``joined``: genes and loadings."""
    correlated, loadings = joined
    alone = np.setdiff1d(np.arange(len(mean)), correlated)
    quantiles = Quantiles(mean[correlated], dispersion[correlated])
    rate = np.log1p(mean[alone] * dispersion[alone]) / dispersion[alone]
    block = max(1, min(BLOCK, int(EVENTS / (rate.sum() + len(correlated) + 1))))
    for start in range(0, n_cells, block):
        size = min(block, n_cells - start)
        joint = sparse.coo_matrix(quantiles(_uniforms(size, loadings, generator)))
        row, gene, value = _independent(size, mean[alone], dispersion[alone], generator)
        rows, columns = np.concatenate([joint.row, row]), np.concatenate([correlated[joint.col], alone[gene]])
        values = np.concatenate([joint.data, value]).astype(np.float32)
        yield sparse.csr_matrix((values, (rows, columns)), shape=(size, len(mean)))


def _uniforms(n_cells: int, loadings: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    own = np.sqrt(1 - np.square(loadings).sum(axis=1))
    normal = generator.standard_normal((n_cells, loadings.shape[1])) @ loadings.T
    normal += own * generator.standard_normal(normal.shape)
    uniform: np.ndarray = np.clip(special.ndtr(normal), 1e-12, 1 - 1e-12)
    return uniform


def _independent(
    n_cells: int, mean: np.ndarray, dispersion: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw negative binomials as Poisson numbers of events of logarithmic size: work only where counts are.

    Quenouille 1949, doi:10.2307/3001917. An event is one entry; entries of one cell and gene add up.
    """
    events = generator.poisson(n_cells * np.log1p(mean * dispersion) / dispersion)
    gene = np.repeat(np.arange(len(mean)), events)
    share = mean * dispersion / (1 + mean * dispersion)
    size = generator.logseries(share[gene])
    return generator.integers(0, n_cells, len(gene)), gene, size


class Quantiles:
    """Negative-binomial quantile functions of many genes at once: tables of F(0), F(1), … laid end to end."""

    def __init__(self, mean: np.ndarray, dispersion: np.ndarray) -> None:
        self.shape = 1 / dispersion
        self.success = self.shape / (self.shape + mean)
        top = np.where(mean > 0, stats.nbinom.ppf(1 - TAIL, self.shape, self.success), 0)
        self.short = np.flatnonzero(top < LONGEST_TABLE)
        self.long = np.flatnonzero(top >= LONGEST_TABLE)
        length = top[self.short].astype(np.int64) + 1
        self.start = np.cumsum(length) - length
        gene = np.repeat(np.arange(len(length)), length)
        value = np.arange(length.sum()) - self.start[gene]
        table = special.betainc(self.shape[self.short][gene], value + 1.0, self.success[self.short][gene])
        self.table = table + gene

    def __call__(self, uniform: np.ndarray) -> np.ndarray:
        """Return the counts (cells, genes) of uniforms of that shape."""
        counts: np.ndarray = np.zeros(uniform.shape, dtype=np.float32)
        order = np.arange(len(self.short))
        found = np.searchsorted(self.table, uniform[:, self.short] + order)
        counts[:, self.short] = np.minimum(found, np.append(self.start[1:], len(self.table))[order] - 1) - self.start
        if len(self.long):
            counts[:, self.long] = stats.nbinom.ppf(
                uniform[:, self.long], self.shape[self.long], self.success[self.long]
            )
        return counts
