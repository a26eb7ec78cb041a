"""Structure inside types: whether cells of one type and batch are still as near to each other, or as far, as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from topocraft.audit.chance import null_of
from topocraft.audit.records import NAN, Statement, Verdict
from topocraft.audit.subject import COMPONENTS, OwnBatch, Subject
from topocraft.topology.components import principal_components

PART = "structure"
FEWEST, SAMPLE = 20, 300
SOLID, KEPT, HALF_KEPT, LEVEL = 0.1, 0.8, 0.5, 0.05


def structure_table(
    subject: Subject, own: Sequence[OwnBatch], generator: np.random.Generator, n_draws: int
) -> pd.DataFrame:
    """Return, per batch and group of at least 20 cells, how the distances between its cells agree before and after.

    Columns: ``batch``, ``group``, ``cells``; ``spearman`` of the distances in the batch's own components and in the
    embedding, over all pairs of at most 300 cells; ``halves``, the same between components of two random halves of the
    genes, which is what the genes themselves agree on. Much of both is that a cell of few counts is far from all
    others, which is no loss: ``relative`` and ``relative_halves`` are the same with the ranks less their means per
    cell, and decide ``verdict``; ``null_mean``, ``null_low``, ``null_high`` and ``p_value`` are those of ``relative``,
    by permuting the cells (Mantel).

    References
    ----------
    Permutation: Mantel 1967, Cancer Research 27, 209-220. Double centring: Székely, Rizzo, Bakirov 2007,
    doi:10.1214/009053607000000505.
    """
    return pd.DataFrame([row for one in own for row in _rows(subject, one, generator, n_draws)])


def structure_statements(table: pd.DataFrame, kind: str) -> Iterator[Statement]:
    """Yield how well structure inside groups is kept in the median, then every group that lost half of it or more."""
    judged = table[table["verdict"] != "unknown"] if len(table) else table
    if not len(judged):
        said = f"No {kind} of at least {FEWEST} cells in a batch has structure on which the genes themselves agree."
        yield Statement(part=PART, name="distances kept", value=NAN, verdict="unknown", sentence=said)
        return
    value, halves, relative, due = (
        float(judged[column].median()) for column in ("spearman", "halves", "relative", "relative_halves")
    )
    worst = judged[judged["verdict"] == "bad"]
    yield Statement(
        part=PART,
        name="distances kept",
        value=relative,
        verdict=_verdict(relative, due, 0.0),
        reference=due,
        reference_name="two halves of the genes",
        null_mean=float(judged["null_mean"].mean()),
        null_low=float(judged["null_low"].min()),
        null_high=float(judged["null_high"].max()),
        p_value=float(judged["p_value"].median()),
        null_name="cells permuted (Mantel); the median p-value",
        sentence=(
            f"Inside a {kind} and batch, distances between cells before and after, less what sets a cell apart from "
            f"all others, correlate at {relative:.2f} in the median (two halves of the genes: {due:.2f}), and with "
            f"it at {value:.2f} ({halves:.2f}); {len(worst)} of {len(judged)} lost half of that or more."
        ),
    )
    yield from (_lost(row, kind) for row in worst.to_dict(orient="records"))


def _lost(row: dict[str, Any], kind: str) -> Statement:
    return Statement(
        part=PART,
        name=f"distances kept in a {kind}",
        subject=f"{row['batch']}: {row['group']}",
        value=row["relative"],
        verdict=row["verdict"],
        reference=row["relative_halves"],
        reference_name="two halves of the genes",
        null_mean=row["null_mean"],
        null_low=row["null_low"],
        null_high=row["null_high"],
        p_value=row["p_value"],
        null_name="cells permuted (Mantel)",
        sentence=(
            f"Distances between the {row['cells']:,} cells of '{row['group']}' in batch '{row['batch']}', less what "
            f"sets a cell apart from all others, correlate at {row['relative']:.2f} before and after, and with it at "
            f"{row['spearman']:.2f}; two halves of the genes agree at {row['relative_halves']:.2f} and "
            f"{row['halves']:.2f}."
        ),
    )


def _rows(subject: Subject, one: OwnBatch, generator: np.random.Generator, n_draws: int) -> Iterator[dict[str, Any]]:
    groups = subject.groups[one.cells]
    sizes = np.bincount(groups[groups >= 0], minlength=len(subject.group_names))
    if (sizes < FEWEST).all():
        return
    genes = generator.permutation(subject.expression.shape[1])
    parts = [
        principal_components(subject.expression[one.cells][:, half], COMPONENTS) for half in np.array_split(genes, 2)
    ]
    for group in np.flatnonzero(sizes >= FEWEST):
        inside = np.flatnonzero(groups == group)
        inside = np.sort(generator.permutation(inside)[:SAMPLE])
        ranks = [_ranks(points[inside]) for points in (one.components, subject.points[one.cells], *parts)]
        value, halves = _correlation(ranks[0], ranks[1]), _correlation(ranks[2], ranks[3])
        bare = [_relative(each) for each in ranks]
        relative, due = _correlation(bare[0], bare[1]), _correlation(bare[2], bare[3])
        orders = (generator.permutation(len(inside)) for _ in range(n_draws))
        drawn = np.array([_correlation(bare[0], bare[1][np.ix_(order, order)]) for order in orders])
        null = null_of(relative, drawn)
        yield {
            "batch": one.name,
            "group": subject.group_names[group],
            "cells": int(sizes[group]),
            "spearman": value,
            "halves": halves,
            "null_mean": null.mean,
            "null_low": null.low,
            "null_high": null.high,
            "p_value": null.p_value,
            "relative": relative,
            "relative_halves": due,
            "verdict": _verdict(relative, due, null.p_value),
        }


def _ranks(points: np.ndarray) -> np.ndarray:
    """Return the ranks of all distances, (n, n), centred, of length 1; the diagonal is 0."""
    from scipy.spatial.distance import pdist, squareform
    from scipy.stats import rankdata

    ranks = rankdata(pdist(points.astype(np.float64)))
    ranks -= ranks.mean()
    return _of_length_one(squareform(ranks))


def _relative(ranks: np.ndarray) -> np.ndarray:
    """Return ranks less what each cell adds to all of its own: the residuals of row and column effects."""
    n_cells = len(ranks)
    effects = ranks.sum(axis=1) / max(1, n_cells - 2)
    residuals = ranks - effects[:, None] - effects + effects.sum() / max(1, n_cells - 1)
    np.fill_diagonal(residuals, 0.0)
    return _of_length_one(residuals)


def _of_length_one(matrix: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = matrix / max(float(np.linalg.norm(matrix)), 1e-12)
    return scaled


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum())


def _verdict(relative: float, halves: float, p_value: float) -> Verdict:
    if halves < SOLID:
        return "unknown"
    if p_value > LEVEL or relative < HALF_KEPT * halves:
        return "bad"
    return "ok" if relative >= KEPT * halves else "warning"
