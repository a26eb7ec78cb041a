"""What still sets batches apart after training, place by place on the map, and how it is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from topocraft.config import EmbeddingConfig
from topocraft.progress import Progress, Silent

CELLS_PER_PLACE = 30
SAMPLE = 20_000
BLOCK = 8192


@dataclass(frozen=True, eq=False)
class Round:
    """One shift of all cells.

    Parameters
    ----------
    centers
        Places on the map, (k, d), float32.
    width
        Squared distance at which a place loses a factor e of its weight, at least 0.
    shifts
        What is taken off the cells of each batch at each place, (k, n_batches, d), float32.
    """

    centers: np.ndarray
    width: float
    shifts: np.ndarray

    def apply(self, points: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Return the points (n, d) after the shift; a batch code of −1 leaves a point where it is."""
        shifted = points.copy()
        for code, members in _blocks(batch, self.shifts.shape[1]):
            shifted[members] -= memberships(points[members], self.centers, self.width) @ self.shifts[:, code]
        return shifted


@dataclass(frozen=True, eq=False)
class Alignment:
    """Shifts, one after the other; none leaves every cell where it is."""

    rounds: tuple[Round, ...] = ()

    def apply(self, points: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Return points (n, d) of batches (n,), aligned; a batch code of −1 leaves a point where it is."""
        for each in self.rounds:
            points = each.apply(points, batch)
        return points


def fit_alignment(
    points: np.ndarray,
    batch: np.ndarray,
    config: EmbeddingConfig,
    generator: np.random.Generator,
    progress: Progress | None = None,
) -> Alignment:
    """Find what still sets the batches apart, place by place.

    The classifier reads random draws of the posterior, so that differences below their noise escape it; what is left
    in the means is small, smooth, and differs from place to place. In each round, places are chosen by k-means++, and
    a cell belongs to a place at squared distance d² with weight exp(−d² / w), summing to 1 over places, w the median
    squared distance to the nearest place. At each place, the batch of weight N and mean m is shifted by
    N / (N + λ) · (m − c), where c is the mean of the batches' means, weighed by N / (N + λ). A batch alone at a place
    is not shifted: no cell is drawn to where its batch has no like.

    Parameters
    ----------
    points
        Coordinates, (n_cells, d), float32.
    batch
        Codes 0 … S−1, (n_cells,).
    config
        ``alignment_rounds``, ``alignment_places`` and λ, ``alignment_prior``.
    generator
        Chooses the places.
    progress
        Told of every round.

    References
    ----------
    Shifts of soft clusters as in Harmony, Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0, but without its
    pressure to mix. Places: Arthur and Vassilvitskii 2007, k-means++.

    Examples
    --------
    >>> draws = np.random.default_rng(0)
    >>> batch = np.repeat([0, 1], 200)
    >>> points = (draws.normal(size=(400, 2)) + 0.5 * batch[:, None]).astype(np.float32)
    >>> aligned = fit_alignment(points, batch, EmbeddingConfig(), draws).apply(points, batch)
    >>> gap = [abs(part[batch == 0].mean() - part[batch == 1].mean()) for part in (points, aligned)]
    >>> bool(gap[1] < 0.7 * gap[0])
    True
    """
    shown = progress or Silent()
    if config.alignment_rounds:
        shown.phase("align", config.alignment_rounds)
    rounds = []
    for _ in range(config.alignment_rounds):
        each = _fit_round(points, batch, config, generator)
        points = each.apply(points, batch)
        rounds.append(each)
        shown.advance()
    return Alignment(tuple(rounds))


def memberships(points: np.ndarray, centers: np.ndarray, width: float) -> np.ndarray:
    """Return how much each point belongs to each place, (n, k), float32, each row summing to 1."""
    distances = _squared_distances(points, centers)
    beyond = distances - distances.min(axis=1, keepdims=True)
    weights = np.exp(-beyond / width) if width > 0 else (beyond == 0).astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    belongs: np.ndarray = weights.astype(np.float32)
    return belongs


def _fit_round(points: np.ndarray, batch: np.ndarray, config: EmbeddingConfig, generator: np.random.Generator) -> Round:
    centers = _places(points, config.alignment_places, generator)
    width = _width(points, centers)
    n_batches, d = int(batch.max()) + 1, points.shape[1]
    weight = np.zeros((len(centers), n_batches))
    total = np.zeros((len(centers), n_batches, d))
    for code, members in _blocks(batch, n_batches):
        belongs = memberships(points[members], centers, width)
        weight[:, code] += belongs.sum(axis=0)
        total[:, code] += belongs.T @ points[members]
    return Round(centers, width, _shifts(weight, total, config.alignment_prior))


def _shifts(weight: np.ndarray, total: np.ndarray, prior: float) -> np.ndarray:
    means = total / np.maximum(weight, np.finfo(float).tiny)[:, :, None]
    trust = (weight / (weight + prior))[:, :, None]
    middle = (trust * means).sum(axis=1, keepdims=True) / np.maximum(
        trust.sum(axis=1, keepdims=True), np.finfo(float).tiny
    )
    shifts: np.ndarray = (trust * (means - middle)).astype(np.float32)
    return shifts


def _places(points: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    from sklearn.cluster import kmeans_plusplus

    n_places = min(most, max(1, round(len(points) / CELLS_PER_PLACE)))
    if len(points) > SAMPLE:
        points = points[np.sort(generator.choice(len(points), SAMPLE, replace=False))]
    centers: np.ndarray = kmeans_plusplus(points, n_places, random_state=int(generator.integers(2**31)))[0]
    return centers


def _width(points: np.ndarray, centers: np.ndarray) -> float:
    starts = range(0, len(points), BLOCK)
    nearest = [_squared_distances(points[start : start + BLOCK], centers).min(axis=1) for start in starts]
    return float(np.median(np.concatenate(nearest)))


def _squared_distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    points, centers = points.astype(np.float64), centers.astype(np.float64)
    squares = np.square(points).sum(axis=1)[:, None] + np.square(centers).sum(axis=1)
    distances: np.ndarray = np.maximum(squares - 2 * points @ centers.T, 0.0)
    return distances


def _blocks(batch: np.ndarray, n_batches: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the batch codes 0 … S−1, each with some of its cells, until all have come."""
    order = np.argsort(batch, kind="stable")
    ends = np.searchsorted(batch[order], np.arange(n_batches + 1))
    for code in range(n_batches):
        for start in range(ends[code], ends[code + 1], BLOCK):
            yield code, order[start : min(start + BLOCK, ends[code + 1])]
