"""Splat: cells whose truth is known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topocraft.errors import ConfigError
from topocraft.randomness import numpy_stream
from topocraft.simulate.counts import Dropout, Model, draw_counts
from topocraft.simulate.splat_cells import Cells, draw_cells, obs_table, profile_codes
from topocraft.simulate.splat_genes import Genes, draw_genes

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress
    from topocraft.simulate.parameters import SplatParams


@dataclass(frozen=True)
class Effect:
    """Factors beyond those of batch and group.

    Parameters
    ----------
    names
        Column of var for each level, empty for none.
    factors
        (levels, n_genes), at least 0.
    codes
        Level of every cell, (n_cells,).
    """

    names: tuple[str, ...]
    factors: np.ndarray
    codes: np.ndarray


def simulate_splat(
    params: SplatParams, seed: int = 0, *, threads: int | None = None, progress: Progress | None = None
) -> AnnData:
    """Simulate counts by Splat, and return the truth beside them.

    The expected count of gene g in cell c is λ = L_c · m_gc / Σ_g m_gc: L_c the cell's library size; m_gc the gene's
    mean (gamma; of outliers the median times a log-normal factor) times the log-normal factors of the cell's batch and
    of its group or step on a path. With BCV = (bcv_common + 1/√λ) · √(df/χ²_g), where χ²_g is drawn once for each
    gene, the count is Poisson(M), M ~ Gamma of mean λ and coefficient of variation BCV, and dropout then loses it with
    probability 1 / (1 + exp(−shape · (ln M − mid))).

    Parameters
    ----------
    params
        The parameters, by Splatter's names.
    seed
        0 or more. The same seed gives the same cells, with any number of threads.
    threads
        At least 1; None for the cores granted.
    progress
        Told of every block of cells.

    Returns
    -------
    anndata.AnnData
        ``X`` raw counts, (n_cells, n_genes), CSR, float32. ``obs``: batch ("Batch1" …), celltype ("Group1" … or
        "Path1" …), ExpLibSize; of paths also path, step (from 1), position and pseudotime (0 to 1). ``var``:
        BaseGeneMean, OutlierFactor, GeneMean, BatchFacBatch1 …, DEFacGroup1 … or DEFacPath1 … and SigmaFacPath1 …,
        and BCVFactor = √(df/χ²). ``uns["splat"]``: the parameters as JSON, and the seed.

    Raises
    ------
    ConfigError
        The seed is negative, or libraries are larger than counts can be held exactly.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0.

    Examples
    --------
    >>> from topocraft.simulate.parameters import SplatParams
    >>> params = SplatParams(n_genes=200, batch_cells=(30, 20), method="groups", group_prob=(0.5, 0.5))
    >>> adata = simulate_splat(params, seed=1)
    >>> adata.shape, adata.obs["batch"].value_counts().to_dict()
    ((50, 200), {'Batch1': 30, 'Batch2': 20})
    """
    require_seed(seed)
    genes, cells = draw_genes(params, seed), draw_cells(params, seed)
    return simulate_cells(params, genes, cells, (), seed, threads=threads, progress=progress)


def require_seed(seed: object) -> None:
    """Raise ConfigError unless ``seed`` is a whole number, 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigError(f"seed must be a whole number, at least 0; got {seed!r}.")


def simulate_cells(
    params: SplatParams,
    genes: Genes,
    cells: Cells,
    effects: tuple[Effect, ...],
    seed: int,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> AnnData:
    """Draw the counts of cells and genes that are drawn already, changed by further effects.

    Parameters and result are those of ``simulate_splat``.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be at least 1; got {threads!r}.")
    known = ((genes.batch_factors, cells.batch), (genes.group_factors, profile_codes(params, cells)))
    further = tuple((effect.factors, effect.codes) for effect in effects)
    dropout = _dropout(params, cells)
    model = Model(genes.mean, genes.dispersion, params.bcv_common, cells.library, known + further, dropout)
    counts = draw_counts(model, numpy_stream(seed, "splat counts"), threads, progress)
    columns = {name: row for effect in effects for name, row in zip(effect.names, effect.factors, strict=True) if name}
    return _as_anndata(params, counts, cells, genes.columns | columns, seed)


def _dropout(params: SplatParams, cells: Cells) -> Dropout | None:
    if params.dropout_type == "none":
        return None
    whose = {
        "experiment": np.zeros(len(cells), dtype=np.int64),
        "batch": cells.batch,
        "group": cells.group,
        "cell": cells.number,
    }[params.dropout_type]
    mid, shape = (np.array(params.vector(f"dropout_{name}")) for name in ("mid", "shape"))
    return Dropout(mid[whose], shape[whose])


def _as_anndata(
    params: SplatParams, counts: object, cells: Cells, columns: dict[str, np.ndarray], seed: int
) -> AnnData:
    import anndata
    import pandas as pd

    var = pd.DataFrame(columns, index=[f"Gene{number + 1}" for number in range(params.n_genes)])
    adata = anndata.AnnData(counts, obs=obs_table(params, cells), var=var)
    adata.uns["splat"] = {"parameters": json.dumps(params.to_dict()), "seed": int(seed)}
    return adata
