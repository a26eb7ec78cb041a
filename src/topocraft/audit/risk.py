"""Which groups would be drawn into another, were they missing from a batch: a cheap guess, to choose what is tried."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from topocraft.audit.subject import Subject

FEWEST, NEAREST, SAMPLE = 10, 5, 500


def risk_table(subject: Subject, generator: np.random.Generator) -> pd.DataFrame:
    """Return every removal that can be tried, the riskiest first.

    A group can be removed from a batch where at least 10 of its cells, as many of the same group elsewhere, and as
    many others in the batch are left to judge by.

    Columns: ``group``, ``batch``, ``cells`` (removed), ``elsewhere``, and ``risk``: of the group's cells elsewhere,
    the median of distance to its nearest 5 in the batch / distance to the nearest 5 others there. At 1 the batch's
    other cells are as near as its own kind.
    """
    counts = np.zeros((len(subject.group_names), len(subject.cells.batch_names)), dtype=np.int64)
    known = subject.groups >= 0
    np.add.at(counts, (subject.groups[known], subject.batch[known]), 1)
    columns = ["group", "batch", "cells", "elsewhere", "risk"]
    rows = pd.DataFrame(list(_rows(subject, counts, generator)), columns=columns)
    return rows.sort_values("risk", ascending=False, kind="stable", ignore_index=True)


def _rows(
    subject: Subject, counts: np.ndarray, generator: np.random.Generator
) -> Iterator[tuple[str, str, int, int, float]]:
    for (group, batch), cells in np.ndenumerate(counts):
        elsewhere, others = counts[group].sum() - cells, counts[:, batch].sum() - cells
        if min(cells, elsewhere, others) >= FEWEST:
            name = subject.group_names[group], subject.cells.batch_names[batch]
            yield *name, int(cells), int(elsewhere), _risk(subject, group, batch, generator)


def _risk(subject: Subject, group: int, batch: int, generator: np.random.Generator) -> float:
    here, same = subject.batch == batch, subject.groups == group
    asked = np.flatnonzero(same & ~here)
    if len(asked) > SAMPLE:
        asked = np.sort(generator.choice(asked, SAMPLE, replace=False))
    own, other = (
        _distance(subject.points[there], subject.points[asked])
        for there in (same & here, here & ~same & (subject.groups >= 0))
    )
    return float(np.median(own / np.maximum(other, np.finfo(float).tiny)))


def _distance(points: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(NEAREST, len(points)), algorithm="brute").fit(points)
    distances: np.ndarray = search.kneighbors(asked)[0].mean(axis=1)
    return distances
