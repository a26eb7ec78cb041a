"""A supervised command is measured by the system, ended whole, and leaves no process behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from topocraft.baselines.supervision import Report, supervise
from topocraft.errors import MethodError

MEGABYTE = 1_000_000
Supervised = Callable[..., Report]
SLEEP_WITH_CHILD = (
    "import subprocess, sys, pathlib, os, time;"
    "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)']);"
    "pathlib.Path('pids.tmp').write_text(f'{os.getpid()} {child.pid}'); os.rename('pids.tmp', 'pids'); time.sleep(60)"
)


@pytest.fixture
def supervised(tmp_path: Path) -> Supervised:
    def call(code: str, **limits: Any) -> Report:
        given = {"time_limit": 120.0, "memory_limit": math.inf, **limits}
        command = [sys.executable, "-S", "-c", code]
        return supervise(command, folder=tmp_path, log=tmp_path / "log", environment=os.environ, **given)

    return call


def _pids(folder: Path, seconds: float = 60.0) -> list[int]:
    end = time.monotonic() + seconds
    while not (folder / "pids").exists():
        assert time.monotonic() < end, "the command never started"
        time.sleep(0.02)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def _assert_gone(pids: list[int], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        assert time.monotonic() < end, "processes were left behind"
        time.sleep(0.02)


def test_what_a_command_prints_and_returns(supervised: Supervised, tmp_path: Path) -> None:
    report = supervised("import sys; print('to out'); print('to err', file=sys.stderr); sys.exit(7)")
    assert (report.ended_by, report.code) == ("", 7)
    assert sorted((tmp_path / "log").read_text().splitlines()) == ["to err", "to out"]


def test_seconds_are_those_of_the_clock_and_of_the_processor(supervised: Supervised) -> None:
    asleep = supervised("import time; time.sleep(0.5)")
    assert 0.5 <= asleep.wall_seconds < 30
    assert asleep.cpu_seconds < 0.4
    busy = supervised("import time\nwhile time.process_time() < 0.5: pass")
    assert 0.5 <= busy.cpu_seconds <= busy.wall_seconds + 0.1


def test_peak_memory_is_what_was_once_held(supervised: Supervised) -> None:
    empty = supervised("pass")
    held = supervised("block = b'x' * 200_000_000; del block")
    assert held.peak_bytes - empty.peak_bytes == pytest.approx(200 * MEGABYTE, rel=0.05)


def test_peak_memory_is_not_that_of_the_caller(supervised: Supervised) -> None:
    ours = b"x" * 300_000_000
    assert supervised("pass").peak_bytes < 60 * MEGABYTE < len(ours)


def test_peak_memory_adds_up_what_processes_hold_together(supervised: Supervised) -> None:
    child = "block = b'x' * 100_000_000; import time; time.sleep(1)"
    both = supervised(
        f"import subprocess, sys; block = b'x' * 100_000_000; subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    )
    assert both.peak_bytes == pytest.approx(200 * MEGABYTE, rel=0.25)


def test_the_limit_of_time_ends_every_process(supervised: Supervised, tmp_path: Path) -> None:
    report = supervised(SLEEP_WITH_CHILD, time_limit=1.0)
    assert (report.ended_by, report.code) == ("time", -signal.SIGKILL)
    assert 1.0 <= report.wall_seconds < 30
    _assert_gone(_pids(tmp_path))


def test_the_limit_of_memory_ends_the_run_before_it_takes_much_more(supervised: Supervised) -> None:
    growing = "import time; held = []\nfor _ in range(60): held.append(b'x' * 10_000_000); time.sleep(0.05)"
    report = supervised(growing, memory_limit=150 * MEGABYTE)
    assert report.ended_by == "memory"
    assert 150 * MEGABYTE < report.peak_bytes < 400 * MEGABYTE
    assert not report.killed_by_kernel


def test_a_signal_is_told(supervised: Supervised) -> None:
    report = supervised("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (report.ended_by, report.code, report.killed_by_kernel) == ("", -signal.SIGSEGV, False)


def test_what_a_command_leaves_running_is_ended_with_it(supervised: Supervised, tmp_path: Path) -> None:
    report = supervised(SLEEP_WITH_CHILD.removesuffix("time.sleep(60)"))
    assert report.code == 0
    _assert_gone(_pids(tmp_path))


def test_cancelling_ends_every_process(supervised: Supervised, tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Thread(target=lambda: (_pids(tmp_path), cancel.set())).start()
    assert supervised(SLEEP_WITH_CHILD, cancel=cancel).ended_by == "stop"
    _assert_gone(_pids(tmp_path))


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    report = supervise(
        ["/no/such/python"],
        folder=tmp_path,
        log=tmp_path / "log",
        environment=os.environ,
        time_limit=120,
        memory_limit=math.inf,
    )
    assert report.code == 127
    assert (tmp_path / "log").read_text() == "/no/such/python cannot be started: No such file or directory\n"


def test_windows_is_refused(supervised: Supervised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(MethodError, match="run on Linux and macOS alone"):
        supervised("pass")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_a_caller_that_is_interrupted_or_killed(sent: signal.Signals, tmp_path: Path) -> None:
    # The handler is set anew because a shell's background jobs start with SIGINT ignored.
    caller = f"""
import os, pathlib, signal, sys
from topocraft.baselines.supervision import supervise
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = pathlib.Path({str(tmp_path)!r})
command = [sys.executable, "-S", "-c", {SLEEP_WITH_CHILD!r}]
supervise(command, folder=folder, log=folder / "log", environment=os.environ, time_limit=None, memory_limit=1e12)
"""
    ours = subprocess.Popen([sys.executable, "-c", caller], stderr=subprocess.PIPE, text=True)
    pids = _pids(tmp_path)
    ours.send_signal(sent)
    _, said = ours.communicate(timeout=60)
    assert ours.returncode in (-sent, 130)
    assert sent == signal.SIGKILL or said.rstrip().endswith("KeyboardInterrupt")
    if sent == signal.SIGINT:
        assert not psutil.pid_exists(pids[0]), "interrupted, it waits for the end of the run"
    _assert_gone(pids)
