"""Per type and per batch: what each is made of, how well it mixes, how pure it stays."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from topocraft.report.measures import Measures
from topocraft.report.subject import Subject

RARE = 0.01
"""Share of the cells below which a type is rare."""
PURE = 0.95
"""Purity from which nobody need be sent to look."""
MOST_ROWS = 60


@dataclass(frozen=True, eq=False)
class Grid:
    """A heat map: rows × columns of numbers 0 … 1, NaN where there is none, each with the text written in it."""

    title: str
    note: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    texts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class GroupRow:
    """One type (or cluster, or batch): cells, batches (or types) it holds, and shares before → after, NaN unknown."""

    name: str
    cells: int
    others: int
    mixing: tuple[float, float]
    purity: tuple[float, float]
    positive: tuple[float, float]
    true_positive: tuple[float, float]
    rare: bool = False


def group_rows(subject: Subject, measures: Measures) -> list[GroupRow]:
    """Return a row per type or cluster, the largest first."""
    rows = [_row(str(name), subject.groups == name, subject.batch, measures) for name in _names(subject.groups)]
    return sorted(rows, key=lambda row: -row.cells)


def batch_rows(subject: Subject, measures: Measures) -> list[GroupRow]:
    """Return a row per batch."""
    return [_row(name, subject.batch == name, subject.groups, measures) for name in _names(subject.batch)]


def where_to_look(rows: list[GroupRow], kind: str, most: int = 3) -> Iterator[str]:
    """Yield sentences that name the groups that mix least, the impure ones, and rare types that were lost."""
    judged = [row for row in rows if not math.isnan(row.mixing[1])]
    if len(judged) > most:
        worst = sorted(judged, key=lambda row: row.mixing[1])[:most]
        yield f"Least mixed: {_listed(worst, lambda row: row.mixing[1])}."
    pure = [row for row in rows if not math.isnan(row.purity[1])]
    if len(pure) > most:
        worst = sorted((row for row in pure if row.purity[1] < PURE), key=lambda row: row.purity[1])[:most]
        if worst:
            yield f"Least pure: {_listed(worst, lambda row: row.purity[1])}."
        else:
            yield f"Every {kind} is pure: {PURE:.0%} or more of the neighbours of its cells are of the same {kind}."
    for row in rows:
        if row.rare and not math.isnan(row.positive[1]):
            mixed = "" if math.isnan(row.true_positive[1]) else f"; truly positive {_change(row.true_positive)}"
            yield f"Rare {kind} {row.name}, {row.cells:,} cells: positive {_change(row.positive)}{mixed}."


def grids(subject: Subject, measures: Measures, rows: list[GroupRow]) -> list[Grid]:
    """Return the heat maps: what batches are made of, and how well each type mixes and stays pure in each batch."""
    names, batches = tuple(row.name for row in rows[:MOST_ROWS]), tuple(_names(subject.batch)[:MOST_ROWS])
    groups = np.array([str(group) for group in subject.groups])
    cells = {(name, batch): (groups == name) & (subject.batch == batch) for name in names for batch in batches}
    counts = np.array([[cells[name, batch].sum() for batch in batches] for name in names])
    totals = np.array([(subject.batch == batch).sum() for batch in batches])

    def mean_of(values: np.ndarray) -> np.ndarray:
        return np.array([[_mean(values[cells[name, batch]]) for batch in batches] for name in names])

    mixing, purity = mean_of(measures.mixing["after"]), mean_of(measures.purity["after"])
    return [
        Grid("Composition", "share of the batch's cells", names, batches, counts / totals, _percents(counts / totals)),
        Grid("Mixing", "neighbours from other batches, of what chance gives", names, batches, mixing, _shares(mixing)),
        Grid("Purity", f"neighbours of the same {subject.kind}", names, batches, purity, _shares(purity)),
    ]


def _row(name: str, members: np.ndarray, others: np.ndarray, measures: Measures) -> GroupRow:
    def change(values: Mapping[str, np.ndarray]) -> tuple[float, float]:
        return _mean(values["before"][members]), _mean(values["after"][members])

    def rate(kind: str) -> tuple[float, float]:
        before, after = (measures.rates.get(moment, {}).get(name, {}) for moment in ("before", "after"))
        return before.get(kind, math.nan), after.get(kind, math.nan)

    count = int(members.sum())
    return GroupRow(
        name=name,
        cells=count,
        others=len(_names(others[members])),
        mixing=change(measures.mixing),
        purity=change(measures.purity),
        positive=rate("positive"),
        true_positive=rate("true_positive"),
        rare=count < RARE * len(members),
    )


def _names(values: np.ndarray) -> list[str]:
    return sorted({str(value) for value in values if value is not None})


def _mean(values: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of cells that all have no value, or of no cells
        return float(np.nanmean(values)) if len(values) else math.nan


def _listed(rows: list[GroupRow], of: Callable[[GroupRow], float]) -> str:
    return ", ".join(f"{row.name} ({of(row):.2f})" for row in rows)


def _change(pair: tuple[float, float]) -> str:
    return f"{pair[1]:.0%} ({pair[0]:.0%} unintegrated)"


def _percents(values: np.ndarray) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple("" if value == 0 else "<1%" if value < 0.01 else f"{value:.0%}" for value in row) for row in values
    )


def _shares(values: np.ndarray) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple("" if math.isnan(value) else f"{value:.2f}" for value in row) for row in values)
