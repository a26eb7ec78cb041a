"""Scores of an embedding: arrays in, a number out.

Each function names its range, its direction, its source and where it misleads; ``catalogue`` lists them side by side,
``suite`` computes them all. ``topocraft.evaluate`` is the same for an AnnData.
"""

from topocraft.metrics.arrays import neighbors_within_types
from topocraft.metrics.clustering import ari, leiden_clusterings, nmi
from topocraft.metrics.continuous import cross_batch_r2, knn_error, knn_r2
from topocraft.metrics.controls import islands, shuffled_within
from topocraft.metrics.graph import graph_connectivity
from topocraft.metrics.isolated import isolated_label_asw, isolated_label_f1, isolated_labels
from topocraft.metrics.kbet import kbet, kbet_p_values
from topocraft.metrics.kbet_types import kbet_at, kbet_per_type, kbet_within_types
from topocraft.metrics.label_free import within_batch_agreement, within_batch_clusters
from topocraft.metrics.lisi import clisi, f1_lisi, ilisi, lisi
from topocraft.metrics.lisi_types import blisi, cilisi, lisi_per_type
from topocraft.metrics.mixing import batch_mixing, neighbor_purity
from topocraft.metrics.mixing_map import mixing_map
from topocraft.metrics.positive import positive_cells, positive_rate, true_positive_rate
from topocraft.metrics.regression import pcr
from topocraft.metrics.scgraph import reference_distances, scgraph
from topocraft.metrics.silhouette import asw_batch, asw_label, bras, silhouette_samples

__all__ = [
    "ari",
    "asw_batch",
    "asw_label",
    "batch_mixing",
    "blisi",
    "bras",
    "cilisi",
    "clisi",
    "cross_batch_r2",
    "f1_lisi",
    "graph_connectivity",
    "ilisi",
    "islands",
    "isolated_label_asw",
    "isolated_label_f1",
    "isolated_labels",
    "kbet",
    "kbet_at",
    "kbet_p_values",
    "kbet_per_type",
    "kbet_within_types",
    "knn_error",
    "knn_r2",
    "leiden_clusterings",
    "lisi",
    "lisi_per_type",
    "mixing_map",
    "neighbor_purity",
    "neighbors_within_types",
    "nmi",
    "pcr",
    "positive_cells",
    "positive_rate",
    "reference_distances",
    "scgraph",
    "shuffled_within",
    "silhouette_samples",
    "true_positive_rate",
    "within_batch_agreement",
    "within_batch_clusters",
]
