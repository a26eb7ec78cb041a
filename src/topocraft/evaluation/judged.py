"""What of an AnnData is judged: embeddings, batches, types and covariates of the cells that can be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.cells import from_anndata
from topocraft.data.columns import batch_labels, cell_types, column, listed
from topocraft.data.preprocess import express, prepare
from topocraft.errors import InputError, UndefinedScore, list_names, nearest_name
from topocraft.metrics import reference_distances, within_batch_clusters
from topocraft.metrics.arrays import LARGEST
from topocraft.metrics.searched import Reference
from topocraft.provenance import EMBEDDING, SET_ASIDE
from topocraft.topology.components import principal_components

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.metrics.scgraph import TypeDistances

COMPONENTS = 50
FEWEST_CELLS = 10


@dataclass(frozen=True, eq=False)
class Judged:
    """The cells that are scored, ``kept`` (n_cells of the AnnData,) of all; every other array is of those, in order.

    ``left_out`` says why the others are not scored.
    """

    kept: np.ndarray
    embeddings: Mapping[str, np.ndarray]
    batch: np.ndarray
    labels: np.ndarray | None
    covariates: Mapping[str, np.ndarray]
    left_out: tuple[str, ...]


def read_judged(
    adata: AnnData,
    batch_key: str | Sequence[str],
    label_key: str | None,
    embeddings: str | Sequence[str] | None,
    continuous: str | Sequence[str] = (),
) -> Judged:
    """Return the cells that can be scored: those with a type, and with coordinates in every embedding.

    Cells that quality control set aside may have NaN coordinates, and are left out; others must be finite.

    Raises
    ------
    InputError
        As ``evaluate``.
    """
    keys = _keys(adata, embeddings)
    points = {key: _points(adata, key) for key in keys}
    batch = batch_labels(adata.obs, batch_key)
    if label_key in listed(batch_key):
        raise InputError(
            f"label_key must be another column than batch_key; both are '{label_key}'. Name the column of cell types."
        )
    labels = None if label_key is None else cell_types(adata.obs, label_key)
    aside = _set_aside(adata, points)
    unlabelled = np.zeros(len(aside), dtype=bool) if labels is None else np.array([label is None for label in labels])
    kept = ~aside & ~unlabelled
    _require_enough(batch[kept], None if labels is None else labels[kept], batch_key, label_key)
    said = {
        "without a cell type": int(unlabelled.sum()),
        "set aside by quality control and without coordinates": int((aside & ~unlabelled).sum()),
    }
    return Judged(
        kept=kept,
        embeddings={key: array[kept] for key, array in points.items()},
        batch=batch[kept],
        labels=None if labels is None else labels[kept].astype(str),
        covariates={name: _numbers(adata, name)[kept] for name in listed(continuous)},
        left_out=tuple(f"{count:,} cells {why} are left out." for why, count in said.items() if count),
    )


def read_values(
    adata: AnnData, batch_key: str | Sequence[str], unintegrated: str | None, layer: str | None
) -> sparse.csr_matrix | np.ndarray:
    """Return what the cells were before integration, all of them: the log-normalised variable genes, cells × genes.

    Or the components in ``obsm`` that ``unintegrated`` names, cells × components.
    """
    if unintegrated is not None:
        _require_key(adata, unintegrated, "unintegrated")
        return _points(adata, unintegrated)
    try:
        return log_normalised(adata, batch_key, layer)[0]
    except InputError as error:
        raise InputError(
            f"{error} Or name unintegrated components that are in obsm already: unintegrated='X_pca' (--unintegrated)."
        ) from error


def log_normalised(
    adata: AnnData, batch_key: str | Sequence[str], layer: str | None, gene_mask: str | None = None
) -> tuple[sparse.csr_matrix, tuple[str, ...]]:
    """Return the log-normalised variable genes of all cells before integration, cells × genes, and their names.

    Raises
    ------
    InputError
        The values cannot be used as they are.
    """
    cells = from_anndata(adata, batch_key, layer=layer, gene_mask=gene_mask)
    genes = prepare(cells, PreprocessConfig(min_genes=0)).genes
    return express(cells, genes), genes.selected


def make_reference(judged: Judged, values: sparse.csr_matrix | np.ndarray, seed: int) -> Reference:
    """Return what every embedding of the judged cells is held against, from the values of these cells."""
    before = principal_components(values, COMPONENTS) if sparse.issparse(values) else np.asarray(values)
    return Reference(
        batch=judged.batch,
        labels=judged.labels,
        before=before,
        within_batch=within_batch_clusters(values, judged.batch, seed),
        type_distances=_type_distances(judged, values, seed),
        covariates=judged.covariates,
        seed=seed,
    )


def _type_distances(judged: Judged, values: sparse.csr_matrix | np.ndarray, seed: int) -> TypeDistances | str:
    if judged.labels is None:
        return "There are no cell types."
    try:
        return reference_distances(values, judged.batch, judged.labels, seed=seed)
    except UndefinedScore as undefined:
        return str(undefined)


def _keys(adata: AnnData, embeddings: str | Sequence[str] | None) -> list[str]:
    keys = list(dict.fromkeys(listed(EMBEDDING if embeddings is None else embeddings))) or [EMBEDDING]
    for key in keys:
        _require_key(adata, key, "embeddings")
    return keys


def _require_key(adata: AnnData, key: str, parameter: str) -> None:
    if key not in adata.obsm:
        cure = " Integrate the cells first, or name another key (--embedding)." if key == EMBEDDING else ""
        raise InputError(
            f"{parameter} must name keys of obsm; there is no '{key}'.{nearest_name(key, adata.obsm)} "
            f"Keys: {list_names(adata.obsm)}.{cure}"
        )


def _points(adata: AnnData, key: str) -> np.ndarray:
    stored: Any = adata.obsm[key]
    dense = stored.toarray() if sparse.issparse(stored) else np.asarray(stored)
    if dense.ndim != 2 or dense.shape[1] < 1 or not np.issubdtype(dense.dtype, np.number):
        raise InputError(
            f"obsm '{key}' must be cells × dimensions, of numbers; it has shape {dense.shape} and dtype {dense.dtype}."
        )
    with np.errstate(over="ignore"):
        return dense.astype(np.float32)


def _set_aside(adata: AnnData, points: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return which cells have no coordinates because quality control set them aside; others must have some."""
    allowed = np.zeros(adata.n_obs, dtype=bool)
    if SET_ASIDE in adata.obs:
        allowed = adata.obs[SET_ASIDE].isin([True]).to_numpy()
    aside = np.zeros(adata.n_obs, dtype=bool)
    for key, array in points.items():
        broken = ~(np.abs(array) <= LARGEST).all(axis=1)
        if (broken & ~allowed).any():
            names = adata.obs_names[broken & ~allowed]
            raise InputError(
                f"obsm '{key}' must be finite, within ±{LARGEST:g}; {len(names):,} of {adata.n_obs:,} cells are not: "
                f"{list_names(names, 5)}. Leave those cells out, or repair them."
            )
        aside |= broken
    return aside


