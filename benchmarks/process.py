"""Whole processes, measured by the operating system: wall and processor seconds, peak memory."""

from __future__ import annotations

import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("TOPOCRAFT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of wall and processor time, peak resident bytes."""

    wall: float
    processor: float
    peak: int


def run(arguments: list[str], processes: int = 1) -> Cost:
    """Run ``topocraft`` with arguments to its end and return what it took; of several processes the largest peak."""
    return wait_for(start(arguments, processes))


def start(arguments: list[str], processes: int = 1) -> tuple[subprocess.Popen[bytes], float]:
    """Start ``topocraft`` with arguments, quietly; several processes by torchrun."""
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, "-m", "topocraft", *arguments, "--quiet"]
    return subprocess.Popen(command), time.perf_counter()


def apart(call: Callable[..., Result], *arguments: object) -> Result:
    """Call a function of a module in a process of its own: the peak of a child begins with what its parent holds."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


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
