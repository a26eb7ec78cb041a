"""Run one command in a process group of its own, watch it, end it when it must, and report what it cost.

Started as a script by ``topocraft.baselines.supervision``; needs the standard library alone. It is a small process so
that what the operating system says of its child is true of the child: a child started from a large process inherits
the peak memory of its parent. It ends the group when its standard input is closed, whether on purpose or because the
process at the other end is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LOOK_EVERY_SECONDS = 0.1
FIRST_FOR_THE_KERNEL = "1000"
NOT_STARTED = 127
SIGNALS_READ = 4096
PROC = Path("/proc")


def main() -> None:
    """Do the job in the first argument (JSON) and write the report (JSON) to standard output."""
    job = json.loads(sys.argv[1])
    child_ended, on_signal = os.pipe()
    os.set_blocking(on_signal, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(on_signal, warn_on_full_buffer=False)
    try:
        report = _supervise(job, child_ended)
    except OSError as error:
        Path(job["log"]).write_text(f"{job['command'][0]} cannot be started: {error.strerror}\n")
        report = {"ended_by": "", "code": NOT_STARTED}
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(report))
        sys.stdout.flush()


def _supervise(job: dict[str, Any], child_ended: int) -> dict[str, Any]:
    kills_before, started = oom_kills(), time.monotonic()
    with Path(job["log"]).open("wb") as log:
        child = subprocess.Popen(
            job["command"], cwd=job["folder"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
    with contextlib.suppress(OSError):
        Path(PROC, str(child.pid), "oom_score_adj").write_text(FIRST_FOR_THE_KERNEL)
    ended_by, seen, ended = _watch(child.pid, child_ended, started, job["time_limit"], job["memory_limit"])
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, usage = ended or os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {
        "ended_by": ended_by,
        "code": code,
        "wall_seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), seen),
        "killed_by_kernel": code == -signal.SIGKILL and not ended_by and oom_kills() > kills_before,
    }


def _watch(
    group: int, child_ended: int, started: float, time_limit: float | None, memory_limit: float
) -> tuple[str, int, Any]:
    """Wait until the child ends or must be ended.

    Returns why it must be ended, "" where it did so by itself; the most memory seen; and what ``wait4`` said of it.
    """
    most = 0
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), child_ended], [], [], LOOK_EVERY_SECONDS)
        if child_ended in ready:
            os.read(child_ended, SIGNALS_READ)
            ended = os.wait4(group, os.WNOHANG)
            if ended[0]:
                return "", most, ended
        if sys.stdin.fileno() in ready:
            return "stop", most, None
        if time_limit is not None and time.monotonic() - started > time_limit:
            return "time", most, None
        most = max(most, group_bytes(group))
        if most > memory_limit:
            return "memory", most, None


def group_bytes(group: int) -> int:
    """Return the resident memory of a process group, in bytes; shared pages count in each of its processes."""
    if not PROC.is_dir():
        return _group_bytes_by_ps(group)
    pages = 0
    for name in os.listdir(PROC):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.getpgid(int(name)) == group:
                pages += int(Path(PROC, name, "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _group_bytes_by_ps(group: int) -> int:
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=False).stdout
    rows = (line.split() for line in listed.splitlines())
    return 1024 * sum(int(size) for pgid, size in rows if int(pgid) == group)


def oom_kills() -> int:
    """Return how often the kernel has ended a process for want of memory; 0 where it does not say."""
    with contextlib.suppress(OSError):
        for line in Path(PROC, "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
