"""The map of the networks where it loses next to nothing; else, of several carryings, the best without cell types."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.yardstick import label_free, make_yardstick
from topocraft.progress import Progress
from topocraft.rows import Rows, whole
from topocraft.topology.components import Components
from topocraft.training.carrying import Carrying

CARRYINGS = 5
KEPT, MIXED = 0.95, 0.9
JUDGED_CELLS, LEAST_OF_BATCH = 10_000, 50


def choose_carrying(
    carry: Callable[[], Carrying],
    expression: Rows,
    components: Components,
    batch: np.ndarray,
    guide: np.ndarray,
    generator: np.random.Generator,
    seed: int,
    progress: Progress,
) -> Carrying | None:
    """Return how components follow the map, or ``None`` where the map itself is the better embedding.

    The map sets populations apart more cleanly, and may deform them or cut them in two. Where it keeps next to all of
    the structure of the batches, 0.95 or more on average, and mixes them, 0.9 or more
    (``topocraft.metrics.yardstick``), it is taken. Otherwise the components are carried five times, as shifts depend on
    the places at which they are found, and the carrying with the highest score, 0.6 structure + 0.4 mixing, is taken:
    the first where nothing has scores.

    Parameters
    ----------
    carry
        Carries the components, along places drawn anew with every call.
    expression
        Log-normalised values, (n_cells, n_genes).
    components
        Of the expression.
    batch
        Codes 0 … S−1, (n_cells,).
    guide
        Where the cells lie on the map of the networks, aligned, (n_cells, g).
    generator
        Draws the cells by which embeddings are judged, where there are more than 10,000: of every batch in proportion,
        but at least fifty, or all.
    seed
        Of the clusterings.
    progress
        Told of every embedding, and of the choice.
    """
    progress.phase("choose", 2 + CARRYINGS)
    judged = _judged(batch, generator)
    coordinates = components.coordinates[judged]
    yardstick = make_yardstick(whole(expression[judged]), batch[judged], seed)
    progress.advance()
    try:
        of_map = label_free(guide[judged], yardstick)
    except UndefinedScore as undefined:
        progress.say(f"Nothing tells embeddings apart, so that the first is taken. {undefined}")
        return carry()
    progress.advance()
    if of_map.structure >= KEPT and of_map.mixing >= MIXED:
        progress.say(
            f"The map of the networks is the embedding: without cell types, structure is {of_map.structure:.3f} and "
            f"mixing {of_map.mixing:.3f}."
        )
        return None
    carried, scores = [], []
    for _ in range(CARRYINGS):
        carried.append(carry())
        embedding = carried[-1].apply(coordinates, batch[judged], guide[judged])
        scores.append(label_free(embedding, yardstick).score)
        progress.advance()
    best = int(np.argmax(scores))
    progress.say(
        f"Of {CARRYINGS} carryings number {best + 1} is the embedding: it scores {scores[best]:.3f} without cell "
        f"types, others {min(scores):.3f} and more."
    )
    return carried[best]


def _judged(batch: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if len(batch) <= JUDGED_CELLS:
        return np.arange(len(batch))
    drawn = []
    for code in np.unique(batch):
        cells = np.flatnonzero(batch == code)
        share = max(LEAST_OF_BATCH, round(JUDGED_CELLS * len(cells) / len(batch)))
        drawn.append(generator.choice(cells, min(share, len(cells)), replace=False))
    return np.sort(np.concatenate(drawn))
