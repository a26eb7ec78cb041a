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
DRAWS = 999


@dataclass(frozen=True)
class Difference:
    """What sets the batches apart, held against random order.

    Parameters
    ----------
    mixing
        Neighbours of other batches, observed / expected; 1 at random.
    found
        Whether batches differ by more than in any random order: that chance alone says so has a probability of at most
        0.002 for each number of cells looked at.
    """

    mixing: float
    found: bool


def find_difference(points: np.ndarray, batch: np.ndarray, generator: np.random.Generator) -> Difference:
    """Ask whether the batches are draws of the same cells, as a batch that is split at random is.

    They are not if cells have fewer neighbours of other batches, or if the batches share some place less evenly, than
    in each of 999 random orders of the batches. The places (k-means++, one for 30 cells, at most 100) find what is rare
    and in one batch alone, the neighbours what differs everywhere. Other shares of the same types are a difference too.

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
    found = Difference(np.nan, found=False)
    for most in SAMPLES:
        drawn = _draw(batch, most, generator)
        found = _among(points[drawn], np.unique(batch[drawn], return_inverse=True)[1], generator)
        if found.found or len(drawn) == len(points):
            break
    return found


def _draw(batch: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    codes, sizes = np.unique(batch, return_counts=True)
    shares = zip(codes, even_shares(sizes, most), strict=True)
    drawn = [generator.choice(np.flatnonzero(batch == code), share, replace=False) for code, share in shares]
    return np.sort(np.concatenate(drawn))


def _among(points: np.ndarray, batch: np.ndarray, generator: np.random.Generator) -> Difference:
    neighbors = nearest_neighbors(points, NEIGHBORS).indices
    place = nearest_places(points, choose_places(points, PLACES, generator))[0]
    mixing, unevenness = _others(neighbors, batch), _unevenness(place, batch)
    found = {"fewer": True, "less even": True}
    for _ in range(DRAWS):
        dealt = generator.permutation(batch)
        found["fewer"] &= _others(neighbors, dealt) > mixing
        found["less even"] &= _unevenness(place, dealt) < unevenness
    sizes = np.bincount(batch)
    at_random = 1 - (sizes * (sizes - 1)).sum() / (len(batch) * (len(batch) - 1))
    return Difference(mixing / at_random, any(found.values()))


def _others(neighbors: np.ndarray, batch: np.ndarray) -> float:
    return float((batch[neighbors] != batch[:, None]).mean())


def _unevenness(place: np.ndarray, batch: np.ndarray) -> float:
    """Return χ² of the place where the batches have the least expected shares."""
    shape = int(place.max()) + 1, int(batch.max()) + 1
    counts = np.bincount(place * shape[1] + batch, minlength=shape[0] * shape[1]).reshape(shape)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / len(batch)
    chi2 = np.square(counts - expected) / np.maximum(expected, np.finfo(float).tiny)
    return float(chi2.sum(axis=1).max())
