"""How a run shows itself: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, TYPE_CHECKING, cast

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.segment import Segment
from rich.text import Text

from topocraft.errors import printable
from topocraft.progress import Progress, Silent, Unattended
from topocraft.streams import Tolerant

if TYPE_CHECKING:
    from types import TracebackType


LINE_EVERY_SHARE = 0.1
LINE_EVERY_SECONDS = 30.0


class _Disarmed:
    """Renders as what it holds, control characters of names and texts written out."""

    def __init__(self, held: ConsoleRenderable) -> None:
        self._held = held

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._held, options):
            lines = segment.text.split("\n")
            yield segment if segment.control else Segment("\n".join(map(printable, lines)), segment.style)


class _Disarming(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Disarmed(each) for each in renderables]


class _Console(Console):
    """Writes to a stream that takes every text; what is lost on stderr ends nothing."""

    @property
    def file(self) -> IO[str]:
        return cast("IO[str]", Tolerant(super().file, must_arrive=not self.stderr))

    @file.setter
    def file(self, stream: IO[str]) -> None:
        self._file = stream


def safe_console(*, stderr: bool = False) -> Console:
    r"""Return a console that shows control characters in names instead of sending them to the terminal.

    What the stream's encoding has no letters for is written as escapes. A console on stderr never fails.

    Examples
    --------
    >>> from topocraft.display import safe_console
    >>> safe_console().print("B cells" + chr(27) + "[2J", markup=False, highlight=False)
    B cells\x1b[2J
    """
    console = _Console(stderr=stderr)
    console.push_render_hook(_Disarming())
    return console


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


def attended(progress: Progress | None) -> AbstractContextManager[Progress]:
    """Return ``progress`` itself, or where there is none bars on a terminal or in a notebook, else warnings alone."""
    if progress is not None:
        return nullcontext(progress)
    console = safe_console(stderr=True)
    watched = console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal)
    return TerminalProgress(console) if watched else nullcontext(Unattended())


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
            self._bars.update(self._task, advance=1, note=printable(note))

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
