"""The paper's Splatter scenarios "baseline" and "common-k", as far as the benchmarks need them.

Model and names of the parameters: Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0; the values are those of
the scCRAFT paper.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

BATCH_LOC, BATCH_SCALE = (0.10, 0.15), (0.5, 1.0)
DE_PROB = (0.10, 0.12, 0.08, 0.20, 0.12, 0.10, 0.16)
DE_LOC = (0.10, 0.08, 0.12, 0.18, 0.06, 0.20, 0.14)
DE_SCALE = 1.0
LIB_LOC, LIB_SCALE = 7.64, 0.78
BCV_COMMON, BCV_DF = 0.448, 22.087
DROPOUT_MID, DROPOUT_SHAPE = 0.0, -1.0


def simulate(n_genes: int = 10_000, cells_per_batch: int = 2_000, shared: int = 7, seed: int = 0) -> AnnData:
    """Return two batches of raw counts with seven groups, of which the first ``shared`` are in both."""
    rng = np.random.default_rng(seed)
    base = _gene_means(rng, n_genes)
    groups = np.array([_factors(rng, n_genes, *shape) for shape in zip(DE_PROB, DE_LOC, strict=True)])
    allowed = _groups_of_batches(shared)
    parts = []
    for batch, (loc, scale) in enumerate(zip(BATCH_LOC, BATCH_SCALE, strict=True)):
        shift = rng.lognormal(loc, scale, n_genes)
        group = rng.choice(7, cells_per_batch)
        group = group[np.isin(group, allowed[batch])]
        parts.append(_cells(rng, base * shift, groups, group, f"batch{batch + 1}"))
    return _join(parts)


def _gene_means(rng: np.random.Generator, n_genes: int) -> np.ndarray:
    means = rng.gamma(0.34, 1 / 7.68, n_genes)
    outlier = rng.random(n_genes) < 0.00286
    means[outlier] = np.median(means) * rng.lognormal(6.15, 0.49, outlier.sum())
    return means


def _factors(rng: np.random.Generator, n_genes: int, probability: float, loc: float) -> np.ndarray:
    factors = np.ones(n_genes)
    chosen = rng.random(n_genes) < probability
    drawn = rng.lognormal(loc, DE_SCALE, chosen.sum())
    factors[chosen] = np.where(rng.random(chosen.sum()) < 0.5, 1 / drawn, drawn)
    return factors


def _groups_of_batches(shared: int) -> tuple[np.ndarray, np.ndarray]:
    own = shared + (7 - shared) // 2
    return np.arange(own), np.concatenate([np.arange(shared), np.arange(own, 7)])


def _cells(rng: np.random.Generator, means: np.ndarray, groups: np.ndarray, group: np.ndarray, batch: str) -> AnnData:
    blocks = []
    for start in range(0, len(group), 500):
        profile = means * groups[group[start : start + 500]]
        library = rng.lognormal(LIB_LOC, LIB_SCALE, len(profile))
        expected = profile / profile.sum(axis=1, keepdims=True) * library[:, None]
        spread = (BCV_COMMON + 1 / np.sqrt(np.maximum(expected, 1e-12))) * np.sqrt(
            BCV_DF / rng.chisquare(BCV_DF, expected.shape[1])
        )
        shape = 1 / np.square(spread)
        mean = np.maximum(rng.gamma(shape, expected / shape), 1e-12)
        dropped = rng.random(mean.shape) < 1 / (1 + np.exp(-DROPOUT_SHAPE * (np.log(mean) - DROPOUT_MID)))
        blocks.append(sparse.csr_matrix(np.where(dropped, 0, rng.poisson(mean)), dtype=np.float32))
    obs = pd.DataFrame({"batch": batch, "celltype": [f"Group{code + 1}" for code in group]})
    return AnnData(sparse.vstack(blocks).tocsr(), obs=obs.set_index(batch + "-" + obs.index.astype(str)))


def _join(parts: list[AnnData]) -> AnnData:
    values = sparse.vstack([part.X for part in parts]).tocsr()
    joined = AnnData(values, obs=pd.concat([part.obs for part in parts]))
    joined.var_names = [f"Gene{gene + 1}" for gene in range(values.shape[1])]
    return joined
