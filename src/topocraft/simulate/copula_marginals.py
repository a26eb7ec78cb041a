"""Negative-binomial margins by type and batch: type mean × batch factor, one dispersion per gene."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse, special

SWEEPS = 200
TOLERANCE = 1e-4
DISPERSION_RANGE = (1e-6, 1e3)
BISECTIONS = 30


class Groups(NamedTuple):
    """The pairs of batch and type that hold cells, what their cells add up to, and the counts of each gene."""

    batch: np.ndarray
    label: np.ndarray
    size: np.ndarray
    total: np.ndarray
    tally: tuple[np.ndarray, np.ndarray, np.ndarray]


class Margins(NamedTuple):
    """Means of types (types, genes), factors of batches (batches, genes) and dispersions (genes)."""

    type_mean: np.ndarray
    batch_factor: np.ndarray
    dispersion: np.ndarray


def sum_groups(counts: sparse.csr_matrix, batch: np.ndarray, label: np.ndarray) -> Groups:
    """Add up the counts of every pair of batch and type code."""
    n_types = int(label.max()) + 1
    pairs, member, size = np.unique(batch * n_types + label, return_inverse=True, return_counts=True)
    one = np.ones(len(member))
    indicator = sparse.csr_matrix((one, (member, np.arange(len(member)))), shape=(len(pairs), len(member)))
    total = (indicator @ counts).toarray()
    return Groups(pairs // n_types, pairs % n_types, size.astype(float), total, _tally(counts))


def fit_margins(groups: Groups) -> Margins:
    """Fit mean = type mean × batch factor, then var = mean + dispersion · mean²."""
    depth = np.ones((int(groups.batch.max()) + 1, 1))
    _, depth = _alternate(groups, groups.total.sum(axis=1, keepdims=True), depth, prior=0.0)
    type_mean, factor = _alternate(groups, groups.total, depth, prior=1.0)
    mean = type_mean[groups.label] * factor[groups.batch]
    return Margins(type_mean, factor, _dispersion(groups, mean))


def _alternate(groups: Groups, total: np.ndarray, depth: np.ndarray, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Alternate between types and batches; ``prior`` counts say that a batch changes a gene by its depth only."""
    of_type, of_batch = _members(groups.label), _members(groups.batch)
    cells = groups.size[:, None]
    factor = np.broadcast_to(depth, (len(depth), total.shape[1]))
    for _ in range(SWEEPS):
        before = factor
        type_mean = _ratio(of_type @ total, of_type @ (cells * factor[groups.batch]))
        expected = of_batch @ (cells * type_mean[groups.label])
        factor = _ratio(of_batch @ total + prior, expected + prior / depth)
        if np.all(np.abs(factor - before) <= TOLERANCE * before):
            break
    return _ratio(of_type @ total, of_type @ (cells * factor[groups.batch])), factor


def _members(codes: np.ndarray) -> np.ndarray:
    members: np.ndarray = (codes[None, :] == np.arange(codes.max() + 1)[:, None]).astype(float)
    return members


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return ratio


def _dispersion(groups: Groups, mean: np.ndarray) -> np.ndarray:
    """Maximise the likelihood per gene, given the means: bisect the sign of its derivative by r = 1 / dispersion."""
    cells = groups.size[:, None]
    low, high = (np.full(mean.shape[1], np.log(end)) for end in DISPERSION_RANGE)
    gene, value, number = groups.tally
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        shape = np.exp(-middle)
        rising = number * (special.digamma(value + shape[gene]) - special.digamma(shape)[gene])
        slope = np.bincount(gene, rising, minlength=len(shape))
        slope -= (cells * np.log1p(mean / shape) + (groups.total - cells * mean) / (shape + mean)).sum(axis=0)
        low, high = np.where(slope > 0, low, middle), np.where(slope > 0, middle, high)
    dispersion: np.ndarray = np.where(groups.total.sum(axis=0) > 0, np.exp((low + high) / 2), DISPERSION_RANGE[0])
    return dispersion


def _tally(counts: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which counts above 0 each gene has, and in how many cells: genes, counts, numbers of cells."""
    keys = counts.data.astype(np.int64) * counts.shape[1] + counts.indices
    pairs, number = np.unique(keys, return_counts=True)
    value, gene = np.divmod(pairs, counts.shape[1])
    return gene, value, number
