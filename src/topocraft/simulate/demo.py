"""Cells that show what integration is for: unequal batches, a rare type, one in one batch, two siblings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from topocraft.errors import ConfigError
from topocraft.randomness import numpy_stream
from topocraft.simulate.parameters import SplatParams
from topocraft.simulate.ranges import COUNT, checked_number
from topocraft.simulate.splat import simulate_cells
from topocraft.simulate.splat_cells import draw_cells
from topocraft.simulate.splat_genes import Genes, draw_genes, lognormal_factors

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
KIND = SplatParams(
    method="groups",
    lib_scale=0.3,
    mean_shape=1.5,
    out_prob=0.0,
    batch_fac_loc=0.0,
    batch_fac_scale=0.45,
    de_prob=0.15,
    de_fac_loc=0.0,
    de_fac_scale=1.5,
)
"""Strong effects of batches on all genes, and of types on some."""
SIBLING_PROB, SIBLING_SCALE = 0.1, 1.0
SMALLEST = 50


def demo_cells(n_cells: int = 2000, n_genes: int = 1000, seed: int = 0) -> AnnData:
    """Simulate raw counts of three batches and six cell types by Splat.

    No outliers, no dropout, no doublets, no ambient counts, and the same batch effect in every type: a picture of the
    method at work, not a benchmark.

    Parameters
    ----------
    n_cells, n_genes
        At least 50 each.
    seed
        The same seed gives the same cells.

    Returns
    -------
    anndata.AnnData
        As ``simulate_splat``, with ``obs["batch"]`` "large", "medium", "small" (55, 30 and 15 % of every type but one)
        and ``obs["celltype"]`` six types, of which "rare" is 1.5 % of the cells, "one batch" is in "medium" only, and
        "sibling 1" and "sibling 2" differ in few genes. The columns of ``var`` number both in this order.

    Raises
    ------
    ConfigError
        Fewer than 50 cells or genes, or a seed below 0.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0.

    Examples
    --------
    >>> from topocraft.simulate.demo import demo_cells
    >>> demo_cells(n_cells=200, n_genes=300, seed=1).obs["batch"].value_counts().to_dict()
    {'large': 103, 'medium': 71, 'small': 26}
    """
    _require_enough(n_cells, n_genes)
    types, batches = _labels(n_cells, numpy_stream(seed, "demo cells"))
    params = replace(
        KIND,
        n_genes=n_genes,
        lib_loc=math.log(COUNTS_PER_GENE * n_genes),
        batch_cells=tuple(np.bincount(batches, minlength=len(BATCH_SHARES)).tolist()),
        group_prob=tuple(TYPE_SHARES.values()),
    )
    cells = replace(draw_cells(params, seed), batch=batches, group=types)
    adata = simulate_cells(params, _genes(params, seed), cells, (), seed)
    for column, shares in (("batch", BATCH_SHARES), ("celltype", TYPE_SHARES)):
        adata.obs[column] = adata.obs[column].cat.rename_categories(list(shares))
    adata.uns["source"] = f"simulated by topocraft.simulate.demo.demo_cells, seed {seed}"
    return adata


def _require_enough(n_cells: int, n_genes: int) -> None:
    for name, value in (("n_cells", n_cells), ("n_genes", n_genes)):
        if checked_number(name, value, COUNT) < SMALLEST:
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


def _genes(params: SplatParams, seed: int) -> Genes:
    """Draw the genes; the second sibling has the factors of the first, and a few of its own."""
    genes = draw_genes(params, seed)
    first, second = (list(TYPE_SHARES).index(name) for name in ("sibling 1", "sibling 2"))
    own = lognormal_factors(params.n_genes, SIBLING_PROB, 0.5, 0.0, SIBLING_SCALE, numpy_stream(seed, "demo siblings"))
    factors = genes.group_factors.copy()
    factors[second] = factors[first] * own
    columns = genes.columns | {f"DEFacGroup{second + 1}": factors[second]}
    return replace(genes, group_factors=factors, columns=columns)
