"""Whether the batches differ at all: where nothing tells them apart, there is nothing to correct."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topocraft.topology.neighbors import nearest_neighbors
from topocraft.topology.sketch import even_shares
from topocraft.training.rounds import choose_places, nearest_places

NEIGHBORS = 15
PLACES = 100
SAMPLES = 2_000, 20_000
"""Cells looked at, of every batch as many or all: more where few do not tell."""
ORDERS = 999
MIXED = 0.8
"""Of random order: a batch mixed less counts as different also where too few cells leave it to chance."""


@dataclass(frozen=True)
class Difference:
    """What sets the batches apart, held against random order.

    Parameters
    ----------
    mixing
        Neighbours of other batches, observed / expected, of the batch that has the fewest; 1 at random.
    found
        Whether batches differ: by more than in any of 999 random orders, or one of them mixed under 0.8.
    """

    mixing: float
    found: bool

    @property
    def words(self) -> str:
        """The mixing, as part of a sentence."""
        times = f"{self.mixing:.2f} times"
        return f"cells of each have at least {times} as many neighbours of other batches as in random order"


def find_difference(points: np.ndarray, batch: np.ndarray, generator: np.random.Generator) -> Difference:
    """Ask whether the batches are draws of the same cells, as a batch that is split at random is.

    They differ if some batch's cells have under 0.8 times as many neighbours of other batches as in random order; or
    if, more than in each of 999 random orders, cells have few such neighbours, the batches share some place unevenly,
    or their means lie apart. Neighbours find what differs everywhere, places (k-means++, one for 30 cells, at most
    100) what is rare and in one batch alone, means what is small and the same in all cells. Other shares of the same
    types are a difference too. Of batches that do not differ it says so falsely with a probability of about .003,
    twice that above 2,000 cells; but batches of a few dozen cells may come under 0.8.

    Parameters
    ----------
    points
        Uncorrected coordinates, (n_cells, d).
    batch
        Codes of two or more batches, (n_cells,).
    generator
        Draws cells, places and orders.

    References
    ----------
    Neighbours as a test of two samples: Schilling 1986, doi:10.1080/01621459.1986.10478337.

    Examples
    --------
    >>> draws = np.random.default_rng(0)
    >>> points, batch = draws.normal(size=(400, 2)), np.repeat([0, 1], 200)
    >>> find_difference(points, batch, draws).found, find_difference(points + batch[:, None], batch, draws).found
    (False, True)
    """
    for most in SAMPLES:
        drawn = _draw(batch, most, generator)
        sample = _Sample(points[drawn], np.unique(batch[drawn], return_inverse=True)[1], generator)
        mixing = sample.least_mixing()
        differ = mixing < MIXED or sample.is_extreme(generator)
        if differ or len(drawn) == len(points):
            break
    return Difference(mixing, differ)


def _draw(batch: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    codes, sizes = np.unique(batch, return_counts=True)
    shares = zip(codes, even_shares(sizes, most), strict=True)
    drawn = [generator.choice(np.flatnonzero(batch == code), share, replace=False) for code, share in shares]
    return np.sort(np.concatenate(drawn))


class _Sample:
    """Some cells, and what tells their batches apart."""

    def __init__(self, points: np.ndarray, batch: np.ndarray, generator: np.random.Generator) -> None:
        self._batch, self._sizes = batch, np.bincount(batch)
        self._neighbors = nearest_neighbors(points, NEIGHBORS).indices
        self._place = nearest_places(points, choose_places(points, PLACES, generator))[0]
        spread = points.std(axis=0)
        self._points = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)

    def least_mixing(self) -> float:
        """Return neighbours of other batches, observed / expected, of the batch that has the fewest."""
        others = (self._batch[self._neighbors] != self._batch[:, None]).mean(axis=1)
        observed = np.bincount(self._batch, weights=others) / self._sizes
        n_cells = len(self._batch)
        return float((observed * (n_cells - 1) / (n_cells - self._sizes)).min())

    def is_extreme(self, generator: np.random.Generator) -> bool:
        """Return whether some statistic is larger than in every random order of the batches."""
        found = self.statistics(self._batch)
        beyond = np.ones(len(found), dtype=bool)
        for _ in range(ORDERS):
            beyond &= found > self.statistics(generator.permutation(self._batch))
            if not beyond.any():
                return False
        return True

    def statistics(self, batch: np.ndarray) -> np.ndarray:
        """Return how many neighbours are of the own batch, the unevenness of places, and the distance of means."""
        own = float((batch[self._neighbors] == batch[:, None]).mean())
        return np.array([own, self._unevenness(batch), self._distance(batch)])

    def _unevenness(self, batch: np.ndarray) -> float:
        """Return Σ (O − E)² / (E + 1) over batches, of the place where it is largest: χ², but for few cells less."""
        shape = int(self._place.max()) + 1, len(self._sizes)
        counts = np.bincount(self._place * shape[1] + batch, minlength=shape[0] * shape[1]).reshape(shape)
        expected = counts.sum(axis=1, keepdims=True) * self._sizes / len(batch)
        return float((np.square(counts - expected) / (expected + 1)).sum(axis=1).max())

    def _distance(self, batch: np.ndarray) -> float:
        """Return Σ n m² over batches and coordinates, of means m in standard deviations."""
        order = np.argsort(batch, kind="stable")
        totals = np.add.reduceat(self._points[order], np.r_[0, np.cumsum(self._sizes)[:-1]], axis=0)
        return float((np.square(totals).sum(axis=1) / self._sizes).sum())
