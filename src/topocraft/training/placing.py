"""From trained networks to where cells are placed: the map, aligned, and the expression carried along it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

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
from topocraft.training.difference import find_difference
from topocraft.training.embed import locate, project


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
    def coordinates(self) -> str:
        """What the embedding is, as the configuration calls it: "components" or "latent"."""
        return "latent" if self.carrying is None else "components"

    @property
    def corrected(self) -> bool:
        """Whether anything set the batches apart, and was taken out."""
        return self.carrying is None or self.carrying.corrects

    @property
    def width(self) -> int:
        """Numbers that the embedding has for each cell."""
        projection = self.projection if self.carrying is None else self.carrying.components
        width: int = projection.axes.shape[1]
        return width

    def place(
        self,
        encoder: Encoder,
        parts: Iterable[tuple[np.ndarray, Rows, np.ndarray]],
        batch: np.ndarray,
        n_known: int,
    ) -> np.ndarray:
        """Return the embedding, (n_cells, width), float32.

        Parameters
        ----------
        encoder
            In evaluation mode.
        parts
            Places among all cells, log-normalised values and names, part by part.
        batch
            Codes of all cells, (n_cells,). Those from ``n_known`` on were not in the fit: the cells of each of them are
            settled together, and held until all are there.
        n_known
            Batches of the fit.
        """
        new, which = batch >= n_known, np.arange(len(batch))
        embedding = np.empty((len(batch), self.width), dtype=np.float32)
        held = []
        for places, expression, names in parts:
            points, coordinates = self._located(encoder, expression, names)
            here, later = which[places], new[places]
            embedding[here[~later]] = self._settled(points[~later], coordinates[~later], batch[here[~later]])
            held.append((here[later], points[later], coordinates[later]))
        if new.any():
            here, points, coordinates = (np.concatenate(each) for each in zip(*held, strict=True))
            del held
            embedding[here] = self._settled(points, coordinates, batch[here])
        return embedding

    def _located(self, encoder: Encoder, expression: Rows, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where cells lie on the map and in the expression, cell by cell, before anything is shifted."""
        points = locate(encoder, expression, self.projection, names)
        if self.carrying is None:
            return points, np.empty((len(points), 0), dtype=np.float32)
        return points, self.carrying.components.apply(whole(expression))

    def _settled(self, points: np.ndarray, coordinates: np.ndarray, batch: np.ndarray) -> np.ndarray:
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
    del points
    lap("align")
    carrying = _followed(expression, components, batch, guide, config, progress)
    lap("carry")
    return Placement(projection, alignment, carrying)


def _followed(
    expression: Rows,
    components: Components,
    batch: np.ndarray,
    guide: np.ndarray,
    config: IntegrationConfig,
    progress: Progress,
) -> Carrying | None:
    """Return how components follow the map, if they are to."""
    if config.embedding.coordinates == "latent":
        return None
    carry = partial(fit_carrying, components, batch, guide, config.embedding, numpy_stream(config.seed, "carrying"))
    found = find_difference(components.coordinates, batch, numpy_stream(config.seed, "difference"))
    if not found.found:
        progress.say(
            f"Nothing tells the batches apart: {found.words}. The embedding is the principal components, uncorrected."
        )
        return carry(progress, differ=False)
    if config.embedding.coordinates == "components":
        return carry(progress)
    from topocraft.training.choosing import choose_carrying

    judged = numpy_stream(config.seed, "judged")
    return choose_carrying(carry, expression, components, batch, guide, judged, config.seed, progress)
