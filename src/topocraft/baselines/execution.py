"""One run of a method, in a process of its own that can be stopped, limited and measured."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from topocraft.baselines.environments import Place, find_place
from topocraft.baselines.limits import require_limits, require_seed
from topocraft.baselines.method import Method, Run, Status
from topocraft.baselines.preparation import Preparation, open_preparation
from topocraft.baselines.supervision import Report, supervise
from topocraft.display import byte_size, duration
from topocraft.errors import ConfigError
from topocraft.hardware import granted_cores, granted_memory, waiting

WORKER = Path(__file__).with_name("worker.py")
PROGRAMS = Path(__file__).with_name("programs")
SHARE_OF_MEMORY = 0.9
LOGGED_LINES, LOGGED_BYTES = 20, 10_000
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def execute(
    method: Method,
    prepared: Path,
    seed: int,
    *,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    threads: int | None = None,
    settings: Mapping[str, Any] | None = None,
    cancel: threading.Event | None = None,
) -> Run:
    """Run a method on prepared cells, in a process group of its own; whatever happens there becomes a ``Run``.

    Parameters
    ----------
    method
        Which method: a row of ``METHODS``.
    prepared
        Folder written by ``topocraft.baselines.preparation.write_preparation``; it is only read.
    seed
        Of the method's random numbers, 0 … 2³² − 1.
    time_limit
        Seconds of wall time after which the run is ended; no limit where left out.
    memory_limit
        Bytes of resident memory, over all its processes, above which the run is ended; nine tenths of what the
        machine or its container has where left out. Looked at ten times a second.
    threads
        Processor threads; the cores granted to this process where left out.
    settings
        Fields of the method's configuration; only topocraft reads any.
    cancel
        The run is ended, and ``KeyboardInterrupt`` raised, soon after this is set.

    Returns
    -------
    Run
        Never an error of the method: "failed", "timed out", "out of memory", "not installed" and "not applicable"
        are ways to end, each with its reason.

    Raises
    ------
    ConfigError
        A limit, the seed, the threads or the settings are outside their range.
    FileError
        ``prepared`` is no preparation.
    KeyboardInterrupt
        Ctrl-C or SIGTERM came, or ``cancel`` was set; the processes of the run are gone by then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from topocraft.baselines import METHODS
    >>> from topocraft.baselines.execution import execute
    >>> from topocraft.baselines.preparation import write_preparation
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = from_anndata(demo_cells(n_cells=100, n_genes=60), "batch")
    >>> with tempfile.TemporaryDirectory() as name:
    ...     prepared = write_preparation(cells, Path(name, "cells"))
    ...     execute(METHODS["unintegrated"], prepared.folder, seed=0).status
    'ok'
    """
    require_seed(seed)
    require_limits(time_limit, memory_limit, threads)
    _require_own(settings or {})
    cells = open_preparation(prepared)
    unfit = _unfit(method, cells)
    if unfit:
        return Run(method.name, seed, "not applicable", unfit)
    place = find_place(method)
    if place.python is None:
        return Run(method.name, seed, "not installed", place.lacks)
    with tempfile.TemporaryDirectory(prefix="topocraft-run-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        count = threads or granted_cores()
        report = supervise(
            _command(method, place.python, cells, folder, seed, count, settings or {}),
            folder=folder,
            log=folder / "log",
            environment=_environment(place, count) | {"TMPDIR": name},
            time_limit=time_limit,
            memory_limit=memory_limit or SHARE_OF_MEMORY * granted_memory(),
            cancel=cancel,
        )
        if report.ended_by == "stop":
            raise KeyboardInterrupt
        return _judged(method, cells, seed, report, folder)


def program_path(method: Method) -> Path:
    """Return the file of the method's program: one of ours by name, or any other by its absolute path."""
    named = Path(method.program)
    return named if named.is_absolute() else PROGRAMS / f"{method.program}.py"


