"""One shift of all cells: by batch, and by where on a map they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from topocraft.training.kinds import Company, own_targets

CELLS_PER_PLACE = 30
SAMPLE = 20_000
BLOCK = 8192


@dataclass(frozen=True, eq=False)
class Round:
    """One shift of all cells.

    Parameters
    ----------
    centers
        Places on the map that guides the shift, (k, g), float32.
    width
        Squared distance at which a place loses a factor e of its weight, at least 0.
    shifts
        What is taken off the cells of each batch at each place, (k, n_batches, d), float32.
    middles
        Where the batches meet at each place, (k, d), float32; ``None`` where kinds enter, and in models that were saved
        without.
    company
        What each batch had at each place, where kinds enter.
    prior
        Cells that a batch needs at a place to be shifted by half of its distance from there.
    whole
        Whether each batch is shifted by the same everywhere.
    """

    centers: np.ndarray
    width: float
    shifts: np.ndarray
    middles: np.ndarray | None
    company: Company | None
    prior: float
    whole: bool

    def apply(
        self,
        points: np.ndarray,
        batch: np.ndarray,
        guide: np.ndarray | None = None,
        kinds: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the points (n, d) after the shift.

        Parameters
        ----------
        points
            Coordinates, (n, d).
        batch
            Codes as in the fit, (n,); −1 leaves a cell where it is. Cells of each code beyond are a batch that is new:
            it is shifted by the same rule, towards where the batches of the fit meet; those of its kinds, where kinds
            enter.
        guide
            Coordinates on the guiding map, (n, g); the points themselves where left out.
        kinds
            As in the fit, (n, n_kinds); only what is new needs them.

        Raises
        ------
        ValueError
            A batch is new, kinds entered into the fit, and there are none.
        """
        guide = points if guide is None else guide
        shifted = points.copy()
        n_known = self.shifts.shape[1]
        for code in np.unique(batch[batch >= 0]):
            members = np.flatnonzero(batch == code)
            theirs = None if kinds is None else kinds[members]
            new = code >= n_known
            shifts = self._of_new(points[members], guide[members], theirs) if new else self.shifts[:, code]
            if shifts is not None:
                for block in blocks(members):
                    shifted[block] -= memberships(guide[block], self.centers, self.width) @ shifts
        return shifted

    def still(self) -> Round:
        """Return a round that leaves the batches of the fit where they are, and carries new ones as before."""
        return replace(self, shifts=np.zeros_like(self.shifts))

    def _of_new(self, points: np.ndarray, guide: np.ndarray, kinds: np.ndarray | None) -> np.ndarray | None:
        if self.middles is None and self.company is None:
            return None
        one = np.zeros(len(points), dtype=np.int64)
        weight, total = (part[:, 0] for part in sums(points, one, guide, self.centers, self.width))
        if self.company is not None:
            if kinds is None:
                raise ValueError("kinds must be given for a new batch where they entered into the fit")
            mine = sums(kinds, one, guide, self.centers, self.width)[1][:, 0]
            targets, alike = self.company.targets(mine, self.prior)
            apart = alike[:, None] * (total - weight[:, None] * targets)
        else:
            apart = total - weight[:, None] * self.middles
        if self.whole:
            weight, apart = np.full_like(weight, weight.sum()), np.broadcast_to(apart.sum(axis=0), apart.shape)
        shifts: np.ndarray = (apart / (weight + self.prior)[:, None]).astype(np.float32)
        return shifts


def fit_round(
    points: np.ndarray,
    batch: np.ndarray,
    guide: np.ndarray,
    *,
    places: int,
    prior: float,
    generator: np.random.Generator,
    whole: bool = False,
    kinds: np.ndarray | None = None,
) -> Round:
    """Find what sets the batches apart at places of a map.

    Places are chosen on the guiding map by k-means++, and a cell belongs to a place at squared distance d² with weight
    exp(−d² / w), summing to 1 over places, w the median squared distance to the nearest place. At each place, the batch
    of weight N and mean m lies m − c apart, where c is the mean of the batches' means, weighed by N / (N + λ). It is
    shifted by N / (N + λ) of that: a batch alone at a place is not shifted, and no cell is drawn to where its batch has
    no like. With ``kinds``, c is each batch's own, and another batch counts in it as far as its cells at the place are
    of the same kinds (``known_alike``): near one another is not yet the same. Not with ``whole``.

    With ``whole`` each batch is shifted by the same everywhere: the mean of m − c over places, weighed by
    N·M / (N + M), M being the weight of the other batches, so that only places where batches meet say anything.

    Parameters
    ----------
    points
        Coordinates to be shifted, (n_cells, d), float32.
    batch
        Codes 0 … S−1, (n_cells,).
    guide
        Coordinates on the map, (n_cells, g), float32.
    places
        At most so many, and one for every thirty cells.
    prior
        λ, above 0.
    generator
        Chooses the places.
    whole
        As above.
    kinds
        How much each cell belongs to each of some kinds, (n_cells, n_kinds), each row summing to 1.

    References
    ----------
    Shifts of soft clusters as in Harmony, Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0, but without its
    pressure to mix. Places: Arthur and Vassilvitskii 2007, k-means++.
    """
    if whole and kinds is not None:
        raise ValueError("kinds do not enter where batches are shifted as a whole")
    centers = choose_places(guide, places, generator)
    width = float(np.median(nearest_places(guide, centers)[1]))
    weight, total = sums(points, batch, guide, centers, width)
    means = total / np.maximum(weight, np.finfo(float).tiny)[:, :, None]
    trust = (weight / (weight + prior))[:, :, None]
    middles = company = None
    if kinds is None:
        middles = (trust * means).sum(axis=1) / np.maximum(trust.sum(axis=1), np.finfo(float).tiny)
        apart, middles = means - middles[:, None], _stored(middles)
    else:
        found = sums(kinds, batch, guide, centers, width)[1]
        apart = means - own_targets(means, trust[:, :, 0], found)
        company = Company(_stored(weight), _stored(means), _stored(found))
    shifts = _pooled(apart, weight, prior) if whole else trust * apart
    return Round(centers, width, _stored(shifts), middles, company, prior, whole)


