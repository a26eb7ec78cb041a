"""Our end of a supervised command: start it, wait, stop it, read what it cost."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from topocraft.errors import MethodError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class Report:
    """How a supervised command ended, and what it cost.

    ``ended_by`` is "" where it ended by itself; ``code`` is its exit code, negative for a signal; ``killed_by_kernel``
    tells that the kernel ended it for want of memory. The other fields are those of ``topocraft.baselines.Run``.
    """

    ended_by: Literal["", "time", "memory", "stop"]
    code: int
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    killed_by_kernel: bool = False


def supervise(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    environment: Mapping[str, str],
    time_limit: float | None,
    memory_limit: float,
    cancel: threading.Event | None = None,
) -> Report:
    """Run a command to its end, in a process group of its own that never outlives this call or this process.

    Parameters
    ----------
    command
        The program, by its absolute path, and its arguments.
    folder
        Where it runs.
    log
        File for what it prints.
    environment
        Its environment variables.
    time_limit, memory_limit
        Seconds and bytes at which the group is ended; ``None`` is no limit.
    cancel
        The group is ended soon after this is set, and the report says "stop".

    Raises
    ------
    MethodError
        This is Windows, which has no process groups.
    KeyboardInterrupt
        As it came; the group is gone by then.

    Examples
    --------
    >>> import os, sys, tempfile
    >>> from pathlib import Path
    >>> from topocraft.baselines.supervision import supervise
    >>> with tempfile.TemporaryDirectory() as name:
    ...     report = supervise(
    ...         [sys.executable, "-c", "raise SystemExit(3)"],
    ...         folder=Path(name),
    ...         log=Path(name, "log"),
    ...         environment=os.environ,
    ...         time_limit=60,
    ...         memory_limit=1e9,
    ...     )
    >>> report.code
    3
    """
    if sys.platform == "win32":
        raise MethodError("Compared methods run on Linux and macOS alone; this is Windows. Use WSL there.")
    job = {
        "command": list(command),
        "folder": str(folder),
        "log": str(log),
        "time_limit": time_limit,
        "memory_limit": memory_limit,
    }
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(job)],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _wait(supervisor, cancel)
    finally:
        said, _ = supervisor.communicate()  # closes its input first, which ends what still runs
    return Report(**json.loads(said)) if said else Report("", supervisor.returncode)


def _wait(supervisor: subprocess.Popen[bytes], cancel: threading.Event | None) -> None:
    assert supervisor.stdout is not None
    every = None if cancel is None else LOOK_EVERY_SECONDS
    while not select.select([supervisor.stdout], [], [], every)[0]:
        if cancel is not None and cancel.is_set():
            return
