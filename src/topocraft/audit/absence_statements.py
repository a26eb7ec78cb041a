"""The absence test in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from topocraft.audit.absence import ALONE
from topocraft.audit.records import NAN, Statement, Verdict

PART = "absence"
MOST_ABSORBED, MANY_ABSORBED, LEVEL, AT_RISK, FEW_JUDGED = 0.05, 0.2, 0.05, 0.5, 10


def untested(why: str) -> Iterator[Statement]:
    """Yield that no group was taken out, and why."""
    yield Statement(part=PART, name="absorbed, taken out", value=NAN, verdict="unknown", sentence=why)


def absence_statements(table: pd.DataFrame, kind: str) -> Iterator[Statement]:
    """Yield, for every group that was taken out of a batch or is found in one only, how much of it was absorbed."""
    for row in table.to_dict(orient="records"):
        yield _statement(row, kind)


def risk_statement(risks: pd.DataFrame, tested: pd.DataFrame, kind: str) -> Statement:
    """Return which groups are most at risk, by the cheap guess, and which of them were tried."""
    name = "risk of absorption"
    if risks.empty:
        said = f"No {kind} can be taken out: each needs 10 cells in one batch, 10 elsewhere, and 10 others there."
        return Statement(part=PART, name=name, value=NAN, verdict="unknown", sentence=said)
    near = risks[risks["risk"] >= AT_RISK]
    shown = ", ".join(f"'{row.group}' in '{row.batch}' ({row.risk:.2f})" for row in risks.head(5).itertuples())
    return Statement(
        part=PART,
        name=name,
        value=float(risks["risk"].iloc[0]),
        verdict="ok" if near.empty else "warning",
        reference=AT_RISK,
        reference_name="from which on it is listed as a risk",
        null_mean=1.0,
        null_name="other cells as near as its own kind",
        sentence=(
            f"{len(near)} of {len(risks)} removals are at risk: the {kind} lies less than twice as far from other "
            f"cells of the batch as from its own kind there. Nearest: {shown}. Tried: {len(tested)}."
        ),
    )


def _statement(row: dict[str, Any], kind: str) -> Statement:
    alone = row["how"] == ALONE
    subject = f"{row['group']} {'only in' if alone else 'out of'} {row['batch']}"
    if not row["judged"]:
        said = f"No cell of {kind} '{row['group']}' is sure by its own batch, so that nothing can be said of it."
        return Statement(
            part=PART, name=f"absorbed, {row['how']}", subject=subject, value=NAN, verdict="unknown", sentence=said
        )
    return Statement(
        part=PART,
        name=f"absorbed, {row['how']}",
        subject=subject,
        value=row["absorbed"],
        verdict=_verdict(row),
        reference=MOST_ABSORBED if alone else row["before"],
        reference_name="at most" if alone else "with the group in the batch",
        null_mean=NAN if alone else row["before"],
        null_low=row["null_low"],
        null_high=row["null_high"],
        p_value=row["p_value"],
        null_name="" if alone else "with and without exchanged at random, cell by cell",
        sentence=_sentence(row, kind),
    )


def _verdict(row: dict[str, Any]) -> Verdict:
    if row["absorbed"] <= MOST_ABSORBED:
        return "ok"
    if row["judged"] < FEW_JUDGED or (row["how"] != ALONE and row["p_value"] > LEVEL):
        return "warning"
    return "bad" if row["absorbed"] > MANY_ABSORBED else "warning"


def _sentence(row: dict[str, Any], kind: str) -> str:
    into = f", mostly '{row['into']}'" if row["into"] else ""
    if row["how"] == ALONE:
        return (
            f"{kind.capitalize()} '{row['group']}' is found in batch '{row['batch']}' only; {row['absorbed']:.1%} of "
            f"{row['judged']:,} cells lie among cells of other batches{into}, where they have no like."
        )
    return (
        f"{kind.capitalize()} '{row['group']}' was taken out of batch '{row['batch']}' ({row['cells']:,} cells) and "
        f"the rest integrated again: {row['absorbed']:.1%} of its {row['judged']:,} cells elsewhere now lie among "
        f"other cells of that batch{into}; with it there, {row['before']:.1%} did."
    )