def _stored(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32)


def memberships(points: np.ndarray, centers: np.ndarray, width: float) -> np.ndarray:
    """Return how much each point belongs to each place, (n, k), float32, each row summing to 1."""
    distances = squared_distances(points, centers)
    beyond = distances - distances.min(axis=1, keepdims=True)
    weights = np.exp(-beyond / width) if width > 0 else (beyond == 0).astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    belongs: np.ndarray = weights.astype(np.float32)
    return belongs


def sums(
    points: np.ndarray, batch: np.ndarray, guide: np.ndarray, centers: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of every batch at every place, (k, S), and the weighted sum of its points, (k, S, d)."""
    n_batches = int(batch.max()) + 1
    weight = np.zeros((len(centers), n_batches))
    total = np.zeros((len(centers), n_batches, points.shape[1]))
    for code in range(n_batches):
        for block in blocks(np.flatnonzero(batch == code)):
            belongs = memberships(guide[block], centers, width)
            weight[:, code] += belongs.sum(axis=0)
            total[:, code] += belongs.T @ points[block]
    return weight, total


def choose_places(points: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Return places by k-means++, at most ``most`` and one for every thirty points, (k, d).

    The next place is drawn in proportion to the squared distance from those there are; of several draws the one that
    leaves the least of it. A draw is the point of the largest ln d² plus Gumbel noise of its own, and not found in a
    cumulative sum, as in sklearn: there the last bits of all points together decide which one it is, so that another
    number of threads would come to other places.

    References
    ----------
    Arthur and Vassilvitskii 2007, k-means++. Gumbel 1954, Statistical theory of extreme values.
    """
    n_places = min(most, max(1, round(len(points) / CELLS_PER_PLACE)))
    if len(points) > SAMPLE:
        points = points[np.sort(generator.choice(len(points), SAMPLE, replace=False))]
    chosen = [int(generator.integers(len(points)))]
    squared = squared_distances(points, points[chosen])[:, 0]
    n_draws = 2 + int(np.log(n_places))
    while len(chosen) < n_places and squared.any():
        with np.errstate(divide="ignore"):
            keys = np.log(squared) + generator.gumbel(size=len(points))
        drawn = np.argsort(-keys, kind="stable")[:n_draws]
        left = np.minimum(squared[:, None], squared_distances(points, points[drawn]))
        best = int(left.sum(axis=0).argmin())
        chosen.append(int(drawn[best]))
        squared = left[:, best]
    return points[chosen]


def nearest_places(points: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which place is nearest to every point, (n,), and at which squared distance, (n,), float64."""
    nearest, squared = np.empty(len(points), dtype=np.int64), np.empty(len(points))
    for block in blocks(np.arange(len(points))):
        distances = squared_distances(points[block], centers)
        nearest[block], squared[block] = distances.argmin(axis=1), distances.min(axis=1)
    return nearest, squared


def squared_distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return the squared distance of every point from every center, (n, k), float64."""
    points, centers = points.astype(np.float64), centers.astype(np.float64)
    squares = np.square(points).sum(axis=1)[:, None] + np.square(centers).sum(axis=1)
    distances: np.ndarray = np.maximum(squares - 2 * points @ centers.T, 0.0)
    return distances


def _pooled(apart: np.ndarray, weight: np.ndarray, prior: float) -> np.ndarray:
    others = weight.sum(axis=1, keepdims=True) - weight
    evidence = weight * others / np.maximum(weight + others, np.finfo(float).tiny)
    pooled = (evidence[:, :, None] * apart).sum(axis=0) / (evidence.sum(axis=0) + prior)[:, None]
    return np.broadcast_to(pooled, apart.shape)


def blocks(members: np.ndarray) -> Iterator[np.ndarray]:
    """Yield positions, (m,), some thousands at a time."""
    yield from (members[start : start + BLOCK] for start in range(0, len(members), BLOCK))
