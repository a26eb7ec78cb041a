"""Over-correction: what a batch keeps apart, and the embedding puts together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from topocraft.audit.chance import paired_null
from topocraft.audit.neighbourhoods import share_of_others
from topocraft.audit.records import NAN, Statement, Verdict
from topocraft.audit.subject import NEIGHBORS, OwnBatch, Subject

PART = "over-correction"
SMALL_LOSS, LARGE_LOSS, LEVEL, ROOM = 0.05, 0.2, 0.05, 0.1


def population_table(
    subject: Subject, own: Sequence[OwnBatch], generator: np.random.Generator, n_draws: int
) -> pd.DataFrame:
    """Return, per batch and cluster of its own, how many neighbours its batch says are different, before and after.

    Columns: ``batch``, ``cluster``, ``named`` (the group most of it belongs to), ``cells``, ``k``; the share of a
    cell's ``k`` nearest of its own batch that lie in other clusters, ``before`` in the batch's own components,
    ``after`` in the embedding, ``chance`` were the clusters dealt out anew; ``lost`` = (after − before) /
    (chance − before); what that is were both moments exchanged at random, with ``p_value``; ``displaced``, the share
    of cells most of whose neighbours have become others; ``into``, the cluster most of those are in; ``verdict``.
    """
    rows = [_row(subject, one, cluster, generator, n_draws) for one in own for cluster in range(one.clusters.max() + 1)]
    return pd.DataFrame(rows)


def displaced(one: OwnBatch) -> np.ndarray:
    """Return which cells of a batch have mostly neighbours of other clusters now, and had not before, (m,), bool."""
    found = np.zeros(len(one.cells), dtype=bool)
    for cluster, size in enumerate(np.bincount(one.clusters)):
        inside, k = one.clusters == cluster, _depth(size)
        before, after = (share_of_others(graph.indices, one.clusters, k)[inside] for graph in (one.before, one.after))
        found[inside] = (after > 0.5) & (before <= 0.5)
    return found


def population_statements(table: pd.DataFrame) -> Iterator[Statement]:
    """Yield how much is lost over all populations, then every population that lost something."""
    judged = table[table["verdict"] != "unknown"] if len(table) else table
    if not len(judged):
        yield Statement(
            part=PART,
            name="lost share",
            value=NAN,
            verdict="unknown",
            sentence="No batch has two clusters of its own, so that over-correction cannot be told.",
        )
        return
    weights = judged["cells"]
    after, before = (float(np.average(judged[moment], weights=weights)) for moment in ("after", "before"))
    chance = float(np.average(judged["chance"], weights=weights))
    lost = (after - before) / max(chance - before, 1e-9)
    struck = judged[judged["verdict"] != "ok"]
    yield Statement(
        part=PART,
        name="lost share",
        value=lost,
        verdict=_verdict(lost, 0.0, 1.0),
        reference=0.0,
        reference_name="the batches' own components",
        null_mean=1.0,
        null_name="clusters dealt out anew: all is lost",
        sentence=(
            f"{after:.1%} of a cell's neighbours of its own batch are cells that this batch says are different "
            f"({before:.1%} before integration, {chance:.1%} by chance); {len(struck)} of {len(judged)} populations "
            "lost something."
        ),
    )
    yield from (_population(row) for row in struck.to_dict(orient="records"))


def _population(row: dict[str, Any]) -> Statement:
    return Statement(
        part=PART,
        name="lost share of a population",
        subject=f"{row['batch']}: {row['named']} (cluster {row['cluster']})",
        value=row["lost"],
        verdict=row["verdict"],
        reference=0.0,
        reference_name="the batch's own components",
        null_mean=0.0,
        null_low=row["null_low"],
        null_high=row["null_high"],
        null_name="before and after exchanged at random, cell by cell",
        p_value=row["p_value"],
        sentence=(
            f"Of the neighbours of these {row['cells']:,} cells in their own batch, {row['after']:.0%} are now cells "
            f"that the batch says are different, most of {row['into']}; before it was {row['before']:.0%}, chance "
            f"gives {row['chance']:.0%}."
        ),
    )


def _row(subject: Subject, one: OwnBatch, cluster: int, generator: np.random.Generator, n_draws: int) -> dict[str, Any]:
    inside = one.clusters == cluster
    size, n_cells = int(inside.sum()), len(inside)
    k = _depth(size)
    before, after = (share_of_others(graph.indices, one.clusters, k)[inside] for graph in (one.before, one.after))
    chance = (n_cells - size) / (n_cells - 1)
    room = chance - before.mean()
    lost = float((after.mean() - before.mean()) / room) if room > ROOM else NAN
    null = paired_null(before, after, generator, n_draws)
    return {
        "batch": one.name,
        "cluster": cluster,
        "named": _named(subject, one.cells[inside]),
        "cells": size,
        "k": k,
        "before": float(before.mean()),
        "after": float(after.mean()),
        "chance": chance,
        "lost": lost,
        "null_low": null.low / room if room > ROOM else NAN,
        "null_high": null.high / room if room > ROOM else NAN,
        "p_value": null.p_value,
        "displaced": float(((after > 0.5) & (before <= 0.5)).mean()),
        "into": _into(subject, one, inside, k),
        "verdict": _verdict(lost, null.p_value, room),
    }


def _depth(size: int) -> int:
    """Return how many neighbours a cell of a population of ``size`` is judged by: its own kind must suffice."""
    return max(1, min(NEIGHBORS, size // 2))


def _verdict(lost: float, p_value: float, room: float) -> Verdict:
    if room <= ROOM:
        return "unknown"
    if p_value > LEVEL or lost < SMALL_LOSS:
        return "ok"
    return "bad" if lost >= LARGE_LOSS else "warning"


def _named(subject: Subject, cells: np.ndarray) -> str:
    groups = subject.groups[cells]
    groups = groups[groups >= 0]
    return subject.group_names[np.bincount(groups).argmax()] if len(groups) else "no name"


def _into(subject: Subject, one: OwnBatch, inside: np.ndarray, k: int) -> str:
    found = one.clusters[one.after.indices[inside, :k]]
    foreign = found[found != one.clusters[inside][0]]
    if not len(foreign):
        return ""
    cluster = int(np.bincount(foreign).argmax())
    return f"{_named(subject, one.cells[one.clusters == cluster])} (cluster {cluster})"
