"""The null test in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from topocraft.audit.null_test import GIVEN, HARMONY, PCA, SPLIT, Chance
from topocraft.audit.records import NAN, Statement, Verdict
from topocraft.audit.subject import NEIGHBORS

PART = "null test"
TOLERANCE, HALF_MIXED, LEVEL = 0.02, 0.9, 0.05
UNMOVED = (
    " The halves were left as they are: what correction does to neighbours, where batches differ, is the number of the "
    "unsplit embedding."
)


def untested(why: str) -> Iterator[Statement]:
    """Yield that there was no null test, and why."""
    yield Statement(part=PART, name="neighbours kept", value=NAN, verdict="unknown", sentence=why)


def null_statements(table: pd.DataFrame, chances: Sequence[Chance], no_harmony: str) -> Iterator[Statement]:
    """Yield what a random split of a batch changed: its neighbours, its clusters, and whether the halves lie apart."""
    means = table.groupby("what")[["knn_overlap", "ari", "halves_mixed", "overlap_with_given"]].mean()
    splits = table[table["what"] == SPLIT]
    where = " and ".join(f"'{name}'" for name in splits["batch"].unique())
    yield _neighbours(means, chances, f"{where}, split at random in two (draws: {len(splits)})", no_harmony)
    yield _clusters(means, no_harmony)
    yield _halves(means, chances)


def _neighbours(means: pd.DataFrame, chances: Sequence[Chance], where: str, no_harmony: str) -> Statement:
    value, given, with_given = (
        float(means.loc[what, column])
        for what, column in ((SPLIT, "knn_overlap"), (GIVEN, "knn_overlap"), (SPLIT, "overlap_with_given"))
    )
    harmony = _of(means, HARMONY, "knn_overlap")
    nulls = [chance.overlap for chance in chances]
    return Statement(
        part=PART,
        name="neighbours kept",
        value=value,
        verdict=_judge(value, harmony, given),
        reference=given if np.isnan(harmony) else harmony,
        reference_name="the audited embedding, unsplit" if np.isnan(harmony) else HARMONY,
        null_mean=float(np.mean([null.mean for null in nulls])),
        null_low=float(min(null.low for null in nulls)),
        null_high=float(max(null.high for null in nulls)),
        p_value=max(null.p_value for null in nulls),
        null_name="cells dealt out anew",
        sentence=(
            f"Batch {where}: {value:.1%} of the {NEIGHBORS} nearest neighbours of a cell before integration are so "
            f"after it ({_said(harmony, no_harmony)}; unsplit, in the audited embedding, {given:.1%}; PCA 100 % by "
            f"construction); with that embedding it shares {with_given:.1%}.{UNMOVED if value == 1 else ''}"
        ),
    )


def _clusters(means: pd.DataFrame, no_harmony: str) -> Statement:
    value, given, again = (float(means.loc[what, "ari"]) for what in (SPLIT, GIVEN, PCA))
    harmony = _of(means, HARMONY, "ari")
    return Statement(
        part=PART,
        name="clusters kept",
        value=value,
        verdict=_judge(value, min(harmony, again), given),
        reference=given if np.isnan(harmony) else harmony,
        reference_name="the audited embedding, unsplit" if np.isnan(harmony) else HARMONY,
        null_mean=0.0,
        null_name="ARI of random clusters, by construction",
        sentence=(
            f"Leiden clusters of the split and integrated cells agree with those before at ARI {value:.2f} "
            f"({_said(harmony, no_harmony, '.2f')}; unsplit {given:.2f}; PCA clustered with another seed {again:.2f})."
        ),
    )


def _halves(means: pd.DataFrame, chances: Sequence[Chance]) -> Statement:
    value = float(means.loc[SPLIT, "halves_mixed"])
    nulls = [chance.mixing for chance in chances]
    p_value = min(1.0, min(null.p_value for null in nulls) * len(nulls))
    apart: Verdict = "warning" if value >= HALF_MIXED else "bad"
    return Statement(
        part=PART,
        name="halves mixed",
        value=value,
        verdict="ok" if p_value > LEVEL else apart,
        reference=1.0,
        reference_name="random order",
        null_mean=float(np.mean([null.mean for null in nulls])),
        null_low=float(min(null.low for null in nulls)),
        null_high=float(max(null.high for null in nulls)),
        p_value=p_value,
        null_name="halves dealt out anew",
        sentence=(
            f"The halves, which differ by chance alone, have {value:.2f} times as many neighbours of the other half as "
            "random order gives: " + ("they lie together." if p_value > LEVEL else "integration sets them apart.")
        ),
    )


def _judge(value: float, better: float, given: float) -> Verdict:
    """Hold a value against another method's, and against that of the audited embedding, which saw no split."""
    if not np.isnan(better) and value >= better:
        return "ok"
    close = value >= given - TOLERANCE
    if np.isnan(better):
        return "ok" if close else "bad"
    return "warning" if close else "bad"


def _of(means: pd.DataFrame, what: str, column: str) -> float:
    return float(means.loc[what, column]) if what in means.index else NAN


def _said(harmony: float, no_harmony: str, form: str = ".1%") -> str:
    return no_harmony.rstrip(".") if np.isnan(harmony) else f"Harmony {harmony:{form}}"
