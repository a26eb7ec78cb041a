"""Every score of one embedding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.arrays import checked_embedding
from topocraft.metrics.catalogue import BIO_WEIGHT, CATALOGUE, members
from topocraft.metrics.continuous import cross_batch_r2, knn_error, knn_r2
from topocraft.metrics.lisi import f1_lisi
from topocraft.metrics.searched import BY_TYPE, MEASURES, SPREADS, Reference, Searched


@dataclass(frozen=True)
class Score:
    """One score, of all cells or of one ``part`` (a cell type, a covariate): NaN only with a ``reason``.

    ``spread`` is the largest minus the smallest over seeds of the clustering; NaN where there is nothing to draw.
    """

    name: str
    value: float
    part: str = ""
    spread: float = math.nan
    reason: str = ""


def score_embedding(embedding: np.ndarray, reference: Reference) -> Iterator[Score]:
    """Yield every score of an embedding as it is found: of all cells, then the means, then by type and covariate.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    reference
        What the cells are, in the same order.

    Yields
    ------
    Score
        One without a value is NaN and says why; a mean is over the members that have one, and names the others.

    Raises
    ------
    InputError
        The arrays do not fit together, or are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.searched import Reference
    >>> from topocraft.metrics.suite import score_embedding
    >>> points = np.random.default_rng(0).normal(size=(80, 3)) + np.repeat([0, 9], 40)[:, None]
    >>> batch, labels = np.tile(["x", "y"], 40), np.repeat(["a", "b"], 40)
    >>> reference = Reference(batch, labels, before=points, within_batch=np.repeat([0, 1], 40))
    >>> scores = {score.name: score for score in score_embedding(points, reference) if not score.part}
    >>> round(scores["nmi"].value, 2), scores["scgraph"].value, scores["scgraph"].reason
    (1.0, nan, 'No distances between types were given.')
    """
    cells = Searched(checked_embedding(embedding), reference)
    found: dict[str, Score] = {}
    for name in planned(reference):
        found[name] = attempt(name, cells)
        yield found[name]
    if reference.labels is not None:
        yield from _means(found)
        yield from _by_type(cells)
    for covariate in reference.covariates:
        yield from _of_covariate(cells, covariate)


def planned(reference: Reference) -> tuple[str, ...]:
    """Return the names of the scores of all cells that a reference allows, in order, means left out."""
    labelled = reference.labels is not None
    return tuple(name for name in MEASURES if labelled or not CATALOGUE[name].needs.startswith("labels"))


def attempt(name: str, cells: Searched) -> Score:
    """Return one score of all cells: its value, or the reason why there is none."""
    try:
        value = MEASURES[name](cells)
    except UndefinedScore as undefined:
        return Score(name, math.nan, reason=str(undefined))
    return Score(name, value, spread=SPREADS[name](cells) if name in SPREADS else math.nan)


def _by_type(cells: Searched) -> Iterator[Score]:
    for name, measure in BY_TYPE.items():
        try:
            found = measure(cells)
        except UndefinedScore:
            continue  # said in the score of all cells
        for part, value in found.items():
            yield Score(name, value, part)


def _of_covariate(cells: Searched, name: str) -> Iterator[Score]:
    values = np.asarray(cells.reference.covariates[name], dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    points, values, batch = cells.embedding[known], values[known], cells.batch[known]
    measures: dict[str, Callable[[], float]] = {
        "knn_r2": lambda: knn_r2(points, values),
        "knn_error": lambda: knn_error(points, values),
        "cross_batch_r2": lambda: cross_batch_r2(points, values, batch),
    }
    if len(known) < 2:
        yield from (Score(score, math.nan, name, reason=f"Fewer than two cells have {name}.") for score in measures)
        return
    for score, measure in measures.items():
        try:
            yield Score(score, measure(), name)
        except UndefinedScore as undefined:
            yield Score(score, math.nan, name, reason=str(undefined))


def _means(found: Mapping[str, Score]) -> Iterator[Score]:
    bio, batch = (_mean(name, [found[member] for member in members(name)]) for name in ("bio", "batch"))
    whole = BIO_WEIGHT * bio.value + (1 - BIO_WEIGHT) * batch.value
    yield Score("composite", whole, reason=" ".join(filter(None, (bio.reason, batch.reason))))
    yield from (bio, batch)
    missing = found["clisi"].reason or found["blisi"].reason
    value = math.nan if missing else f1_lisi(found["clisi"].value, found["blisi"].value)
    yield Score("f1_lisi", value, reason=missing)


def _mean(name: str, parts: list[Score]) -> Score:
    defined = [score.value for score in parts if not math.isnan(score.value)]
    missing = [f"{score.name} is undefined ({score.reason})" for score in parts if math.isnan(score.value)]
    return Score(name, float(np.mean(defined)) if defined else math.nan, reason=" ".join(missing))
