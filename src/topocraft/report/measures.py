"""The numbers of a page: a few scores before and after, beside a control, and the same cell by cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics import mixing_map, shuffled_within, within_batch_clusters
from topocraft.metrics.searched import MEASURES, Reference, Searched
from topocraft.progress import Progress
from topocraft.report.subject import Subject
from topocraft.report.summary import NEIGHBORS

BEFORE, AFTER, CONTROL = "unintegrated", "integrated", "batches shuffled"
OF_TYPES = ("mixing", "true_positive_rate", "positive_rate", "nmi", "ari")
OF_ALL = ("ilisi", "within_batch_nmi", "within_batch_ari")
OF_THE_CONTROL = ("mixing", "true_positive_rate", "ilisi")
"""Only what shuffled batches say something of: they leave every structure where it is."""


@dataclass(frozen=True)
class Row:
    """A score unintegrated, integrated and of the control; NaN where it has no value or was not asked for."""

    name: str
    before: float
    after: float
    control: float
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Measures:
    """The scores in the order in which they are shown, and what is known of single cells.

    ``mixing`` holds 0 … 1 per cell, (n_cells,), "before" and "after", NaN where nothing can be said; ``purity`` the
    share of a cell's nearest neighbours that are of its group; ``rates`` the positive and true-positive shares of every
    type, by moment.
    """

    rows: tuple[Row, ...]
    mixing: Mapping[str, np.ndarray]
    purity: Mapping[str, np.ndarray]
    rates: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

    def row(self, name: str) -> Row:
        """Return one score."""
        return next(row for row in self.rows if row.name == name)


def measure(subject: Subject, seed: int, progress: Progress) -> Measures:
    """Score the cells before and after integration, and with their batches shuffled.

    Cells without a type are left out where types are known.
    """
    judged = np.ones(len(subject.batch), dtype=bool)
    if subject.labels is not None:
        judged = np.array([label is not None for label in subject.labels])
    labels = None if subject.labels is None else subject.labels[judged].astype(str)
    batch, before = subject.batch[judged], subject.before[judged]
    names = (*OF_TYPES, *OF_ALL) if labels is not None else ("mixing", *OF_ALL)
    asked = [(moment, name) for moment in (BEFORE, AFTER) for name in names]
    asked += [(CONTROL, name) for name in names if name in OF_THE_CONTROL]
    progress.phase("score", len(asked))
    own = within_batch_clusters(subject.values[judged], batch, seed)
    reference = Reference(batch, labels, before, own, seed=seed)
    alike = np.full(len(batch), "all") if labels is None else labels
    searched = {
        BEFORE: Searched(before, reference),
        AFTER: Searched(subject.after[judged], reference),
        CONTROL: Searched(shuffled_within(before, alike, seed), reference),
    }
    mixing = {moment: _mixing(cells) for moment, cells in searched.items()}
    found = {(moment, name): _score(searched[moment], name, mixing[moment], progress) for moment, name in asked}
    moments = {"before": BEFORE, "after": AFTER}
    return Measures(
        rows=tuple(_row(name, found) for name in names),
        mixing={moment: _spread(judged, mixing[which][0]) for moment, which in moments.items()},
        purity={moment: _purity(searched[which], subject.groups[judged], judged) for moment, which in moments.items()},
        rates={
            moment: searched[which].positive.rates_per_type() for moment, which in moments.items() if labels is not None
        },
    )


def _score(cells: Searched, name: str, mixing: tuple[np.ndarray, str], progress: Progress) -> tuple[float, str]:
    progress.advance(name)
    if name == "mixing":
        values, reason = mixing
        return (math.nan if reason else float(np.nanmean(values))), reason
    try:
        return float(MEASURES[name](cells)), ""
    except UndefinedScore as undefined:
        return math.nan, str(undefined)


def _mixing(cells: Searched) -> tuple[np.ndarray, str]:
    """Return how well every cell is mixed, (n_cells,), or NaN and why nothing can be said."""
    neighbors = cells.neighbors if cells.reference.labels is None else cells.within
    try:
        return mixing_map(neighbors, cells.batch), ""
    except UndefinedScore as undefined:
        return np.full(len(cells.batch), np.nan), str(undefined)


def _row(name: str, found: Mapping[tuple[str, str], tuple[float, str]]) -> Row:
    values = {moment: found.get((moment, name), (math.nan, "")) for moment in (BEFORE, AFTER, CONTROL)}
    return Row(name, values[BEFORE][0], values[AFTER][0], values[CONTROL][0], values[AFTER][1])


def _purity(cells: Searched, groups: np.ndarray, judged: np.ndarray) -> np.ndarray:
    own = groups.astype(str)
    sizes = dict(zip(*np.unique(own, return_counts=True), strict=True))
    k = np.minimum(NEIGHBORS, np.array([sizes[name] for name in own]) - 1)
    nearest = cells.neighbors.indices[:, :NEIGHBORS]
    counted = np.arange(nearest.shape[1]) < k[:, None]
    same = (own[nearest] == own[:, None]) & counted
    shares = np.divide(same.sum(axis=1), k, out=np.full(len(own), np.nan), where=k > 0)
    return _spread(judged, shares)


def _spread(judged: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give the values of the judged cells back to all cells, NaN to the others."""
    every = np.full(len(judged), np.nan)
    every[judged] = values
    return every
