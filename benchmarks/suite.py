"""Time and memory of the whole suite of scores, beside scib-metrics."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import process

Planted = tuple[np.ndarray, np.ndarray, np.ndarray]


def planted(n_cells: int) -> Planted:
    """Return an embedding of 50 dimensions, batch and cell type: ten types, one in two of the four batches only."""
    generator = np.random.default_rng(0)
    types = generator.choice(10, n_cells, p=np.arange(1, 11) / 55)
    batch = np.where(
        types == 0, generator.integers(0, 2, n_cells), generator.choice(4, n_cells, p=[0.4, 0.3, 0.2, 0.1])
    )
    centers, shifts = generator.normal(size=(10, 50)), 0.4 * generator.normal(size=(4, 50))
    points = centers[types] + shifts[batch] + generator.normal(size=(n_cells, 50))
    return points.astype(np.float32), batch.astype(str), types.astype(str)


def ours(points: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return every score of the suite, references from the embedding's own dimensions included."""
    from topocraft.metrics import reference_distances, within_batch_clusters
    from topocraft.metrics.searched import Reference
    from topocraft.metrics.suite import score_embedding

    clusters, distances = within_batch_clusters(points, batch), reference_distances(points, batch, labels)
    reference = Reference(batch, labels, points, clusters, distances)
    return {score.name: score.value for score in score_embedding(points + 0.0, reference) if not score.part}


def theirs(points: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the scores that scib-metrics 0.5.10 has of these, with exact neighbours."""
    import scib_metrics
    from scores import NEIGHBORS, nearest

    near = nearest(points, NEIGHBORS)
    first = near.subset_neighbors(n=15)
    clusters = scib_metrics.nmi_ari_cluster_labels_leiden(first, labels, optimize_resolution=True)
    return {
        **clusters,
        "clisi": scib_metrics.clisi_knn(near, labels),
        "ilisi": scib_metrics.ilisi_knn(near, batch),
        "kbet": scib_metrics.kbet(near.subset_neighbors(n=50), batch)[0],
        "kbet_per_label": scib_metrics.kbet_per_label(near.subset_neighbors(n=50), batch, labels),
        "asw_label": scib_metrics.silhouette_label(points, labels),
        "asw_batch": scib_metrics.silhouette_batch(points, labels, batch),
        "bras": scib_metrics.bras(points, labels, batch),
        "isolated_label_asw": scib_metrics.isolated_labels(points, labels, batch),
        "graph_connectivity": scib_metrics.graph_connectivity(first, labels),
        "pcr": scib_metrics.pcr_comparison(points + 0.0, points, batch, categorical=True),
    }


def print_times(repeats: int, sizes: tuple[int, ...] = (10_500, 100_000)) -> None:
    """Print seconds and peak memory of fresh processes: ours and theirs alternating, the large size ours alone."""
    small, *large = sizes
    costs: dict[str, list[process.Cost]] = {"ours": [], "theirs": []}
    for _ in range(repeats):
        for who, found in costs.items():
            found.append(_fresh(who, small))
    for who, found in costs.items():
        _tell(who, small, found)
    ratio = statistics.median(cost.wall for cost in costs["theirs"]) / statistics.median(c.wall for c in costs["ours"])
    print(f"  theirs / ours: {ratio:.1f}")
    for size in large:
        _tell("ours", size, [_fresh("ours", size)])


def _fresh(who: str, n_cells: int) -> process.Cost:
    command = [sys.executable, str(Path(__file__)), who, str(n_cells)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process.wait_for((child, time.perf_counter()))


def _tell(who: str, n_cells: int, costs: list[process.Cost]) -> None:
    wall, peak = statistics.median(c.wall for c in costs), statistics.median(c.peak for c in costs)
    seconds = ", ".join(f"{cost.wall:.1f}" for cost in costs)
    print(f"  {who}, {n_cells:,} cells: {wall:.1f} s ({seconds}), {peak / 1e9:.2f} GB", flush=True)


if __name__ == "__main__":
    {"ours": ours, "theirs": theirs}[sys.argv[1]](*planted(int(sys.argv[2])))
