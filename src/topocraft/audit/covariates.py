"""Continuous covariates: still readable from the neighbours in a cell's own batch, and from those in others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from topocraft.audit.chance import null_of
from topocraft.audit.records import NAN, Statement, Verdict
from topocraft.audit.subject import COMPONENTS, NEIGHBORS, OwnBatch, Subject
from topocraft.errors import UndefinedScore
from topocraft.metrics.continuous import cross_batch_r2, knn_r2
from topocraft.topology.components import principal_components
from topocraft.topology.neighbors import nearest_neighbors

PART = "covariates"
FEWEST, SMALL_LOSS, LARGE_LOSS, LEVEL = 30, 0.05, 0.2, 0.05
NULL = ("null_mean", "null_low", "null_high", "p_value")
COLUMNS = ("covariate", "batch", "cells", "before", "after", *NULL)
ACROSS = "all, from other batches"


def covariate_table(
    subject: Subject, own: Sequence[OwnBatch], generator: np.random.Generator, n_draws: int
) -> pd.DataFrame:
    """Return, per covariate and batch, R² of leave-one-out kNN regression before and after, and by chance.

    Columns: ``covariate``, ``batch`` ("all, from other batches": predicted by the neighbours there), ``cells``,
    ``before``, ``after``, ``null_mean``, ``null_low``, ``null_high`` and ``p_value`` of ``after`` with the covariate
    dealt out anew (within batches only).
    """
    rows = [
        row
        for name, values in subject.covariates.items()
        for row in (*_within(subject, own, name, values, generator, n_draws), *_across(subject, name, values))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def covariate_statements(table: pd.DataFrame) -> Iterator[Statement]:
    """Yield, per covariate, how much of it is kept within batches and across them."""
    if table.empty:
        return
    for name, rows in table.groupby("covariate", sort=False):
        inside = rows[rows["batch"] != ACROSS]
        if len(inside):
            yield _statement(str(name), inside, "kept within batches", "their own batch")
        across = rows[rows["batch"] == ACROSS]
        if len(across):
            yield _statement(str(name), across, "kept across batches", "other batches")


def _statement(name: str, rows: pd.DataFrame, what: str, where: str) -> Statement:
    weights = rows["cells"]
    before, after, mean, low, high = (
        float(np.average(rows[column], weights=weights))
        for column in ("before", "after", "null_mean", "null_low", "null_high")
    )
    p_value = float(rows["p_value"].max())
    return Statement(
        part=PART,
        name=what,
        subject=name,
        value=after,
        verdict=_verdict(before, after, p_value),
        reference=before,
        reference_name="before integration",
        null_mean=mean,
        null_low=low,
        null_high=high,
        p_value=p_value,
        null_name="" if np.isnan(mean) else "covariate dealt out anew; the largest p-value",
        sentence=(
            f"'{name}' is predicted by the {NEIGHBORS} nearest cells of {where} at R² {after:.2f} "
            f"(before integration {before:.2f})."
        ),
    )


def _verdict(before: float, after: float, p_value: float) -> Verdict:
    if after >= before - SMALL_LOSS:
        return "ok"
    return "bad" if after < before - LARGE_LOSS or p_value > LEVEL else "warning"


def _within(
    subject: Subject,
    own: Sequence[OwnBatch],
    name: str,
    values: np.ndarray,
    generator: np.random.Generator,
    n_draws: int,
) -> Iterator[dict[str, Any]]:
    for one in own:
        there = np.isfinite(values[one.cells])
        known = values[one.cells][there]
        if len(known) < FEWEST or np.ptp(known) == 0:
            continue
        before, after = (
            nearest_neighbors(points[there], NEIGHBORS) for points in (one.components, subject.points[one.cells])
        )
        reached = knn_r2(after, known)
        draws = np.array([knn_r2(after, generator.permutation(known)) for _ in range(n_draws)])
        null = null_of(reached, draws)
        yield {
            "covariate": name,
            "batch": one.name,
            "cells": len(known),
            "before": knn_r2(before, known),
            "after": reached,
            "null_mean": null.mean,
            "null_low": null.low,
            "null_high": null.high,
            "p_value": null.p_value,
        }


def _across(subject: Subject, name: str, values: np.ndarray) -> Iterator[dict[str, Any]]:
    there = np.isfinite(values)
    if there.sum() < FEWEST:
        return
    components = principal_components(subject.expression, COMPONENTS)
    try:
        before, after = (
            cross_batch_r2(points[there], values[there], subject.batch[there])
            for points in (components, subject.points)
        )
    except UndefinedScore:  # the covariate is constant, or known in one batch only
        return
    row = {"covariate": name, "batch": ACROSS, "cells": int(there.sum()), "before": before, "after": after}
    yield row | dict.fromkeys(NULL, NAN)