def _numbers(adata: AnnData, name: str) -> np.ndarray:
    values = column(adata.obs, name, "continuous")
    if not pd.api.types.is_numeric_dtype(values) or values.isna().all():
        raise InputError(
            f"continuous '{name}' must be a column of numbers, set for some cells; it has dtype {values.dtype} and "
            f"{int(values.notna().sum()):,} values. Convert it, or name another column."
        )
    numbers: np.ndarray = values.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = adata.obs_names[np.isinf(numbers)]
    if len(infinite):
        raise InputError(
            f"continuous '{name}' must be finite or missing; {len(infinite):,} cells hold infinity: "
            f"{list_names(infinite, 5)}. Leave those cells out, or set them missing."
        )
    return numbers


def _require_enough(
    batch: np.ndarray, labels: np.ndarray | None, batch_key: str | Sequence[str], label_key: str | None
) -> None:
    if len(batch) < FEWEST_CELLS:
        raise InputError(f"At least {FEWEST_CELLS} cells must be there to score; {len(batch)} are.")
    for key, values, columns in (("batch_key", batch, batch_key), ("label_key", labels, label_key)):
        if values is not None and len(set(values)) < 2:
            raise InputError(
                f"{key} must tell at least two groups of cells apart; {list_names(listed(columns or ()))} has only "
                f"'{values[0]}'. Name another column."
            )
