"""What still sets batches apart after training, place by place on the map, and how it is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topocraft.config import EmbeddingConfig
from topocraft.progress import Progress, Silent
from topocraft.training.rounds import Round, fit_round


@dataclass(frozen=True, eq=False)
class Alignment:
    """Shifts, one after the other; none leaves every cell where it is."""

    rounds: tuple[Round, ...] = ()

    def apply(self, points: np.ndarray, batch: np.ndarray, kinds: np.ndarray | None = None) -> np.ndarray:
        """Return points (n, d) of batches (n,), aligned; for codes that the fit did not see, see ``Round.apply``."""
        for each in self.rounds:
            points = each.apply(points, batch, kinds=kinds)
        return points


def fit_alignment(
    points: np.ndarray,
    batch: np.ndarray,
    config: EmbeddingConfig,
    generator: np.random.Generator,
    progress: Progress | None = None,
    kinds: np.ndarray | None = None,
) -> tuple[Alignment, np.ndarray]:
    """Find what still sets the batches apart, place by place; each round (``fit_round``) after the one before.

    The classifier reads random draws of the posterior, so that differences below their noise escape it; what is left
    in the means is small, smooth, and differs from place to place.

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
    kinds
        How much each cell belongs to each of some kinds, (n_cells, n_kinds): only what is alike is drawn together.

    Returns
    -------
    Alignment, numpy.ndarray
        The shifts, and the points, (n_cells, d), as they lie after them.

    Examples
    --------
    >>> draws = np.random.default_rng(0)
    >>> batch = np.repeat([0, 1], 200)
    >>> points = (draws.normal(size=(400, 2)) + 0.5 * batch[:, None]).astype(np.float32)
    >>> _, aligned = fit_alignment(points, batch, EmbeddingConfig(), draws)
    >>> gap = [abs(part[batch == 0].mean() - part[batch == 1].mean()) for part in (points, aligned)]
    >>> bool(gap[1] < 0.7 * gap[0])
    True
    """
    shown = progress or Silent()
    if config.alignment_rounds:
        shown.phase("align", config.alignment_rounds)
    places, prior = config.alignment_places, config.alignment_prior
    rounds = []
    for _ in range(config.alignment_rounds):
        each = fit_round(points, batch, points, places=places, prior=prior, generator=generator, kinds=kinds)
        points = each.apply(points, batch)
        rounds.append(each)
        shown.advance()
    return Alignment(tuple(rounds)), points
