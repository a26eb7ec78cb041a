"""Cells of any source as the rest of the package wants them: values, one column of batches, one of cell types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.data.columns import batch_labels, given_labels
from topocraft.data.datasets.entries import Dataset
from topocraft.data.values import LARGEST_LOG1P
from topocraft.errors import InputError, list_names, nearest_name

if TYPE_CHECKING:
    from anndata import AnnData

COUNTS, FRACTIONS, LOGARITHMS = "raw counts", "counts, not all of them whole", "log-normalised values"


def standardised(adata: AnnData, dataset: Dataset) -> tuple[AnnData, list[str]]:
    """Return the cells of a dataset in the common form, and what the user should know of it.

    Parameters
    ----------
    adata
        As the source, or the user, stored it. It is not changed.
    dataset
        Says which layer and columns hold what.

    Returns
    -------
    Values in ``X`` (CSR, float32), ``obs["batch"]`` and ``obs["celltype"]`` as categories, the cell type missing where
    the source names none; ``uns["dataset"]``, ``uns["source"]`` and ``uns["x_kind"]``. Other columns of ``obs`` and
    ``var`` stay, other sections do not. A column of the source that bore one of the two names gets ``_source`` behind
    it.

    Raises
    ------
    InputError
        A column or layer is missing, or a cell has no batch.
    """
    import anndata

    obs, notes = _columns(adata.obs, dataset)
    values = sparse.csr_matrix(_values(adata, dataset), dtype=np.float32)
    cells = anndata.AnnData(values, obs=obs, var=adata.var.copy())
    notes += _unique(cells)
    kind = str(adata.uns.get("x_kind", "")) or _kind(values.data)
    if kind == FRACTIONS:
        notes.append(_fractions(values, obs["batch"]))
    cells.uns.update(dataset=dataset.name, source=_source(adata, dataset), x_kind=kind)
    return cells, notes


def _columns(obs: pd.DataFrame, dataset: Dataset) -> tuple[pd.DataFrame, list[str]]:
    batch, label = (_first(obs, keys, what) for keys, what in _wanted(dataset))
    batches = batch_labels(obs, batch)
    types = given_labels(obs, label, "label_key", "to go on without cell types")
    taken = {name: f"{name}_source" for name, key in (("batch", batch), ("celltype", label)) if name != key}
    columns = obs.rename(columns=taken)
    columns["batch"], columns["celltype"] = pd.Categorical(batches), pd.Categorical(types)
    untyped = int(columns["celltype"].isna().sum())
    return columns, [f"{untyped:,} cells have no cell type."] if untyped else []


def _wanted(dataset: Dataset) -> tuple[tuple[tuple[str, ...], str], tuple[tuple[str, ...], str]]:
    return (dataset.batch_key, "batch_key"), (dataset.label_key, "label_key")


def _first(obs: pd.DataFrame, keys: tuple[str, ...], parameter: str) -> str:
    held = next((key for key in keys if key in obs.columns), None)
    if held is None:
        raise InputError(
            f"{parameter} must name a column of obs; there is no {' or '.join(map(repr, keys))}."
            f"{nearest_name(keys[0], obs.columns)} Columns: {list_names(obs.columns, 20)}. Copy the file into a folder "
            f"of your own, with {parameter} in a .toml of the same name beside it, and name the folder with --from "
            "(folder=)."
        )
    return held


def _values(adata: AnnData, dataset: Dataset) -> Any:
    if dataset.layer is None:
        if adata.X is None:
            raise InputError(f"X must hold values; it is empty. Name a layer: {list_names(adata.layers)}.")
        return adata.X
    if dataset.layer not in adata.layers:
        raise InputError(
            f"layer must name a layer; there is no '{dataset.layer}'.{nearest_name(dataset.layer, adata.layers)} "
            f"Layers: {list_names(adata.layers)}."
        )
    return adata.layers[dataset.layer]


def _unique(cells: AnnData) -> list[str]:
    notes = []
    for what, names, number in (
        ("cell", cells.obs_names, cells.obs_names_make_unique),
        ("gene", cells.var_names, cells.var_names_make_unique),
    ):
        repeated = int(names.duplicated().sum())
        if repeated:
            number()
            notes.append(f"{repeated:,} repeated {what} names were numbered to be unique.")
    return notes


def _kind(stored: np.ndarray) -> str:
    if (stored == np.rint(stored)).all():
        return COUNTS
    return LOGARITHMS if stored.max() <= LARGEST_LOG1P else FRACTIONS


def _fractions(values: sparse.csr_matrix, batch: pd.Series) -> str:
    rest = values.copy()
    rest.data = (rest.data != np.rint(rest.data)).astype(np.float32)
    fractional = batch[np.asarray(rest.sum(axis=1)).ravel() > 0].unique()
    return f"Counts are not whole in {len(fractional):,} of {batch.nunique():,} batches: {list_names(fractional)}."


def _source(adata: AnnData, dataset: Dataset) -> str:
    parts = (dataset.title, dataset.origin, dataset.citation, f"licence: {dataset.licence}", dataset.url or "")
    return str(adata.uns.get("source", "")) or "; ".join(part for part in parts if part)
