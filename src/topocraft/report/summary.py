"""What integration did to every cell type, before and after, as small frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.errors import InputError, UndefinedScore

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.data.cells import Cells
    from topocraft.integrator import Integrator
    from topocraft.topology.neighbors import NeighborGraph

NEIGHBORS = 15
COMPONENTS = 50
RESOLUTIONS = (0.1, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Change:
    """A score of the uncorrected cells and of the integrated ones; NaN where it is not defined."""

    before: float
    after: float


@dataclass(frozen=True)
class TypeRow:
    """One cell type: its cells and batches; how well kept (``neighbor_purity``), mixed (``batch_mixing``)."""

    name: str
    cells: int
    batches: tuple[str, ...]
    kept: Change
    mixed: Change


@dataclass(frozen=True)
class Report:
    """Every type, and how well Leiden clusters of all cells match the types (ARI, NMI, higher is better)."""

    label_key: str
    n_batches: int
    n_unscored: int
    rows: tuple[TypeRow, ...]
    ari: Change
    nmi: Change

    def to_uns(self) -> dict[str, Any]:
        """Return nested dictionaries of arrays and numbers, as h5ad can hold them."""
        scores: dict[str, Any] = {
            "label_key": self.label_key,
            "n_unscored": self.n_unscored,
            "type": np.array([row.name for row in self.rows], dtype=str),
            "cells": np.array([row.cells for row in self.rows]),
            "batches": np.array([", ".join(row.batches) for row in self.rows], dtype=str),
        }
        for moment in ("before", "after"):
            scores[f"kept_{moment}"] = np.array([getattr(row.kept, moment) for row in self.rows])
            scores[f"mixed_{moment}"] = np.array([getattr(row.mixed, moment) for row in self.rows])
            scores[f"ari_{moment}"] = getattr(self.ari, moment)
            scores[f"nmi_{moment}"] = getattr(self.nmi, moment)
        return scores


def score_result(
    adata: AnnData,
    batch_key: str | Sequence[str],
    model: Integrator,
    label_key: str,
    *,
    layer: str | None = None,
    gene_mask: str | None = None,
) -> tuple[Report, np.ndarray]:
    """Score an AnnData that ``integrate`` has annotated; keep the scores in ``uns["topocraft"]["scores"]``.

    Parameters
    ----------
    adata, batch_key, layer, gene_mask
        As they were for ``integrate``.
    model
        What it returned.
    label_key
        Column of ``obs`` with the true types, missing where there is none.

    Returns
    -------
    Report
        As from ``summarise``.
    numpy.ndarray
        The uncorrected coordinates it compares with: principal components of the values the model saw,
        (n_cells, d).
    """
    from topocraft.data.cells import from_anndata
    from topocraft.data.columns import cell_types
    from topocraft.data.preprocess import express
    from topocraft.provenance import EMBEDDING, KEY
    from topocraft.topology.components import principal_components

    config, genes = model.config, model.fitted_.genes
    kind = config.preprocess.input_kind
    cells = from_anndata(adata, batch_key, layer=layer, gene_mask=gene_mask, input_kind=kind)
    before = principal_components(express(cells, genes), config.embedding.n_components or COMPONENTS)
    labels = cell_types(adata.obs, label_key)
    report = summarise(label_key, labels, cells, before, adata.obsm[EMBEDDING], config.seed)
    adata.uns[KEY]["scores"] = report.to_uns()
    return report, before


def summarise(
    label_key: str, labels: np.ndarray, cells: Cells, before: np.ndarray, after: np.ndarray, seed: int = 0
) -> Report:
    """Score every type before and after integration.

    Parameters
    ----------
    label_key
        Name of the labels, for the record.
    labels
        True label of every cell, ``None`` where it is missing, (n_cells,).
    cells
        The cells, for their batches.
    before, after
        Uncorrected and integrated coordinates, (n_cells, d). Cells without a label, or with NaN coordinates,
        are left out and counted.
    seed
        Of neighbour search and clustering.

    Returns
    -------
    Report
        One row per type, largest first. The clustering behind ARI and NMI (0 … 1; ARI may fall below 0) is
        the one of five Leiden resolutions that matches the labels best by NMI, before and after alike.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.report import summarise
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200)
    >>> cells, points = from_anndata(adata, "batch"), adata.X.toarray()
    >>> report = summarise("celltype", adata.obs["celltype"].to_numpy(), cells, points, points)
    >>> report.rows[0].name, report.rows[0].cells
    ('common 1', 63)
    """
    scored = np.array([label is not None for label in labels]) & np.isfinite(after).all(axis=1)
    if not scored.any():
        raise InputError(f"label_key '{label_key}' must label at least one cell that has an embedding; it labels none.")
    truth, batch = labels[scored].astype(str), cells.batch[scored]
    moments = [_Scores.of(points[scored], truth, batch, seed) for points in (before, after)]
    names, sizes = np.unique(truth, return_counts=True)
    rows = []
    for position in np.argsort(-sizes, kind="stable"):
        name = str(names[position])
        found_in = tuple(cells.batch_names[code] for code in np.unique(batch[truth == name]))
        kept = Change(*(moment.kept[name] for moment in moments))
        mixed = Change(*(moment.mixed[name] for moment in moments))
        rows.append(TypeRow(name, int(sizes[position]), found_in, kept, mixed))
    ari, nmi = (Change(*(getattr(moment, score) for moment in moments)) for score in ("ari", "nmi"))
    return Report(label_key, len(np.unique(batch)), int((~scored).sum()), tuple(rows), ari, nmi)


@dataclass(frozen=True)
class _Scores:
    kept: dict[str, float]
    mixed: dict[str, float]
    ari: float
    nmi: float

    @classmethod
    def of(cls, points: np.ndarray, truth: np.ndarray, batch: np.ndarray, seed: int) -> _Scores:
        from topocraft.metrics.mixing import batch_mixing, neighbor_purity
        from topocraft.topology.neighbors import nearest_neighbors

        neighbors = nearest_neighbors(points, NEIGHBORS, seed)
        kept = neighbor_purity(neighbors.indices, truth)
        return cls(kept, batch_mixing(points, batch, truth, NEIGHBORS, seed), *_match(neighbors, truth, seed))


def _match(neighbors: NeighborGraph, truth: np.ndarray, seed: int) -> tuple[float, float]:
    from topocraft.metrics.clustering import leiden_clusterings, match_labels

    try:
        match = match_labels(leiden_clusterings(neighbors, RESOLUTIONS, seed), truth, n_seeds=1)
    except UndefinedScore:
        return float("nan"), float("nan")
    return match.ari, match.nmi
