"""Cells that show what integration is for: unequal batches, a rare type, one in one batch, two siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from topocraft.errors import ConfigError
from topocraft.randomness import numpy_stream

if TYPE_CHECKING:
    from anndata import AnnData

BATCH_SHARES = {"large": 0.55, "medium": 0.30, "small": 0.15}
TYPE_SHARES = {
    "common 1": 0.315,
    "common 2": 0.25,
    "sibling 1": 0.20,
    "sibling 2": 0.14,
    "one batch": 0.08,
    "rare": 0.015,
}
ONE_BATCH_TYPE, ITS_BATCH = "one batch", "medium"
COUNTS_PER_GENE = 1.5
"""Counts per cell and gene in the median cell, so that small panels are not starved."""
LIBRARY_SPREAD, GENE_SPREAD, BATCH_SPREAD, MARKER_SPREAD, SIBLING_SPREAD = 0.3, 1.0, 0.45, 1.5, 1.0
MARKER_SHARE, SIBLING_SHARE = 0.15, 0.1
DISPERSION = 0.3
SMALLEST = 50


def demo_cells(n_cells: int = 2000, n_genes: int = 1000, seed: int = 0) -> AnnData:
    """Simulate raw counts of three batches and six cell types.

    A count is Poisson(λ · G), where G ~ Gamma has mean 1 and variance ``DISPERSION``: negative binomial.
    Its mean λ is library size × gene share, and the gene share is multiplied by log-normal effects of the
    cell's type, on some genes, and of its batch, on all. No dropout, no doublets, no ambient counts, and
    the same batch effect in every type: a picture of the method at work, not a benchmark.

    Parameters
    ----------
    n_cells, n_genes
        At least 50 each. The counts are dense while they are drawn.
    seed
        The same seed gives the same cells.

    Returns
    -------
    anndata.AnnData
        ``X`` raw counts, CSR, float32; ``obs["batch"]`` "large", "medium", "small" (55, 30 and 15 % of every
        type but one); ``obs["celltype"]`` six types, of which "rare" is 1.5 % of the cells, "one batch" is in
        "medium" only, and "sibling 1" and "sibling 2" differ in few genes.

    Raises
    ------
    ConfigError
        Fewer than 50 cells or genes.

    References
    ----------
    Gamma-Poisson counts as in Splat, Zappia et al. 2017, doi:10.1186/s13059-017-1305-0.

    Examples
    --------
    >>> from topocraft.simulate.demo import demo_cells
    >>> demo_cells(n_cells=200, n_genes=300, seed=1).obs["batch"].value_counts().to_dict()
    {'large': 103, 'medium': 71, 'small': 26}
    """
    _require_enough(n_cells, n_genes)
    generator = numpy_stream(seed, "demo cells")
    types, batches = _labels(n_cells, generator)
    shares = _gene_shares(n_genes, generator)
    library = COUNTS_PER_GENE * n_genes * generator.lognormal(0.0, LIBRARY_SPREAD, n_cells)
    mean = library[:, None] * shares[batches, types]
    counts = generator.poisson(mean * generator.gamma(1 / DISPERSION, DISPERSION, mean.shape))
    return _as_anndata(counts, types, batches, seed)


def _require_enough(n_cells: int, n_genes: int) -> None:
    for name, value in (("n_cells", n_cells), ("n_genes", n_genes)):
        if value < SMALLEST:
            raise ConfigError(f"{name} must be at least {SMALLEST} to hold six types; got {value!r}.")


def _labels(n_cells: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    names = list(TYPE_SHARES)
    types = np.repeat(np.arange(len(names)), _split(n_cells, np.array(list(TYPE_SHARES.values()))))
    batches = np.empty(n_cells, dtype=np.int64)
    for code, name in enumerate(names):
        members = np.flatnonzero(types == code)
        shares = np.array([share if _holds(batch, name) else 0 for batch, share in BATCH_SHARES.items()])
        batches[members] = np.repeat(np.arange(len(shares)), _split(len(members), shares))
    order = generator.permutation(n_cells)
    return types[order], batches[order]


def _holds(batch: str, cell_type: str) -> bool:
    return cell_type != ONE_BATCH_TYPE or batch == ITS_BATCH


def _split(total: int, shares: np.ndarray) -> np.ndarray:
    exact = total * shares / shares.sum()
    sizes: np.ndarray = np.floor(exact).astype(np.int64)
    most_short = np.argsort(sizes - exact, kind="stable")
    sizes[most_short[: total - sizes.sum()]] += 1
    return sizes


def _gene_shares(n_genes: int, generator: np.random.Generator) -> np.ndarray:
    """Share of every gene in the counts of a cell, (batches, types, genes), each row summing to 1."""
    names = list(TYPE_SHARES)
    base = generator.normal(0.0, GENE_SPREAD, n_genes)
    of_type = np.stack([_markers(n_genes, MARKER_SHARE, MARKER_SPREAD, generator) for _ in names])
    apart = _markers(n_genes, SIBLING_SHARE, SIBLING_SPREAD, generator)
    of_type[names.index("sibling 2")] = of_type[names.index("sibling 1")] + apart
    of_batch = generator.normal(0.0, BATCH_SPREAD, (len(BATCH_SHARES), n_genes))
    shares: np.ndarray = np.exp(base + of_type[None] + of_batch[:, None])
    shares /= shares.sum(axis=2, keepdims=True)
    return shares


def _markers(n_genes: int, share: float, spread: float, generator: np.random.Generator) -> np.ndarray:
    effects: np.ndarray = np.zeros(n_genes)
    chosen = generator.choice(n_genes, max(2, round(share * n_genes)), replace=False)
    effects[chosen] = generator.normal(0.0, spread, len(chosen))
    return effects


def _as_anndata(counts: np.ndarray, types: np.ndarray, batches: np.ndarray, seed: int) -> AnnData:
    import anndata
    import pandas as pd

    n_cells, n_genes = counts.shape
    obs = pd.DataFrame(
        {
            "batch": pd.Categorical.from_codes(batches, list(BATCH_SHARES)),
            "celltype": pd.Categorical.from_codes(types, list(TYPE_SHARES)),
        },
        index=[f"cell_{number:05d}" for number in range(n_cells)],
    )
    var = pd.DataFrame(index=[f"gene_{number:05d}" for number in range(n_genes)])
    adata = anndata.AnnData(sparse.csr_matrix(counts, dtype=np.float32), obs=obs, var=var)
    adata.uns["source"] = f"simulated by topocraft.simulate.demo.demo_cells, seed {seed}"
    return adata
