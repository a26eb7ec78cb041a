"""Gene–gene correlation beyond type and batch: a few factors that the noise of the sample cannot explain."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse, special

from topocraft.simulate.copula_marginals import Margins

MAX_FACTORS = 50
MAX_COMMUNALITY = 0.95
BLOCK = 2000


def fit_loadings(counts: sparse.csr_matrix, codes: tuple[np.ndarray, np.ndarray], margins: Margins) -> np.ndarray:
    """Return loadings (genes, factors) such that the latent correlation is LLᵀ off the diagonal.

    The score of a cell is the expected normal quantile of its count under the margin of its type and batch. A count
    says less about its latent normal the fewer counts there are, so correlations of scores are too small, to first
    order by the variances of the two scores; the loadings make up for it.
    """
    if not counts.shape[1]:
        return np.zeros((0, 0))
    moments, variance, informed = _moments(counts, codes, margins)
    usable = variance > 1e-6
    spread = np.sqrt(np.where(usable, variance, 1.0))
    correlation = np.where(np.outer(usable, usable), moments / np.outer(spread, spread), 0.0)
    np.fill_diagonal(correlation, 1.0)
    loadings = _above_noise(correlation, counts.shape[0])
    loadings *= np.where(usable, spread / np.sqrt(np.where(usable, informed, 1.0)), 0.0)[:, None]
    communality = np.square(loadings).sum(axis=1, keepdims=True)
    limited: np.ndarray = loadings * np.sqrt(MAX_COMMUNALITY / np.maximum(communality, MAX_COMMUNALITY))
    return limited


def _moments(
    counts: sparse.csr_matrix, codes: tuple[np.ndarray, np.ndarray], margins: Margins
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariance of the scores inside groups, its diagonal, and the mean over cells of the squared group variances."""
    n_cells, n_genes = counts.shape
    product, informed = np.zeros((n_genes, n_genes)), np.zeros(n_genes)
    batch, label = codes
    for b, t in np.unique(np.stack([batch, label]), axis=1).T:
        members = np.flatnonzero((batch == b) & (label == t))
        mean = margins.type_mean[t] * margins.batch_factor[b]
        total, squares = np.zeros(n_genes), np.zeros(n_genes)
        for start in range(0, len(members), BLOCK):
            scores = expected_scores(counts[members[start : start + BLOCK]], mean, margins.dispersion)
            product += scores.T @ scores
            total += scores.sum(axis=0)
            squares += np.square(scores).sum(axis=0)
        product -= np.outer(total, total) / len(members)
        informed += np.square(squares - total**2 / len(members)) / len(members)
    product /= n_cells
    return product, np.diag(product).copy(), informed / n_cells


def expected_scores(counts: sparse.csr_matrix, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Return E[z | y] with z standard normal and y = F⁻¹(Φ(z)), dense (cells, genes); 0 where the mean is 0."""
    shape = 1 / dispersion
    success = shape / (shape + mean)
    scores: np.ndarray = np.repeat(_score(np.zeros(len(mean)), shape, success)[None], counts.shape[0], axis=0)
    entries = counts.tocoo()
    keys = entries.data.astype(np.int64) * len(mean) + entries.col
    pairs, where = np.unique(keys, return_inverse=True)
    value, gene = np.divmod(pairs, len(mean))
    scores[entries.row, entries.col] = _score(value.astype(float), shape[gene], success[gene])[where]
    scores[:, mean <= 0] = 0.0
    return scores


def _score(value: np.ndarray, shape: np.ndarray, success: np.ndarray) -> np.ndarray:
    """(φ(a) − φ(b)) / (Φ(b) − Φ(a)) with a and b the normal quantiles of F(y−1) and F(y); at −b, −a in the far tail."""
    below = np.where(value > 0, special.betainc(shape, np.maximum(value, 1.0), success), 0.0)
    upto = special.betainc(shape, value + 1, success)
    mass = upto - below
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (_density(below) - _density(upto)) / mass
    limited = special.ndtri(np.clip((below + upto) / 2, 1e-12, 1 - 1e-12))
    score: np.ndarray = np.where(mass > 1e-12, inside, limited)
    return score


def _density(probability: np.ndarray) -> np.ndarray:
    density: np.ndarray = np.exp(-0.5 * np.square(special.ndtri(probability))) / np.sqrt(2 * np.pi)
    return density


def _above_noise(correlation: np.ndarray, n_cells: int) -> np.ndarray:
    """Keep eigenvalues above the Marchenko–Pastur edge, shrunk as is best in Frobenius norm for spiked covariances.

    Donoho, Gavish, Johnstone 2018, doi:10.1214/17-AOS1601.
    """
    n_genes = len(correlation)
    ratio = n_genes / n_cells
    first = max(0, n_genes - MAX_FACTORS)
    values, vectors = linalg.eigh(correlation, subset_by_index=(first, n_genes - 1))
    kept = values > (1 + np.sqrt(ratio)) ** 2 * (1 + n_genes ** (-2 / 3))
    values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]
    half = values + 1 - ratio
    spike = (half + np.sqrt(np.square(half) - 4 * values)) / 2
    cosine = (1 - ratio / np.square(spike - 1)) / (1 + ratio / (spike - 1))
    strength = (spike - 1) * cosine
    signs = np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))] < 0, -1.0, 1.0)
    loadings: np.ndarray = vectors * signs * np.sqrt(strength)
    return loadings
