"""Whole processes, measured by the operating system: wall and processor seconds, peak memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("TOPOCRAFT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of wall and processor time, peak resident bytes."""

    wall: float
    processor: float
    peak: int


def run(arguments: list[str]) -> Cost:
    """Run ``topocraft`` with arguments to its end and return what it took."""
    return wait_for(start(arguments))


def start(arguments: list[str]) -> tuple[subprocess.Popen[bytes], float]:
    """Start ``topocraft`` with arguments, quietly."""
    return subprocess.Popen([sys.executable, "-m", "topocraft", *arguments, "--quiet"]), time.perf_counter()


def wait_for(started: tuple[subprocess.Popen[bytes], float]) -> Cost:
    """Wait for a started process; raise if it failed."""
    process, since = started
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with {process.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - since, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def machine() -> str:
    """Describe the machine in one line."""
    model = platform.processor() or "unknown processor"
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line.split(":")[1].strip() for line in information.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return (
        f"{platform.system()} {platform.machine()}, {model}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
