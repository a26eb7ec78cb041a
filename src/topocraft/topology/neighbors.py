"""One neighbour search, many readers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topocraft.randomness import stream_seed
from topocraft.topology.card import nearest_on_card

EXACT_UP_TO = 100_000


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The nearest neighbours of every point, nearest first, itself left out.

    ``indices`` and ``distances`` (Euclidean) are both of shape (n_points, k).
    """

    indices: np.ndarray
    distances: np.ndarray

    def first(self, k: int) -> NeighborGraph:
        """Return the graph of the ``k`` nearest neighbours."""
        return NeighborGraph(self.indices[:, :k], self.distances[:, :k])


def nearest_neighbors(points: np.ndarray, k: int, seed: int = 0, device: str = "cpu") -> NeighborGraph:
    """Find the ``k`` nearest neighbours of every point (fewer where there are fewer points).

    Exact on the device "cuda", and elsewhere up to ``EXACT_UP_TO`` points; by nearest-neighbour descent
    (doi:10.1145/1963405.1963487) above.
    """
    k = min(k, len(points) - 1)
    if device == "cuda":
        return NeighborGraph(*nearest_on_card(points, points, k, device, itself=False))
    if len(points) > EXACT_UP_TO:
        return _descent(points, k, seed)
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    distances, indices = search.kneighbors()
    return NeighborGraph(indices, distances)


def _descent(points: np.ndarray, k: int, seed: int) -> NeighborGraph:
    from pynndescent import NNDescent

    index = NNDescent(points, n_neighbors=k + 1, random_state=stream_seed(seed, "neighbors"))
    indices, distances = index.neighbor_graph
    rows = np.arange(len(points))
    is_self = indices == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    others = ~is_self
    return NeighborGraph(indices[others].reshape(-1, k), distances[others].reshape(-1, k))
