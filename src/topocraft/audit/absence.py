"""The absence test: is a group that a batch lacks drawn into other cells of that batch.

Asked of groups that are found in one batch only, and of groups that are taken out of one batch on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from topocraft.audit.chance import paired_null
from topocraft.audit.neighbourhoods import nearest_of_pool, share_of_others
from topocraft.audit.rerun import Method
from topocraft.audit.subject import NEIGHBORS, OwnBatch, Subject
from topocraft.progress import Progress

PLANTED, ALONE = "taken out", "in one batch only"
FEWEST_ALONE = 5
COLUMNS = (
    *("group", "batch", "how", "risk", "cells", "judged", "k", "before", "absorbed", "into"),
    *("null_low", "null_high", "p_value"),
)


def run_planted(
    subject: Subject,
    own: Sequence[OwnBatch],
    risks: pd.DataFrame,
    method: Method,
    n_removals: int,
    generator: np.random.Generator,
    n_draws: int,
    shown: Progress,
) -> pd.DataFrame:
    """Take the groups most at risk, each out of one batch, integrate the rest, and count how many are absorbed.

    Each removal is an integration of its own. No group is taken out twice before every other was.

    Returns
    -------
    pandas.DataFrame
        A row per removal, columns ``COLUMNS``: ``batch`` is where the group was taken from, ``judged`` the cells
        elsewhere of which their own batch says that they are of this group, ``absorbed`` the share of them that now lie
        among other cells of that batch, ``before`` the same in the audited embedding, the removed cells left out;
        the null of ``absorbed`` were the two exchanged at random, with ``p_value``; ``into``, where most of them are.
    """
    first = risks[~risks["group"].duplicated()]
    tried = pd.concat([first, risks.drop(first.index)]).head(n_removals)
    rows = []
    for removal in tried.to_dict(orient="records"):
        shown.say(f"Absence: without '{removal['group']}' in batch '{removal['batch']}', the rest is integrated.")
        rows.append(_planted(subject, own, removal, method, generator, n_draws))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def alone_table(subject: Subject, own: Sequence[OwnBatch]) -> pd.DataFrame:
    """Return, for groups found in one batch only, how many lie among cells of other batches; columns ``COLUMNS``.

    Groups of fewer than 5 cells are left to the statements on the design. There is nothing to exchange, so that there
    is no p-value; ``before`` is NaN.
    """
    rows = []
    for group, name in enumerate(subject.group_names):
        members = subject.groups == group
        batches = np.unique(subject.batch[members])
        if len(batches) == 1 and members.sum() >= FEWEST_ALONE:
            asked, others = np.flatnonzero(members), np.flatnonzero(subject.batch != batches[0])
            sure = _sure(subject, own, asked)
            row = {"group": name, "batch": subject.cells.batch_names[batches[0]], "how": ALONE, "cells": len(asked)}
            rows.append(row | _measured(subject, subject.points, asked, others, sure))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _planted(
    subject: Subject,
    own: Sequence[OwnBatch],
    removal: dict[str, Any],
    method: Method,
    generator: np.random.Generator,
    n_draws: int,
) -> dict[str, Any]:
    group, batch = subject.group_names.index(removal["group"]), subject.cells.batch_names.index(removal["batch"])
    members, here = subject.groups == group, subject.batch == batch
    remaining = np.flatnonzero(~(members & here))
    again = method(subject.cells.take(remaining), subject.config.seed)
    points = np.full((len(here), again.shape[1]), np.nan, dtype=again.dtype)
    points[remaining] = again
    asked, others = np.flatnonzero(members & ~here), np.flatnonzero(here & ~members)
    sure = _sure(subject, own, asked)
    row = {"group": removal["group"], "batch": removal["batch"], "how": PLANTED, "risk": removal["risk"]}
    row |= {"cells": int((members & here).sum())} | _measured(subject, points, asked, others, sure)
    if sure.any():
        was, found = (_absorbed(moment, asked, others)[sure] for moment in (subject.points, points))
        null, before = paired_null(was, found, generator, n_draws), float(was.mean())
        row |= {"before": before, "p_value": null.p_value}
        row |= {"null_low": before + null.low, "null_high": before + null.high}
    return row


def _measured(
    subject: Subject, points: np.ndarray, asked: np.ndarray, others: np.ndarray, sure: np.ndarray
) -> dict[str, Any]:
    """Return how many of the cells that can be judged lie among others, and among which."""
    if not sure.any():
        return {"judged": 0, "k": _depth(len(asked)), "into": ""}
    absorbed = sure & _absorbed(points, asked, others)
    nearest = nearest_of_pool(points, asked, others, _depth(len(asked)))[absorbed]
    foreign = subject.groups[nearest[np.isin(nearest, others)]]
    foreign = foreign[foreign >= 0]
    return {
        "judged": int(sure.sum()),
        "k": _depth(len(asked)),
        "absorbed": float(absorbed.sum() / sure.sum()),
        "into": subject.group_names[np.bincount(foreign).argmax()] if len(foreign) else "",
    }


def _depth(size: int) -> int:
    """Return how many neighbours a cell of a group of ``size`` is judged by: its own kind must suffice."""
    return max(1, min(NEIGHBORS, size // 2))


def _absorbed(points: np.ndarray, asked: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Say of which asked cells more than half of the nearest, among themselves and the others, are others."""
    nearest = nearest_of_pool(points, asked, others, _depth(len(asked)))
    absorbed: np.ndarray = (~np.isin(nearest, asked)).mean(axis=1) > 0.5
    return absorbed


def _sure(subject: Subject, own: Sequence[OwnBatch], asked: np.ndarray) -> np.ndarray:
    """Say of which asked cells at least half of the nearest in their own batch, before integration, are of the group.

    A cell that its own batch puts among others already was not absorbed by the integration.
    """
    sure = np.zeros(len(subject.batch), dtype=bool)
    for one in own:
        groups = subject.groups[one.cells]
        wanted = np.isin(one.cells, asked)
        if wanted.any():
            sure[one.cells[wanted]] = (
                share_of_others(one.before.indices, groups, _depth(int(wanted.sum())))[wanted] <= 0.5
            )
    found: np.ndarray = sure[asked]
    return found
