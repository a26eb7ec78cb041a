"""What a page is about: the integrated cells, and what is known of how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.data.columns import batch_labels, cell_types, listed
from topocraft.errors import InputError, nearest_name
from topocraft.provenance import EMBEDDING, SET_ASIDE, recorded

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy import sparse

FEWEST_CELLS = 10
COMPONENTS = 50
CLUSTERS = "topocraft_low"


@dataclass(frozen=True, eq=False)
class Subject:
    """The cells of a page; arrays are of the cells that have coordinates, in the order of the file.

    Attributes
    ----------
    adata
        Those cells.
    kept
        Which cells of the file they are, (n_cells of the file,).
    batch
        Batch of every cell, (n_cells,).
    labels
        Cell type of every cell, ``None`` where it has none; or no types at all.
    label_key
        Column they come from, ``None`` where none was named.
    groups
        What the page speaks of row by row: the types, or the coarse clusters where there are none.
    before, after
        Unintegrated principal components and the embedding, (n_cells, d).
    values, genes
        Log-normalised variable genes, cells × genes, and their names.
    aside
        Which of all cells of the file quality control set aside, (n_cells of the file,).
    provenance
        ``uns["topocraft"]``.
    """

    adata: AnnData
    kept: np.ndarray
    batch: np.ndarray
    labels: np.ndarray | None
    label_key: str | None
    groups: np.ndarray
    before: np.ndarray
    after: np.ndarray
    values: sparse.csr_matrix
    genes: tuple[str, ...]
    aside: np.ndarray
    provenance: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What ``groups`` are."""
        return "cell type" if self.labels is not None else "cluster"


def read_subject(
    adata: AnnData, batch_key: str | Sequence[str] | None, label_key: str | None, layer: str | None
) -> Subject:
    """Return the cells of a page, from an AnnData that ``integrate`` has annotated.

    Raises
    ------
    InputError
        There is no embedding, the batches are not known, or too few cells have coordinates.
    """
    from topocraft.evaluation.judged import log_normalised
    from topocraft.topology.components import principal_components

    provenance = recorded(adata)
    read = provenance.get("read", {})
    points, kept = embedded(adata)
    keys = batch_columns(adata, batch_key)
    batch = batch_labels(adata.obs, keys)
    labels = None if label_key is None else cell_types(adata.obs, label_key)
    values, genes = log_normalised(adata, keys, layer or read.get("layer"), read.get("gene_mask"))
    shown = adata.obs[CLUSTERS].astype(str).to_numpy() if CLUSTERS in adata.obs else np.full(len(kept), "all")
    return Subject(
        adata=adata if kept.all() else adata[kept],
        kept=kept,
        batch=batch[kept],
        labels=None if labels is None else labels[kept],
        label_key=label_key,
        groups=(shown if labels is None else labels)[kept],
        before=principal_components(values[kept], COMPONENTS),
        after=points,
        values=values[kept],
        genes=genes,
        aside=adata.obs[SET_ASIDE].isin([True]).to_numpy() if SET_ASIDE in adata.obs else ~kept,
        provenance=provenance,
    )


def embedded(adata: AnnData) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of the cells that have any, float32, and which cells these are, (n_cells of the file,).

    Raises
    ------
    InputError
        There is no embedding, or too few cells have coordinates.
    """
    if EMBEDDING not in adata.obsm:
        raise InputError(
            f"obsm must hold '{EMBEDDING}'; it does not.{nearest_name(EMBEDDING, adata.obsm)} Integrate the cells "
            "first: topocraft integrate."
        )
    points = np.asarray(adata.obsm[EMBEDDING], dtype=np.float32)
    kept = np.asarray(np.isfinite(points).all(axis=1))
    if kept.sum() < FEWEST_CELLS:
        raise InputError(f"At least {FEWEST_CELLS} cells must have coordinates in {EMBEDDING}; {kept.sum()} have.")
    return points[kept], kept


def batch_columns(adata: AnnData, batch_key: str | Sequence[str] | None) -> list[str]:
    """Return the columns with the batches: those that are named, or those that the cells were integrated by.

    Raises
    ------
    InputError
        Neither is known.
    """
    if batch_key is not None:
        return listed(batch_key)
    read = recorded(adata).get("read", {})
    if "batch_key" not in read:
        raise InputError(
            "batch_key must name the column of obs with the batches; the file does not say which it was integrated by. "
            "Name it (--batch-key)."
        )
    return [str(key) for key in np.atleast_1d(read["batch_key"])]
