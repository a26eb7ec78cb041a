"""What a run ends with: tables of scores and of plans."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from topocraft.display import byte_size, duration

if TYPE_CHECKING:
    from topocraft.plan import Plan
    from topocraft.report import Change, Report


def score_table(report: Report) -> Table:
    """Return the report as a table: one row per type, and below it what ARI and NMI became."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=_caption(report), caption_justify="left")
    table.add_column(report.label_key)
    table.add_column("cells", justify="right")
    table.add_column("batches")
    table.add_column("kept", justify="right")
    table.add_column("mixed", justify="right")
    for row in report.rows:
        everywhere = len(row.batches) == report.n_batches
        where = "all" if everywhere else _where(row.batches, report.n_batches)
        mixed = "one batch" if len(row.batches) == 1 else _change(row.mixed)
        table.add_row(Text(row.name), f"{row.cells:,}", Text(where), _change(row.kept), mixed)
    return table


def plan_table(plan: Plan) -> Table:
    """Return the plan as a table of two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    batches = ", ".join(f"{name} {size:,}" for name, size in plan.batches[:12])
    more = f" and {len(plan.batches) - 12} more" if len(plan.batches) > 12 else ""
    steps = plan.epochs * plan.steps_per_epoch
    for name, text in (
        ("cells", f"{plan.n_cells:,}, of which {plan.n_set_aside:,} set aside by quality control"),
        (
            "genes",
            f"{plan.n_genes:,}, of which {plan.n_expressed:,} expressed and {plan.n_selected:,} selected",
        ),
        ("values", plan.kind),
        ("batches", f"{len(plan.batches)}: {batches}{more}"),
        (
            "training",
            f"{plan.epochs} × {plan.steps_per_epoch} = {steps:,} steps of {plan.cells_per_step:,} cells",
        ),
        ("network", f"{plan.n_parameters:,} weights"),
        ("device", f"{plan.device}, {plan.precision}, threads: {plan.threads}"),
        ("time", f"about {duration(plan.seconds)} (an estimate)"),
        ("memory", f"about {byte_size(plan.peak_bytes)} at the peak (an estimate)"),
    ):
        table.add_row(name, Text(text))
    return table


def _caption(report: Report) -> str:
    clusters = f"Clusters against {report.label_key}: ARI {_change(report.ari)}, NMI {_change(report.nmi)}."
    scale = (
        "Before → after; 1 is best. kept: of the 15 nearest cells, those of the same type. mixed: of the 15 nearest of "
        "the same type, those of other batches, to what chance gives."
    )
    unscored = (
        f" {report.n_unscored:,} cells without a label or an embedding are left out." if report.n_unscored else ""
    )
    return f"{scale}\n{clusters}{unscored}"


def _where(batches: tuple[str, ...], n_batches: int) -> str:
    shown = ", ".join(batches)
    return shown if len(shown) <= 24 else f"{len(batches)} of {n_batches}"


def _change(change: Change) -> str:
    if math.isnan(change.before) or math.isnan(change.after):
        return "–"
    return f"{change.before:.2f} → {change.after:.2f}"
