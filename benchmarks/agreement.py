"""How far the scores agree with scib-metrics 0.5.10 on the shared sets, given the same neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scib_metrics
from quality import SETS, integrated
from scores import NEIGHBORS, nearest

from topocraft import metrics
from topocraft.errors import UndefinedScore
from topocraft.evaluation.judged import make_reference, read_judged, read_values
from topocraft.topology.neighbors import NeighborGraph

SCORES = ("clisi", "ilisi", "kbet", "asw_label", "asw_batch", "bras", "graph_connectivity", "pcr", "isolated_label_asw")


def print_agreement(folder: Path) -> None:
    """Print ours minus theirs of every score that both have, integrated and not; and kBET by type, both values."""
    print("| embedding | " + " | ".join(SCORES) + " | kBET by type, ours / theirs |")
    print("|---" * (len(SCORES) + 2) + "|")
    for name in SETS:
        adata = integrated(name, folder)
        judged = read_judged(adata, "batch", "celltype", None)
        values = read_values(adata, "batch", None, None)
        before = make_reference(judged, values[judged.kept], seed=0).before
        for what, points in (("integrated", judged.embeddings["X_topocraft"]), ("before", before)):
            mine, theirs = _both(before, points, judged.batch, judged.labels)
            entries = [_difference(mine[score], theirs[score]) for score in SCORES]
            entries.append(f"{mine['kbet_per_type']:.3f} / {theirs['kbet_per_type']:.3f}")
            print(f"| `{name}`, {what} | " + " | ".join(entries) + " |", flush=True)


def _both(
    before: np.ndarray, points: np.ndarray, batch: np.ndarray, labels: np.ndarray
) -> tuple[dict[str, float], dict[str, float]]:
    near = nearest(points, NEIGHBORS)
    graph = NeighborGraph(near.indices[:, 1:], near.distances[:, 1:])
    mine = {
        "clisi": metrics.clisi(graph, labels),
        "ilisi": metrics.ilisi(graph, batch),
        "kbet": metrics.kbet(graph, batch, k=50),
        "asw_label": metrics.asw_label(points, labels),
        "asw_batch": metrics.asw_batch(points, batch, labels),
        "bras": metrics.bras(points, batch, labels),
        "graph_connectivity": metrics.graph_connectivity(graph, labels),
        "pcr": metrics.pcr(before, points, batch),
        "isolated_label_asw": _isolated(points, batch, labels),
        "kbet_per_type": metrics.kbet_within_types(points, batch, labels),
    }
    first, fifty = near.subset_neighbors(n=15), near.subset_neighbors(n=50)
    theirs = {
        "clisi": scib_metrics.clisi_knn(near, labels),
        "ilisi": scib_metrics.ilisi_knn(near, batch),
        "kbet": scib_metrics.kbet(fifty, batch)[0],
        "asw_label": scib_metrics.silhouette_label(points, labels),
        "asw_batch": scib_metrics.silhouette_batch(points, labels, batch),
        "bras": scib_metrics.bras(points, labels, batch),
        "graph_connectivity": scib_metrics.graph_connectivity(first, labels),
        "pcr": scib_metrics.pcr_comparison(before, points, batch, categorical=True),
        "isolated_label_asw": scib_metrics.isolated_labels(points, labels, batch),
        "kbet_per_type": scib_metrics.kbet_per_label(fifty, batch, labels),
    }
    return mine, {name: float(value) for name, value in theirs.items()}


def _isolated(points: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> float:
    try:
        return metrics.isolated_label_asw(points, batch, labels)
    except UndefinedScore:
        return float("nan")


def _difference(mine: float, theirs: float) -> str:
    return "not isolated" if np.isnan(mine) else f"{mine - theirs:+.4f}"
