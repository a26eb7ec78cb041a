"""What a run shows: bars on a terminal, plain lines in a log, nothing when quiet; tables at the end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from topocraft.display import (
    LogProgress,
    TerminalProgress,
    attended,
    byte_size,
    choose_progress,
    duration,
)
from topocraft.plan import Plan
from topocraft.progress import Progress, Silent
from topocraft.report import Change, Report, TypeRow
from topocraft.tables import plan_table, score_table

NAN = float("nan")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _console(terminal: bool = False, width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, _environ={"TERM": "xterm"})


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _shown(table: object, width: int = 100) -> list[str]:
    console = _console(width=width)
    console.print(table)
    return [line.rstrip() for line in _text(console).splitlines()]


@pytest.mark.parametrize(
    ("quiet", "terminal", "kind"),
    [(True, True, Silent), (False, True, TerminalProgress), (False, False, LogProgress)],
)
def test_the_display_follows_the_stream(quiet: bool, terminal: bool, kind: type) -> None:
    with choose_progress(quiet, _console(terminal)) as progress:
        assert isinstance(progress, kind)


def test_a_dumb_terminal_gets_plain_lines() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert isinstance(choose_progress(quiet=False, console=console), LogProgress)


def _run(progress: Progress, parts: int = 4) -> None:
    progress.phase("prepare")
    progress.warn("3 cells [bold] are poor.")
    progress.phase("train", parts)
    for part in range(parts):
        progress.advance(f"accuracy 0.{part}")
    progress.say("a fact")


def test_quiet_says_nothing() -> None:
    console = _console(terminal=True)
    with choose_progress(quiet=True, console=console) as progress:
        _run(progress)
    assert _text(console) == ""


def test_the_terminal_shows_phases_and_ends_with_full_bars() -> None:
    console = _console(terminal=True)
    with choose_progress(quiet=False, console=console) as progress:
        _run(progress)
    text = _text(console)
    assert "Note: " in text
    assert "3 cells [bold] are poor." in text
    assert "a fact" in text
    last = text.rpartition("prepare")[2]
    assert "train" in last
    assert "0 s" in last
    assert text.count(HIDE_CURSOR) == text.count(SHOW_CURSOR) == 1


def test_the_terminal_tells_the_time_left() -> None:
    clock, console = Clock(), _console(terminal=True)
    progress = TerminalProgress(console)
    progress._bars.get_time = clock
    progress.phase("train", 10)
    for _ in range(5):
        clock.now += 2.0
        progress.advance("accuracy 0.52")
    assert "50%, 10 s, 10 s left" in "\n".join(_shown(progress._bars.get_renderable()))
    assert "accuracy 0.52" in "\n".join(_shown(progress._bars.get_renderable()))


def test_an_interrupt_gives_the_terminal_back() -> None:
    console = _console(terminal=True)

    def interrupted() -> None:
        with choose_progress(quiet=False, console=console) as progress:
            progress.phase("train", 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert _text(console).rstrip().endswith(SHOW_CURSOR)


def test_the_log_has_a_line_per_tenth_with_the_time_left_and_no_escapes() -> None:
    clock, console = Clock(), _console()
    progress = LogProgress(console, clock)
    progress.phase("prepare")
    progress.phase("train", 200)
    for _ in range(200):
        clock.now += 0.1
        progress.advance("accuracy 0.50")
    lines = _text(console).splitlines()
    assert lines[:3] == ["prepare", "train", "train 10% (20 of 200), 2 s, 18 s left, accuracy 0.50"]
    assert lines[-1] == "train 100% (200 of 200), 20 s, 0 s left, accuracy 0.50"
    assert len(lines) == 12
    assert "\x1b" not in _text(console)


def test_the_log_speaks_every_half_minute_when_parts_are_slow() -> None:
    clock, console = Clock(), _console()
    progress = LogProgress(console, clock)
    progress.phase("train", 1000)
    for _ in range(9):
        clock.now += 10.0
        progress.advance()
    assert _text(console).splitlines() == [
        "train",
        "train 0% (3 of 1000), 30 s, 2 h 46 min left",
        "train 1% (6 of 1000), 1 min 0 s, 2 h 45 min left",
        "train 1% (9 of 1000), 1 min 30 s, 2 h 45 min left",
    ]


def test_the_log_keeps_brackets_and_long_lines_whole() -> None:
    console = _console(width=20)
    LogProgress(console).warn("a [path] that is a good deal longer than the line is wide")
    assert _text(console) == "Note: a [path] that is a good deal longer than the line is wide\n"


def test_parts_of_an_unknown_number_are_counted_in_silence() -> None:
    console = _console()
    with choose_progress(quiet=False, console=console) as progress:
        progress.phase("cluster")
        progress.advance()
    assert _text(console) == "cluster\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1.0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (7800.0, "2 h 10 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_byte_sizes_read_well() -> None:
    assert [byte_size(size) for size in (850e6, 1.44e9)] == ["850 MB", "1.4 GB"]


def _report() -> Report:
    rows = (
        TypeRow("T cell", 1200, ("a", "b", "c"), Change(0.9, 0.95), Change(0.1, 0.8)),
        TypeRow("[rare]", 7, ("a", "c"), Change(0.5, 0.6), Change(0.2, 0.7)),
        TypeRow("alone", 30, ("b",), Change(1.0, 0.98), Change(NAN, NAN)),
        TypeRow("one", 1, ("a",), Change(NAN, NAN), Change(NAN, NAN)),
    )
    return Report("celltype", 3, 12, rows, Change(0.41, 0.93), Change(0.5, 0.9))


def test_the_score_table_tells_types_batches_and_what_is_not_defined() -> None:
    lines = _shown(score_table(_report()))
    rows = {" ".join(line.split()) for line in lines}
    assert "T cell 1,200 all 0.90 → 0.95 0.10 → 0.80" in rows
    assert "[rare] 7 a, c 0.50 → 0.60 0.20 → 0.70" in rows
    assert "alone 30 b 1.00 → 0.98 one batch" in rows
    assert "one 1 a – one batch" in rows
    told = " ".join(" ".join(lines).split())
    assert "Clusters against celltype: ARI 0.41 → 0.93, NMI 0.50 → 0.90." in told
    assert "12 cells without a label or an embedding are left out." in told


def test_the_plan_table_tells_what_would_happen() -> None:
    plan = Plan(
        n_cells=1500,
        n_set_aside=20,
        n_genes=9000,
        n_expressed=8000,
        n_selected=2000,
        kind="counts",
        batches=tuple((f"b{number}", 100) for number in range(14)),
        epochs=150,
        steps_per_epoch=4,
        cells_per_step=1024,
        n_parameters=12_000_000,
        device="cpu",
        precision="bfloat16",
        threads=2,
        seconds=200.0,
        peak_bytes=1.2e9,
    )
    told = " ".join(" ".join(_shown(plan_table(plan), width=200)).split())
    for fact in (
        "1,500, of which 20 set aside",
        "9,000, of which 8,000 expressed and 2,000 selected",
        "b11 100 and 2 more",
        "150 × 4 = 600 steps of 1,024 cells",
        "cpu, bfloat16, threads: 2",
        "about 3 min 20 s (an estimate)",
        "about 1.2 GB at the peak (an estimate)",
    ):
        assert fact in told


def test_without_a_display_a_warning_is_a_python_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with attended(None) as progress:
        progress.phase("prepare")
        with pytest.warns(UserWarning, match="3 cells were set aside"):
            progress.warn("3 cells were set aside")


def test_a_display_that_is_given_is_used_as_it_is() -> None:
    given = Silent()
    with attended(given) as progress:
        assert progress is given
