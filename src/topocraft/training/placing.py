"""From trained networks to where cells are placed: the map, aligned, and the expression carried along it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from topocraft.config import IntegrationConfig
from topocraft.model.networks import Encoder
from topocraft.progress import Progress
from topocraft.projection import Projection
from topocraft.randomness import numpy_stream
from topocraft.rows import Rows, whole
from topocraft.topology.components import Components
from topocraft.training.alignment import Alignment, fit_alignment
from topocraft.training.carrying import Carrying, fit_carrying
from topocraft.training.embed import posterior_means, project


@dataclass(frozen=True, eq=False)
class Placement:
    """Where cells are placed.

    Parameters
    ----------
    projection
        From posterior means to the map.
    alignment
        What still sets batches apart on the map.
    carrying
        How components of the expression follow the map; ``None`` where the map itself is the embedding.
    """

    projection: Projection
    alignment: Alignment
    carrying: Carrying | None

    @property
    def widths(self) -> tuple[int, int]:
        """Axes of the map, and components of the expression (0 where they are not used)."""
        n_components = 0 if self.carrying is None else self.carrying.components.axes.shape[1]
        return self.projection.axes.shape[1], n_components

    def locate(
        self, encoder: Encoder, expression: Rows, names: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return where cells lie on the map and in the expression, cell by cell, before anything is shifted."""
        points = self.projection.apply(posterior_means(encoder, expression, names))
        if self.carrying is None:
            return points, np.empty((len(points), 0), dtype=np.float32)
        return points, self.carrying.components.apply(whole(expression))

    def settle(self, points: np.ndarray, coordinates: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Return the embedding, float32; batches that were not in the fit have codes beyond those that were."""
        points = self.alignment.apply(points, batch)
        return points if self.carrying is None else self.carrying.apply(coordinates, batch, points)


def fit_placement(
    encoder: Encoder,
    expression: Rows,
    components: Components,
    batch: np.ndarray,
    config: IntegrationConfig,
    *,
    names: np.ndarray,
    progress: Progress,
    lap: Callable[[str], None],
) -> Placement:
    """Find the map of the networks, align it, and carry the components of the expression along; tell every ``lap``."""
    progress.phase("embed")
    embedding, draws = config.embedding, numpy_stream(config.seed, "projection")
    projection, points = project(encoder, expression, embedding.n_components, draws, names)
    lap("embed")
    draws = numpy_stream(config.seed, "alignment")
    alignment, guide = fit_alignment(points, batch, embedding, draws, progress)
    lap("align")
    if embedding.coordinates == "latent":
        return Placement(projection, alignment, None)
    draws = numpy_stream(config.seed, "carrying")
    carrying = fit_carrying(components, batch, guide, embedding, draws, progress)
    lap("carry")
    return Placement(projection, alignment, carrying)
