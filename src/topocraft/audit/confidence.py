"""Cell by cell: how well mixed, how well kept, and whether to trust where it lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from topocraft.audit.neighbourhoods import common_share
from topocraft.audit.populations import displaced
from topocraft.audit.records import Statement, Verdict
from topocraft.audit.subject import WIDE, OwnBatch, Subject
from topocraft.errors import UndefinedScore
from topocraft.metrics.mixing_map import mixing_map

PART = "confidence"
AROUND, FEWEST_EXPECTED, UNMIXED, TAIL = 50, 5, 0.2, 0.95
FEW_FLAGGED, MANY_FLAGGED = 0.05, 0.2
DISPLACED, SCRAMBLED, NOT_MIXED = "among others", "neighbours lost", "not mixed"


def cell_table(subject: Subject, own: Sequence[OwnBatch], index: pd.Index) -> pd.DataFrame:
    """Return a row per cell of the AnnData, those that are not audited included.

    Columns: ``topocraft_mixed``, neighbours from other batches within the cell's group, observed / expected, 0 … 1;
    ``topocraft_kept``, the share of its 15 nearest in its own batch that are so still, 0 … 1; both NaN where nothing
    can be said. ``topocraft_flag``: "among others" (most neighbours in its batch are now cells that the batch says are
    different), "neighbours lost" (among its 75 nearest, or a quarter of its batch, are no more of those 15 than chance
    may bring there), "not mixed" (under a fifth of what random order gives, where that is at least 5 cells), or "".
    ``topocraft_flagged``, whether there is a flag.
    """
    mixed, sound = _mixed(subject)
    kept, scrambled, moved = _kept(subject, own)
    flag = np.full(len(mixed), "", dtype=object)
    flag[sound & (mixed < UNMIXED)] = NOT_MIXED
    flag[scrambled] = SCRAMBLED
    flag[moved] = DISPLACED
    table = pd.DataFrame({"topocraft_mixed": np.nan, "topocraft_kept": np.nan, "topocraft_flag": ""}, index=index)
    for name, values in (("topocraft_mixed", mixed), ("topocraft_kept", kept), ("topocraft_flag", flag)):
        table.loc[subject.kept, name] = values
    return table.assign(topocraft_flagged=table["topocraft_flag"] != "")


def confidence_statement(table: pd.DataFrame, subject: Subject) -> Statement:
    """Return how many cells are flagged, and why."""
    audited = table[subject.kept]
    share, counts = float(audited["topocraft_flagged"].mean()), audited["topocraft_flag"].value_counts()
    verdict: Verdict = "ok" if share <= FEW_FLAGGED else "warning" if share <= MANY_FLAGGED else "bad"
    why = ", ".join(f"{counts.get(flag, 0):,} {flag}" for flag in (DISPLACED, SCRAMBLED, NOT_MIXED))
    return Statement(
        part=PART,
        name="flagged cells",
        value=share,
        verdict=verdict,
        reference=FEW_FLAGGED,
        reference_name="at most",
        sentence=(
            f"{share:.1%} of {len(audited):,} cells are flagged ({why}); a cell keeps "
            f"{audited['topocraft_kept'].mean():.0%} of its neighbours and is mixed at "
            f"{audited['topocraft_mixed'].mean():.2f} on average."
        ),
    )


def _mixed(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return how well mixed each cell is, and whether enough cells of other batches were due to call it unmixed."""
    mixed, sound = np.full(len(subject.batch), np.nan), np.zeros(len(subject.batch), dtype=bool)
    known = np.flatnonzero(subject.groups >= 0)
    if not len(known):
        return mixed, sound
    try:
        mixed[known] = mixing_map(subject.points[known], subject.batch[known], subject.groups[known], AROUND)
    except UndefinedScore:  # every group is in one batch only
        return mixed, sound
    for group in np.unique(subject.groups[known]):
        members = np.flatnonzero(subject.groups == group)
        around, sizes = min(AROUND, max(1, len(members) // 4)), np.bincount(subject.batch[members])
        others = len(members) - sizes[subject.batch[members]]
        sound[members] = around * others / max(1, len(members) - 1) >= FEWEST_EXPECTED
    return mixed, sound


def _kept(subject: Subject, own: Sequence[OwnBatch]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the share of own neighbours kept, whether chance may do as well, and whether others took their place."""
    from scipy.stats import hypergeom

    kept = np.full(len(subject.batch), np.nan)
    scrambled, moved = (np.zeros(len(subject.batch), dtype=bool) for _ in range(2))
    for one in own:
        before, k = one.before.indices, one.before.indices.shape[1]
        wide = min(WIDE, max(k, len(one.cells) // 4))
        kept[one.cells] = common_share(before, one.after.indices[:, :k])
        near = common_share(before, one.after.indices[:, :wide]) * k
        scrambled[one.cells] = near <= hypergeom.ppf(TAIL, len(one.cells) - 1, wide, k)
        moved[one.cells] = displaced(one)
    return kept, scrambled, moved