def _require_own(settings: Mapping[str, Any]) -> None:
    for name in ("seed", "threads"):
        if name in settings:
            raise ConfigError(f"settings must not hold '{name}', which is an argument of its own; leave it out there.")


def _unfit(method: Method, cells: Preparation) -> str:
    if method.takes == "counts" and cells.kind == "log1p":
        return f"{method.title} needs raw counts; these cells have log-normalised values only."
    if method.labelled and not cells.labelled:
        return f"{method.title} learns from cell types; none are given."
    return ""


def _command(
    method: Method,
    python: Path,
    cells: Preparation,
    folder: Path,
    seed: int,
    threads: int,
    settings: Mapping[str, Any],
) -> list[str]:
    paths = (program_path(method), cells.file(method.reads), folder / "result.npz", folder / "outcome.json")
    options = ["--seed", str(seed), "--threads", str(threads), "--settings", json.dumps(dict(settings))]
    options += ["--labelled"] if method.labelled else []
    options += [f"--module={module}" for module in method.modules]
    options += ["--library", method.library] if method.library else []
    # -P: the folder of the worker must not hide libraries that are named like a program.
    return [str(python), "-P", str(WORKER), *map(str, paths), *options]


def _environment(place: Place, threads: int) -> dict[str, str]:
    """Return ours, with as many threads for every library, and nothing of ours in the way of another Python."""
    found = dict(os.environ)
    searched = found.pop("PYTHONPATH", "")
    if place.where == "here" and searched:
        found["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in searched.split(os.pathsep))
    if place.where == "own":
        found.pop("PYTHONHOME", None)
        found["PYTHONNOUSERSITE"] = "1"
    return waiting(found) | found | dict.fromkeys(THREADS, str(threads)) | {"PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}


def _judged(method: Method, cells: Preparation, seed: int, report: Report, folder: Path) -> Run:
    from topocraft.baselines.results import UnusableResult, read_outcome, read_output

    log = _last_lines(folder / "log")
    outcome = read_outcome(folder / "outcome.json")
    status, reason = _ending(report, outcome, log)
    output = None
    if status == "ok":
        try:
            output = read_output(folder / "result.npz", method.gives, cells.n_cells)
        except UnusableResult as error:
            status, reason = "failed", f"{method.title} ran, but {error}."
    return Run(
        method=method.name,
        seed=seed,
        status=status,
        reason=reason,
        seconds=float((outcome or {}).get("seconds", "nan")),
        wall_seconds=report.wall_seconds,
        cpu_seconds=report.cpu_seconds,
        peak_bytes=report.peak_bytes,
        version=(outcome or {}).get("version", ""),
        log="\n".join(log),
        output=output,
    )


def _last_lines(log: Path) -> list[str]:
    if not log.exists():  # the supervisor itself did not come to anything
        return []
    with log.open("rb") as opened:
        opened.seek(max(0, log.stat().st_size - LOGGED_BYTES))
        lines = opened.read().decode("utf-8", errors="replace").splitlines()
    return [line.rstrip() for line in lines if line.strip()][-LOGGED_LINES:]


def _ending(report: Report, outcome: dict[str, Any] | None, log: list[str]) -> tuple[Status, str]:
    if report.ended_by == "time":
        return "timed out", f"Stopped after {duration(report.wall_seconds)}, the limit of time (--time-limit)."
    if report.ended_by == "memory":
        return (
            "out of memory",
            f"Stopped at {byte_size(report.peak_bytes)}, above the limit of memory (--memory-limit).",
        )
    if report.killed_by_kernel:
        return "out of memory", f"Ended by the system for want of memory; {byte_size(report.peak_bytes)} were seen."
    if outcome is not None and "error" in outcome:
        return ("out of memory" if outcome["memory"] else "failed"), outcome["error"]
    if report.code < 0:
        return "failed", f"Ended by signal {-report.code} ({signal.strsignal(-report.code)})."
    if report.code or outcome is None:
        last = log[-1].strip() if log else "none"
        return "failed", f"Ended with exit code {report.code} before its result; its last words: {last}"
    return "ok", ""
