"""What an embedding is judged by without cell types: structure that is kept, and batches that are mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from topocraft.metrics.arrays import neighbors_within_types
from topocraft.metrics.catalogue import BIO_WEIGHT
from topocraft.metrics.confusion import batch_confusion
from topocraft.metrics.label_free import within_batch_agreement, within_batch_clusters
from topocraft.metrics.lisi_types import cilisi
from topocraft.metrics.matching import matched_clusters
from topocraft.metrics.searched import NEIGHBORS


@dataclass(frozen=True)
class LabelFree:
    """The scores of one embedding, all in 0 … 1 but ARI, which may fall to −0.5; higher is better.

    ``nmi`` and ``ari`` are of the embedding's clusters with those of each batch by itself; ``cilisi`` and ``confusion``
    say how well batches mix inside clusters matched across batches.
    """

    nmi: float
    ari: float
    cilisi: float
    confusion: float

    @property
    def structure(self) -> float:
        """The first objective, the mean of NMI and ARI."""
        return (self.nmi + self.ari) / 2

    @property
    def mixing(self) -> float:
        """The second objective, the mean of CiLISI and confusion."""
        return (self.cilisi + self.confusion) / 2

    @property
    def score(self) -> float:
        """Both in one, with the weights of the composite: 0.6 structure + 0.4 mixing."""
        return BIO_WEIGHT * self.structure + (1 - BIO_WEIGHT) * self.mixing


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What embeddings of the same cells are judged by.

    ``batch``, the clusters of each batch by itself ``own`` and those matched across batches ``matched``, all codes,
    (n_cells,); −1 in both for cells of batches that have no clusters.
    """

    batch: np.ndarray
    own: np.ndarray
    matched: np.ndarray
    seed: int = 0


class _Clustered(NamedTuple):
    cells: np.ndarray
    clusters: np.ndarray


def make_yardstick(expression: sparse.csr_matrix, batch: np.ndarray, seed: int = 0) -> Yardstick:
    """Cluster every batch by itself, and match the clusters across batches.

    Parameters
    ----------
    expression
        Log-normalised values before integration, (n_cells, n_genes).
    batch
        Codes of the batches, (n_cells,).
    seed
        Of the clusterings.
    """
    own = within_batch_clusters(expression, batch, seed)
    parts = [np.flatnonzero((batch == code) & (own >= 0)) for code in np.unique(batch)]
    clustered = [_Clustered(cells, own[cells]) for cells in parts if len(cells)]
    return Yardstick(batch, own, matched_clusters(expression, clustered), seed)


def label_free(embedding: np.ndarray, yardstick: Yardstick) -> LabelFree:
    """Score an embedding without cell types.

    Parameters
    ----------
    embedding
        Coordinates, (n_cells, d), in the order of the yardstick's cells.
    yardstick
        What they are judged by.

    Raises
    ------
    UndefinedScore
        No batch has two clusters of its own, or no clusters of two batches match.

    References
    ----------
    Structure: He et al. 2025, doi:10.1038/s42003-025-07988-y, "Hyperparameter setting". CiLISI: Andreatta et al. 2024,
    doi:10.1038/s41467-024-45240-z.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(80, 2)) + np.repeat([0, 50], 40)[:, None]
    >>> kinds = np.repeat([0, 1], 40)
    >>> found = label_free(points, Yardstick(batch=np.tile([0, 1], 40), own=kinds, matched=kinds))
    >>> round(found.structure, 2), found.mixing > 0.8
    (1.0, True)
    """
    batch, seed = yardstick.batch, yardstick.seed
    nmi, ari = within_batch_agreement(embedding, batch, yardstick.own, seed)
    there = yardstick.matched >= 0
    within = neighbors_within_types(embedding[there], yardstick.matched[there], NEIGHBORS, seed)
    mixed = cilisi(within, batch[there], normalised="expected")
    return LabelFree(nmi, ari, mixed, batch_confusion(within, batch[there]))
