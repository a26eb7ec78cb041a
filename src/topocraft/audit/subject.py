"""What is audited: an embedding, the cells behind it, and what each batch says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.data.columns import cell_types, given_labels, listed
from topocraft.data.preprocess import prepare
from topocraft.errors import InputError
from topocraft.evaluation.judged import read_judged
from topocraft.metrics.clustering import leiden_clusterings
from topocraft.metrics.label_free import MIN_BATCH, REFERENCE_RESOLUTION
from topocraft.provenance import EMBEDDING, SET_ASIDE, recorded
from topocraft.topology.components import principal_components
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors

if TYPE_CHECKING:
    from anndata import AnnData

COMPONENTS, NEIGHBORS, WIDE = 50, 15, 75


@dataclass(frozen=True, eq=False)
class Subject:
    """The audited cells, ``kept`` of all that came; every other array is of those, in order.

    ``points`` is the embedding, ``expression`` the log-normalised variable genes before it. ``groups`` are cell types,
    or clusters matched across batches where ``labelled`` is false, as codes into ``group_names``; −1 for a cell
    without one. ``conditions`` holds annotations that batches may be confounded with.
    """

    kept: np.ndarray
    cells: Cells
    points: np.ndarray
    expression: sparse.csr_matrix
    groups: np.ndarray
    group_names: tuple[str, ...]
    labelled: bool
    covariates: Mapping[str, np.ndarray]
    conditions: Mapping[str, np.ndarray]
    config: IntegrationConfig

    @property
    def batch(self) -> np.ndarray:
        """Codes of the batches, (n_cells,)."""
        return self.cells.batch

    @property
    def kind(self) -> str:
        """What a group is called."""
        return "type" if self.labelled else "matched cluster"

    def batch_text(self) -> np.ndarray:
        """Return the names of the batches, (n_cells,)."""
        names: np.ndarray = np.array(self.cells.batch_names)[self.batch]
        return names


@dataclass(frozen=True, eq=False)
class OwnBatch:
    """What one batch says of its ``cells``: its own components, neighbours and clusters, and the neighbours after.

    ``components`` (m, d); ``before``, 15 neighbours, and ``after``, 75, are searched among the cells of the batch
    alone, ``after`` in the embedding; ``clusters`` (m,), codes of Leiden at the low resolution.
    """

    name: str
    cells: np.ndarray
    components: np.ndarray
    before: NeighborGraph
    after: NeighborGraph
    clusters: np.ndarray


def own_batches(
    points: np.ndarray, expression: sparse.csr_matrix, batch: np.ndarray, names: Sequence[str], seed: int
) -> tuple[OwnBatch, ...]:
    """Return what every batch of at least 30 cells says of its cells, the largest first."""
    sizes = np.bincount(batch, minlength=len(names))
    large = [code for code in np.argsort(-sizes, kind="stable") if sizes[code] >= MIN_BATCH]
    return tuple(_own(points, expression, np.flatnonzero(batch == code), names[code], seed) for code in large)


def _own(points: np.ndarray, expression: sparse.csr_matrix, cells: np.ndarray, name: str, seed: int) -> OwnBatch:
    components = principal_components(expression[cells], COMPONENTS)
    before = nearest_neighbors(components, NEIGHBORS, seed)
    clusters = leiden_clusterings(before.first(NEIGHBORS - 1), (REFERENCE_RESOLUTION,), seed).codes[0]
    return OwnBatch(name, cells, components, before, nearest_neighbors(points[cells], WIDE, seed), clusters)


def read_subject(
    adata: AnnData,
    batch_key: str | Sequence[str],
    label_key: str | None,
    *,
    embedding: str | None,
    layer: str | None,
    continuous: str | Sequence[str],
    conditions: str | Sequence[str],
    config: IntegrationConfig | None,
) -> Subject:
    """Check an AnnData and return what is audited of it; without cell types, ``groups`` is still empty.

    Cells that quality control kept out of training are not audited.

    Raises
    ------
    InputError
        A column, key or layer is missing, there is one batch only, or the values are of no use.
    """
    config = config or recorded_config(adata)
    judged = read_judged(adata, batch_key, None, embedding, continuous)
    aside = adata.obs[SET_ASIDE].isin([True]).to_numpy() if SET_ASIDE in adata.obs else np.zeros(adata.n_obs, bool)
    kept = judged.kept & ~aside
    cells = _cells(adata, batch_key, layer, config).take(kept)
    if len(np.unique(cells.batch)) < 2:
        raise InputError("batch_key must tell at least two batches of integrated cells apart; one is left.")
    expression = prepare(cells, config.with_values(min_genes=0).preprocess).expression
    groups, names = _types(adata, label_key, kept)
    points = next(iter(judged.embeddings.values()))
    inside = kept[judged.kept]
    return Subject(
        kept=kept,
        cells=cells,
        points=points[inside],
        expression=expression,
        groups=groups,
        group_names=names,
        labelled=label_key is not None,
        covariates={name: values[inside] for name, values in judged.covariates.items()},
        conditions={name: _condition(adata, name, kept) for name in listed(conditions)},
        config=config,
    )


def recorded_config(adata: AnnData) -> IntegrationConfig:
    """Return the configuration that ``integrate`` wrote down, or the defaults where there is none.

    Where coordinates were chosen, they are those that were taken: what is integrated again is to be held against them.
    """
    held = recorded(adata)
    if "config" not in held:
        return IntegrationConfig()
    config = IntegrationConfig.from_json(str(held["config"]))
    chosen = config.embedding.coordinates == "best" and "coordinates" in held
    return config.with_values(coordinates=str(held["coordinates"])) if chosen else config


def is_ours(adata: AnnData, embedding: str | None) -> bool:
    """Say whether the embedding is topocraft's own, so that topocraft can make it again."""
    return embedding in (None, EMBEDDING) and "config" in recorded(adata)


def _cells(adata: AnnData, batch_key: str | Sequence[str], layer: str | None, config: IntegrationConfig) -> Cells:
    annotation = dict(recorded(adata).get("annotation", {}))
    return from_anndata(
        adata,
        batch_key,
        layer=layer,
        labels_low=annotation.get("labels_low"),
        labels_high=annotation.get("labels_high"),
        input_kind=config.preprocess.input_kind,
    )


def _types(adata: AnnData, label_key: str | None, kept: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if label_key is None:
        return np.full(int(kept.sum()), -1, dtype=np.int64), ()
    labels = cell_types(adata.obs, label_key)[kept]
    names = sorted({str(label) for label in labels if label is not None})
    position = {name: code for code, name in enumerate(names)}
    return np.array([-1 if label is None else position[label] for label in labels], dtype=np.int64), tuple(names)


def _condition(adata: AnnData, name: str, kept: np.ndarray) -> np.ndarray:
    levels: np.ndarray = given_labels(adata.obs, name, "conditions", "to go on without it")[kept]
    return levels
