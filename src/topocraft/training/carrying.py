"""From the map back to the expression: each batch is carried to where the map says that its like is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from topocraft.config import EmbeddingConfig
from topocraft.progress import Progress, Silent
from topocraft.projection import Projection
from topocraft.topology.components import Components
from topocraft.training.alignment import Alignment, fit_alignment
from topocraft.training.rounds import Round, blocks, choose_places, fit_round, memberships, nearest_places

PLACES = (30, 60, 100)
PLACES_OF_RELIABILITY = 60
DRAWS_OF_RELIABILITY = 5


@dataclass(frozen=True, eq=False)
class Carrying:
    """How principal components of the expression become the embedding.

    Parameters
    ----------
    components
        From log-normalised genes to principal components.
    rounds
        Shifts of the batches there, guided by the map of the networks.
    weights
        What each component is multiplied with, 0 … 1, (k,), float32.
    settling
        What still sets batches apart then.
    """

    components: Projection
    rounds: tuple[Round, ...]
    weights: np.ndarray
    settling: Alignment

    @property
    def corrects(self) -> bool:
        """Whether the batches of the fit are shifted at all."""
        return any(each.shifts.any() for each in (*self.rounds, *self.settling.rounds))

    def apply(self, coordinates: np.ndarray, batch: np.ndarray, guide: np.ndarray) -> np.ndarray:
        """Return the embedding of cells at ``coordinates`` (n, k) whose places on the map are ``guide`` (n, g)."""
        for each in self.rounds:
            coordinates = each.apply(coordinates, batch, guide)
        new = batch.max(initial=-1) >= self.rounds[0].shifts.shape[1] if self.rounds else False
        kinds = kinds_of(guide, self.rounds) if new else None
        return self.settling.apply(coordinates * self.weights, batch, kinds)


def fit_carrying(
    components: Components,
    batch: np.ndarray,
    guide: np.ndarray,
    config: EmbeddingConfig,
    generator: np.random.Generator,
    progress: Progress | None = None,
    *,
    differ: bool = True,
) -> Carrying:
    """Find the shifts that carry each batch, in the space of the expression, to where its like is on the map.

    The networks are good at telling which cells of different batches correspond, and deform what lies inside a batch.
    So the map only guides: on it places are chosen, and the components of the expression are shifted, batch by batch,
    smoothly from place to place. First each batch as a whole, by what sets it apart where batches meet, so that what
    is in one batch alone goes along; then at 30, 60 and 100 places.

    Then each component is weighed by the square of the share of its variance that lies between places of the map, the
    mean over five draws of places: one that the populations have no part in is noise, and keeps batches from mixing.
    Last, ``fit_alignment``, which goes by where cells lie now, and so takes care not to draw together what the map puts
    in different places.

    Parameters
    ----------
    components
        Of the expression.
    batch
        Codes 0 … S−1, (n_cells,).
    guide
        Where the cells lie on the map of the networks, aligned, (n_cells, g), float32.
    config
        Of the alignment; λ, ``alignment_prior``, of the shifts too.
    generator
        Chooses the places.
    progress
        Told of every round.
    differ
        Whether anything sets the batches apart (``find_difference``).
    """
    shown = progress or Silent()
    shown.phase("carry", 1 + len(PLACES))
    rounds: list[Round] = []
    carried = components.coordinates
    for places, whole in ((config.alignment_places, True), *((places, False) for places in PLACES)):
        prior = config.alignment_prior
        each = fit_round(carried, batch, guide, places=places, prior=prior, generator=generator, whole=whole)
        rounds.append(each if differ else each.still())
        carried = rounds[-1].apply(carried, batch, guide)
        shown.advance()
    if not differ:
        in_full = np.ones(carried.shape[1], dtype=np.float32)
        return Carrying(components.projection, tuple(rounds), in_full, Alignment())
    draws = [reliabilities(carried, guide, generator) for _ in range(DRAWS_OF_RELIABILITY)]
    weights = np.square(np.mean(draws, axis=0)).astype(np.float32)
    kinds = kinds_of(guide, rounds)
    settling, _ = fit_alignment(carried * weights, batch, config, generator, progress, kinds)
    return Carrying(components.projection, tuple(rounds), weights, settling)


def kinds_of(guide: np.ndarray, rounds: Sequence[Round]) -> np.ndarray:
    """Return how much cells belong to the coarsest places of the map, (n, k), float32, each row summing to 1."""
    coarsest = next(each for each in rounds if not each.whole)
    belongs = np.empty((len(guide), len(coarsest.centers)), dtype=np.float32)
    for block in blocks(np.arange(len(guide))):
        belongs[block] = memberships(guide[block], coarsest.centers, coarsest.width)
    return belongs


def reliabilities(points: np.ndarray, guide: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the share of each coordinate's variance that lies between places of a map, at least 0, (k,).

    1 − s² / S², with S² the variance over all cells and s² that within places, both with their degrees of freedom; 0
    for a coordinate that does not vary.

    Examples
    --------
    >>> guide = np.repeat([[0.0], [9.0]], 300, axis=0)
    >>> noise = np.random.default_rng(0).normal(size=(600, 1))
    >>> reliabilities(np.hstack([guide, noise]), guide, np.random.default_rng(0)).round(1)
    array([1., 0.])
    """
    return _share_between(points, nearest_places(guide, choose_places(guide, PLACES_OF_RELIABILITY, generator))[0])


def _share_between(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    occupied, place, size = np.unique(place, return_inverse=True, return_counts=True)
    every = list(blocks(np.arange(len(points))))
    totals = np.zeros((len(occupied), points.shape[1]))
    for block in every:
        shape, each = (len(occupied), len(block)), (place[block], np.arange(len(block)))
        totals += sparse.csr_matrix((np.ones(len(block)), each), shape) @ points[block].astype(np.float64)
    means, center = totals / size[:, None], totals.sum(axis=0) / len(points)
    within, overall = np.zeros((2, points.shape[1]))
    for block in every:
        within += np.square(points[block] - means[place[block]]).sum(axis=0)
        overall += np.square(points[block] - center).sum(axis=0)
    within /= max(len(points) - len(occupied), 1)
    overall /= max(len(points) - 1, 1)
    share = 1 - np.divide(within, overall, out=np.ones_like(overall), where=overall > 0)
    clipped: np.ndarray = np.clip(share, 0.0, 1.0)
    return clipped
