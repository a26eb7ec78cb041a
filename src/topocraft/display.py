"""How a run shows itself: a bar on a terminal, plain lines in a log, tables at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from topocraft.progress import Progress, Silent

if TYPE_CHECKING:
    from types import TracebackType

    from topocraft.plan import Plan
    from topocraft.report import Change, Report

LINE_EVERY_SHARE = 0.1
LINE_EVERY_SECONDS = 30.0


def choose_progress(quiet: bool, console: Console) -> AbstractContextManager[Progress]:
    """Return bars where ``console`` is a terminal, plain lines elsewhere, and nothing at all if ``quiet``.

    Enter the result to start the display; leaving it, for whatever reason, restores the terminal.

    Examples
    --------
    >>> from rich.console import Console
    >>> with choose_progress(quiet=True, console=Console()) as progress:
    ...     progress.say("not seen")
    """
    if quiet:
        return nullcontext(Silent())
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalProgress(console)
    return LogProgress(console)


def duration(seconds: float) -> str:
    """Write seconds for people: "8 s", "3 min 5 s", "2 h 10 min".

    Examples
    --------
    >>> duration(185.2)
    '3 min 5 s'
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def byte_size(count: float) -> str:
    """Write a number of bytes for people: "850 MB", "1.4 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


class _Clock(ProgressColumn):
    """Percent and times of a phase; for a phase of unknown length only the time so far."""

    def render(self, task: Task) -> Text:
        elapsed = duration(task.finished_time or task.elapsed or 0.0)
        if task.finished or not task.fields["known"]:
            return Text(elapsed, style="dim")
        left = "" if task.time_remaining is None else f", {duration(task.time_remaining)} left"
        return Text(f"{task.percentage:.0f}%, {elapsed}{left}")


class TerminalProgress:
    """One line per phase on a terminal: bar, percent, elapsed and remaining time, a note."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _Clock(),
            TextColumn("[dim]{task.fields[note]}"),
        )
        self._bars = Bars(*columns, console=console, speed_estimate_period=60.0)
        self._task: TaskID | None = None

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._bars.stop()

    def phase(self, name: str, total: int | None = None) -> None:
        """Begin a line; the one before is complete."""
        self._finish()
        self._task = self._bars.add_task(f"{name:<8}", total=total, note="", known=total is not None)

    def advance(self, note: str = "") -> None:
        """Move the bar by one part."""
        if self._task is not None:
            self._bars.update(self._task, advance=1, note=note)

    def say(self, message: str) -> None:
        """Print above the bars."""
        self._bars.console.print(message, markup=False, highlight=False)

    def warn(self, message: str) -> None:
        """Print above the bars, marked."""
        self._bars.console.print(Text.assemble(("Note: ", "yellow"), message))

    def _finish(self) -> None:
        if self._task is not None:
            total = next(task.total for task in self._bars.tasks if task.id == self._task) or 1
            self._bars.update(self._task, total=total, completed=total, note="")


class LogProgress:
    """Plain lines for a file: one per phase, and within it one per tenth or half a minute."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._name, self._total, self._done = "", 0, 0
        self._began = self._said = 0.0
        self._said_share = 0.0

    def __enter__(self) -> LogProgress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def phase(self, name: str, total: int | None = None) -> None:
        """Write the name of the phase."""
        self._name, self._total, self._done = name, total or 0, 0
        self._began = self._said = self._clock()
        self._said_share = 0.0
        self.say(name)

    def advance(self, note: str = "") -> None:
        """Count a part; write a line where one is due."""
        self._done += 1
        now, share = self._clock(), self._done / max(self._total, 1)
        due = share >= self._said_share + LINE_EVERY_SHARE - 1e-9 or now >= self._said + LINE_EVERY_SECONDS
        if not self._total or not (due or self._done == self._total):
            return
        self._said, self._said_share = now, share
        elapsed = now - self._began
        left = duration(elapsed * (self._total - self._done) / self._done)
        line = f"{self._name} {share:.0%} ({self._done} of {self._total}), {duration(elapsed)}, {left} left"
        self.say(f"{line}, {note}" if note else line)

    def say(self, message: str) -> None:
        """Write one line."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Write one line, marked."""
        self.say(f"Note: {message}")


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
    scale = "Before → after; 1 is best. kept: neighbours of the same type. mixed: neighbours from other batches."
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
