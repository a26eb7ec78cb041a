"""What the scores of one embedding share: searches and clusterings, each done once, when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.arrays import TypeNeighbors, neighbors_within_types
from topocraft.metrics.clustering import Clusterings, Match, leiden_clusterings, match_labels
from topocraft.metrics.graph import graph_connectivity
from topocraft.metrics.isolated import isolated_label_asw, isolated_label_f1
from topocraft.metrics.kbet_types import kbet_at, kbet_per_type, kbet_within_types
from topocraft.metrics.label_free import within_batch_agreement
from topocraft.metrics.lisi import clisi, ilisi
from topocraft.metrics.lisi_types import blisi, cilisi, lisi_per_type
from topocraft.metrics.mixing_map import mixing_map
from topocraft.metrics.perplexity import neighbor_weights
from topocraft.metrics.positive import PositiveCells, positive_cells, true_positive_share
from topocraft.metrics.regression import pcr
from topocraft.metrics.scgraph import TypeDistances, scgraph
from topocraft.metrics.silhouette import asw_batch, asw_label, bras, silhouette_samples
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors

NEIGHBORS = 89
KS = (10, 25, 50, 70)


@dataclass(frozen=True, eq=False)
class Reference:
    """What every embedding of the same cells is judged by; all arrays in the order of the cells.

    Attributes
    ----------
    batch
        Batch of every cell, (n_cells,).
    labels
        Cell type of every cell, (n_cells,), or ``None``: then only scores that need none are given.
    before
        Unintegrated principal components, (n_cells, d).
    within_batch
        Clusters of each batch by itself, from ``within_batch_clusters``, (n_cells,).
    type_distances
        From ``reference_distances``; or, as text, the reason why there are none.
    covariates
        Continuous covariates by name, (n_cells,) each, NaN where a cell has none.
    seed
        Of neighbour search and clustering.
    """

    batch: np.ndarray
    labels: np.ndarray | None
    before: np.ndarray
    within_batch: np.ndarray
    type_distances: TypeDistances | str = "No distances between types were given."
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)
    seed: int = 0


class Searched:
    """An embedding with what several scores share, found when first asked for."""

    def __init__(self, embedding: np.ndarray, reference: Reference) -> None:
        self._embedding, self.reference = embedding, reference
        self.batch, self.seed = reference.batch, reference.seed

    @property
    def embedding(self) -> np.ndarray:
        """Coordinates of the cells, (n_cells, d)."""
        return self._embedding

    @property
    def labels(self) -> np.ndarray:
        """Cell type of every cell; undefined where there are none."""
        if self.reference.labels is None:
            raise UndefinedScore("There are no cell types.")
        return self.reference.labels

    @cached_property
    def neighbors(self) -> NeighborGraph:
        """The 89 nearest others of every cell."""
        return nearest_neighbors(self.embedding, NEIGHBORS, self.seed)

    @cached_property
    def weights(self) -> np.ndarray:
        """What each neighbour weighs in LISI."""
        return neighbor_weights(self.neighbors)

    @cached_property
    def clusterings(self) -> Clusterings:
        """Leiden at ten resolutions."""
        return leiden_clusterings(self.neighbors, seed=self.seed)

    @cached_property
    def match(self) -> Match:
        """Clusters against types."""
        return match_labels(self.clusterings, self.labels)

    @cached_property
    def silhouettes(self) -> np.ndarray:
        """Silhouette widths by type."""
        return silhouette_samples(self.embedding, self.labels)

    @cached_property
    def within(self) -> tuple[TypeNeighbors, ...]:
        """Nearest others inside each type."""
        return neighbors_within_types(self.embedding, self.labels, NEIGHBORS, self.seed)

    @cached_property
    def kbet_at(self) -> dict[int, float]:
        """KBET inside types at several numbers of neighbours."""
        return kbet_at(self.within, self.batch, KS)

    @cached_property
    def positive(self) -> PositiveCells:
        """Which cells are positive and true positive."""
        return positive_cells(self.embedding, self.batch, self.labels, self.seed)

    @cached_property
    def agreement(self) -> tuple[float, float]:
        """NMI and ARI with the clusters of each batch by itself."""
        return within_batch_agreement(self.clusterings, self.batch, self.reference.within_batch, self.seed)

    def scgraph(self) -> float:
        """Distances between types against those inside batches."""
        if isinstance(self.reference.type_distances, str):
            raise UndefinedScore(self.reference.type_distances)
        return scgraph(self.embedding, self.labels, self.reference.type_distances)


MEASURES: dict[str, Callable[[Searched], float]] = {
    "nmi": lambda cells: cells.match.nmi,
    "ari": lambda cells: cells.match.ari,
    "asw_label": lambda cells: asw_label(cells.embedding, cells.labels, samples=cells.silhouettes),
    "clisi": lambda cells: clisi(cells.neighbors, cells.labels, weights=cells.weights),
    "asw_batch": lambda cells: asw_batch(cells.embedding, cells.batch, cells.labels),
    "pcr": lambda cells: pcr(cells.reference.before, cells.embedding, cells.batch),
    "graph_connectivity": lambda cells: graph_connectivity(cells.neighbors, cells.labels),
    "kbet": lambda cells: kbet_within_types(cells.within, cells.batch),
    "blisi": lambda cells: blisi(cells.within, cells.batch),
    "true_positive_rate": lambda cells: true_positive_share(cells.positive),
    "bras": lambda cells: bras(cells.embedding, cells.batch, cells.labels),
    "ilisi": lambda cells: ilisi(cells.neighbors, cells.batch, weights=cells.weights),
    "cilisi": lambda cells: cilisi(cells.within, cells.batch),
    "kbet_10": lambda cells: cells.kbet_at[10],
    "kbet_25": lambda cells: cells.kbet_at[25],
    "kbet_50": lambda cells: cells.kbet_at[50],
    "kbet_70": lambda cells: cells.kbet_at[70],
    "mixing": lambda cells: float(np.nanmean(mixing_map(cells.within, cells.batch))),
    "positive_rate": lambda cells: cells.positive.rates()["positive"],
    "isolated_label_f1": lambda cells: isolated_label_f1(cells.clusterings, cells.batch, cells.labels),
    "isolated_label_asw": lambda cells: isolated_label_asw(
        cells.embedding, cells.batch, cells.labels, samples=cells.silhouettes
    ),
    "scgraph": Searched.scgraph,
    "within_batch_nmi": lambda cells: cells.agreement[0],
    "within_batch_ari": lambda cells: cells.agreement[1],
}
SPREADS: dict[str, Callable[[Searched], float]] = {
    "nmi": lambda cells: cells.match.nmi_spread,
    "ari": lambda cells: cells.match.ari_spread,
}
BY_TYPE: dict[str, Callable[[Searched], Mapping[str, float]]] = {
    "positive_rate": lambda cells: _rate_per_type(cells, "positive"),
    "true_positive_rate": lambda cells: _rate_per_type(cells, "true_positive"),
    "blisi": lambda cells: lisi_per_type(cells.within, cells.batch),
    "kbet": lambda cells: kbet_per_type(cells.within, cells.batch),
}


def _rate_per_type(cells: Searched, rate: str) -> dict[str, float]:
    return {name: rates[rate] for name, rates in cells.positive.rates_per_type().items() if rate in rates}
