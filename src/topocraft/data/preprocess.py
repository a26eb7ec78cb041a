"""Quality control, normalisation and the choice of genes: arrays in, arrays out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells
from topocraft.data.scratch import ScratchRows, write_scratch
from topocraft.data.stream import StoredRows
from topocraft.data.variable import gene_moments, most_variable
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
    log-normalised, over ``genes.selected`` (CSR, float32; on disk where the cells are).
    """

    kept: np.ndarray
    expression: sparse.csr_matrix | ScratchRows
    genes: GeneSpace


def prepare(cells: Cells, config: PreprocessConfig) -> Prepared:
    """Set poor cells and genes aside, normalise, and choose the highly variable genes.

    Raises
    ------
    InputError
        Quality control leaves no cell, no gene, or fewer than two batches.
    """
    min_genes = fewest_genes(cells.n_genes, config)
    detected = _detected(cells.values)
    kept = detected >= min_genes
    _require_batches(cells, detected, min_genes)
    values = cells.values if kept.all() else cells.values[kept]
    n_showing = _cells_per_gene(values)
    expressed = np.flatnonzero(n_showing >= config.min_cells)
    if len(expressed) < 2:
        raise InputError(
            f"min_cells={config.min_cells} must leave at least two genes; {len(expressed)} of "
            f"{cells.n_genes:,} are detected in that many cells. Lower min_cells."
        )
    names = cells.gene_names[expressed]
    expression: sparse.csr_matrix | ScratchRows
    if isinstance(values, StoredRows):
        chosen, expression = _from_disk(values, cells.batch[kept], cells.kind, expressed, names, n_showing, config)
    else:
        normalised = _normalise(values[:, expressed], cells.kind, config.target_sum)
        chosen = _by_name(choose_genes(normalised, cells.batch[kept], config), names)
        expression = _columns(normalised, chosen)
    return Prepared(kept, expression, GeneSpace(tuple(names), tuple(names[chosen]), config.target_sum))


def _by_name(chosen: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Put genes in the order of their names, so that the order in which they came does not matter."""
    return chosen[np.argsort(names[chosen].astype(str), kind="stable")]


def _columns(values: sparse.csr_matrix, chosen: np.ndarray) -> sparse.csr_matrix:
    columns = values[:, chosen].tocsr()
    columns.sort_indices()  # sums run in this order
    return columns


def _detected(values: sparse.csr_matrix | StoredRows) -> np.ndarray:
    return values.detected if isinstance(values, StoredRows) else np.diff(values.indptr)


def _cells_per_gene(values: sparse.csr_matrix | StoredRows) -> np.ndarray:
    if not isinstance(values, StoredRows):
        return np.bincount(values.indices, minlength=values.shape[1])
    n_showing = np.zeros(values.shape[1], dtype=np.int64)
    for _, block in values.blocks("count"):
        n_showing += np.bincount(block.indices, minlength=len(n_showing))
    return n_showing


def _from_disk(
    values: StoredRows,
    batch: np.ndarray,
    kind: str,
    expressed: np.ndarray,
    names: np.ndarray,
    n_showing: np.ndarray,
    config: PreprocessConfig,
) -> tuple[np.ndarray, ScratchRows]:
    """Choose genes in one pass over the files, and write them down in another."""

    def normalised(phase: str) -> Iterator[tuple[np.ndarray, sparse.csr_matrix]]:
        for places, block in values.blocks(phase):
            yield places, _normalise(block[:, expressed], kind, config.target_sum)

    chosen = np.arange(len(expressed))
    if len(expressed) > config.n_top_genes:
        pool = pool_small_batches(batch, config.min_batch_cells)
        chosen = most_variable(gene_moments(normalised("genes"), pool, len(expressed)), config.n_top_genes)
    chosen = _by_name(chosen, names)
    rows = ((places, _columns(block, chosen)) for places, block in normalised("store"))
    count = int(n_showing[expressed[chosen]].sum())
    return chosen, write_scratch(rows, (len(batch), len(chosen)), values.scratch, count)


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


def _require_batches(cells: Cells, detected: np.ndarray, min_genes: int) -> None:
    left = np.unique(cells.batch[detected >= min_genes])
    if len(left) >= 2:
        return
    median = int(np.median(detected))
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
