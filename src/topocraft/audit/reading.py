"""The statements of an audit on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from topocraft.audit.records import Audit, Statement, Verdict
from topocraft.display import duration

STYLES: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "bad": "bold red", "unknown": "dim"}


def audit_table(audit: Audit) -> Table:
    """Return the statements as a table: verdict, value, what it is held against, chance, p-value."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold")
    for name in ("value", "against", "chance", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    part = ""
    for one in audit.statements:
        if one.part != part:
            part = one.part
            table.add_row("", Text(part, style="bold"))
        named = one.name if not one.subject else f"{one.name}: {one.subject}"
        numbers = (one.value, one.reference, one.null_mean)
        table.add_row(Text(one.verdict, style=STYLES[one.verdict]), Text(named), *map(_number, numbers), _p_value(one))
    return table


def audit_words(audit: Audit) -> Iterator[str]:
    """Yield the sentences of what is not well, then how many statements there are of each verdict, and the cost."""
    for one in audit.statements:
        if one.verdict != "ok":
            named = one.name if not one.subject else f"{one.name}, {one.subject}"
            yield f"{one.verdict.capitalize()}, {one.part} ({named}): {one.sentence}"
    yield ", ".join(f"{count} {verdict}" for verdict, count in audit.counts().items() if count) + "."
    seconds, integration = audit.facts["seconds"], audit.facts["integration_seconds"]
    took = f"The audit took {duration(seconds)}"
    if integration:
        took += f", {seconds / integration:.1f} times what is recorded of the integration ({duration(integration)})"
    yield f"{took}; integrated again: splits {audit.facts['splits']}, removals {audit.facts['removals']}."


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:z.3f}"


def _p_value(one: Statement) -> str:
    return "–" if math.isnan(one.p_value) else f"{one.p_value:.3f}"
