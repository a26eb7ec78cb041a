"""Quality control, normalisation and the choice of genes: arrays in, arrays out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells
from topocraft.errors import InputError, ModelError, list_names

PUBLISHED_MIN_GENES = 300


@dataclass(frozen=True)
class GeneSpace:
    """Which genes a model reads, by name.

    ``expressed`` are the genes that passed quality control: a cell's counts over them are scaled to
    ``target_sum``. ``selected`` are the highly variable ones among them, in the order the networks see.
    """

    expressed: tuple[str, ...]
    selected: tuple[str, ...]
    target_sum: float


@dataclass(frozen=True, eq=False)
class Prepared:
    """Cells ready for clustering and training.

    ``kept`` marks the cells of the input that passed quality control; ``expression`` holds those,
    log-normalised, over ``genes.selected`` (CSR, float32).
    """

    kept: np.ndarray
    expression: sparse.csr_matrix
    genes: GeneSpace


def prepare(cells: Cells, config: PreprocessConfig) -> Prepared:
    """Set poor cells and genes aside, normalise, and choose the highly variable genes.

    Raises
    ------
    InputError
        Quality control leaves no cell, no gene, or fewer than two batches.
    """
    min_genes = fewest_genes(cells.n_genes, config)
    kept = np.diff(cells.values.indptr) >= min_genes
    _require_batches(cells, kept, min_genes)
    values = cells.values if kept.all() else cells.values[kept]
    expressed = np.flatnonzero(np.bincount(values.indices, minlength=cells.n_genes) >= config.min_cells)
    if len(expressed) < 2:
        raise InputError(
            f"min_cells={config.min_cells} must leave at least two genes; {len(expressed)} of "
            f"{cells.n_genes:,} are detected in that many cells. Lower min_cells."
        )
    normalised = _normalise(values[:, expressed], cells.kind, config.target_sum)
    names = cells.gene_names[expressed]
    chosen = choose_genes(normalised, cells.batch[kept], config)
    genes = GeneSpace(tuple(names), tuple(names[chosen]), config.target_sum)
    return Prepared(kept, normalised[:, chosen].tocsr(), genes)


def by_name(prepared: Prepared) -> Prepared:
    """Return the same with the selected genes in the order of their names, whatever order they came in."""
    names = np.array(prepared.genes.selected, dtype=object)
    order = np.argsort(names, kind="stable")
    expression = prepared.expression[:, order].tocsr()
    expression.sort_indices()  # sums run in this order
    return replace(prepared, expression=expression, genes=replace(prepared.genes, selected=tuple(names[order])))


def fewest_genes(n_genes: int, config: PreprocessConfig) -> int:
    """Return how many genes a cell must show: as configured, else 300 or a twentieth of a small panel."""
    if config.min_genes is not None:
        return config.min_genes
    return min(PUBLISHED_MIN_GENES, n_genes // 20)


def express(cells: Cells, genes: GeneSpace) -> sparse.csr_matrix:
    """Return any cells, log-normalised, over the genes a model reads (CSR, cells × selected genes).

    Raises
    ------
    ModelError
        A gene that the model reads is missing from the cells.
    """
    index = pd.Index(cells.gene_names)
    selected = index.get_indexer(pd.Index(genes.selected))
    if (selected < 0).any():
        missing = np.asarray(genes.selected, dtype=object)[selected < 0]
        raise ModelError(
            f"cells must have all {len(genes.selected):,} genes the model reads; {len(missing):,} are missing: "
            f"{list_names(missing, 5)}. Are the genes named in the same way?"
        )
    expressed = index.get_indexer(pd.Index(genes.expressed))
    expressed = expressed[expressed >= 0]
    position = pd.Index(expressed).get_indexer(pd.Index(selected))
    return _normalise(cells.values[:, expressed], cells.kind, genes.target_sum)[:, position].tocsr()


def choose_genes(normalised: sparse.csr_matrix, batch: np.ndarray, config: PreprocessConfig) -> np.ndarray:
    """Return the sorted indices of the highly variable genes, chosen per batch and combined.

    scanpy's ``highly_variable_genes`` with flavour "seurat" (doi:10.1186/s13059-017-1382-0) does the work; batches
    under ``min_batch_cells`` cells are pooled, because the estimate needs cells.
    """
    if normalised.shape[1] <= config.n_top_genes:
        return np.arange(normalised.shape[1])
    import scanpy
    from anndata import AnnData

    adata = AnnData(normalised)
    adata.obs["pool"] = pd.Categorical(pool_small_batches(batch, config.min_batch_cells).astype(str))
    several = adata.obs["pool"].nunique() > 1
    with warnings.catch_warnings(), _some_variance(normalised.shape[1]):
        warnings.simplefilter("ignore")
        scanpy.pp.highly_variable_genes(
            adata, n_top_genes=config.n_top_genes, flavor="seurat", batch_key="pool" if several else None
        )
    chosen = np.flatnonzero(adata.var["highly_variable"].to_numpy())
    if len(chosen) < 2:
        raise InputError(_invariable(normalised.shape[1]))
    return chosen


@contextmanager
def _some_variance(n_genes: int) -> Iterator[None]:
    """Say what it means that scanpy finds no dispersion to sort by."""
    try:
        yield
    except IndexError as error:
        raise InputError(_invariable(n_genes)) from error


def _invariable(n_genes: int) -> str:
    return (
        "Highly variable genes can be chosen only where genes vary; in at least one batch hardly any does. "
        f"Leave that batch out, or take all genes: n_top_genes={n_genes} (--n-top-genes {n_genes})."
    )


def pool_small_batches(batch: np.ndarray, min_cells: int) -> np.ndarray:
    """Return batch codes with all batches under ``min_cells`` cells joined into one of at least that size.

    Where the small ones together are still too few, the smallest large batch takes them in.
    """
    codes, sizes = np.unique(batch, return_counts=True)
    small = codes[sizes < min_cells]
    large = codes[sizes >= min_cells]
    pooled = batch.copy()
    if not len(small):
        return pooled
    enough = sizes[sizes < min_cells].sum() >= min_cells or not len(large)
    host = small[0] if enough else large[np.argmin(sizes[sizes >= min_cells])]
    pooled[np.isin(batch, small)] = host
    return pooled


def _require_batches(cells: Cells, kept: np.ndarray, min_genes: int) -> None:
    left = np.unique(cells.batch[kept])
    if len(left) >= 2:
        return
    median = int(np.median(np.diff(cells.values.indptr)))
    named = f"only batch '{cells.batch_names[left[0]]}'" if len(left) else "no cell"
    raise InputError(
        f"min_genes={min_genes} must leave cells of at least two batches; it leaves {named}. "
        f"A cell here has {median:,} detected genes in the median: lower min_genes (--min-genes)."
    )


def _normalise(values: sparse.csr_matrix, kind: str, target_sum: float) -> sparse.csr_matrix:
    normalised = values.copy()
    if kind == "log1p":
        return normalised
    totals = values @ np.ones(values.shape[1])
    with np.errstate(over="ignore"):
        scale = np.divide(target_sum, totals, out=np.zeros_like(totals), where=totals > 0)
    _require_single_precision(scale, totals, target_sum)
    normalised.data *= np.repeat(scale, np.diff(values.indptr)).astype(np.float32)
    np.log1p(normalised.data, out=normalised.data)
    return normalised


def _require_single_precision(scale: np.ndarray, totals: np.ndarray, target_sum: float) -> None:
    beyond = scale > np.finfo(np.float32).max
    if beyond.any():
        raise InputError(
            f"target_sum={target_sum:g} must be within single precision of every cell's counts; those of "
            f"{int(beyond.sum()):,} cells sum to as little as {totals[beyond].min():.3g}. Leave those cells out, or "
            "lower target_sum."
        )
