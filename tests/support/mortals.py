"""Runs of the command in processes of their own, which share their libraries, and which can be made to die anywhere."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anndata

LIBRARIES = [
    "igraph",
    "torch._dynamo",
    "torch.profiler",
    "pydantic",
    "scanpy",
    "topocraft.cli",
    "topocraft.integration",
    "topocraft.report",
    "topocraft.training.alignment",
    "topocraft.training.keeping",
    "topocraft.training.loop",
    "sklearn.cluster",
    "sklearn.decomposition",
]
QUICK = {
    "n_latent": 8,
    "encoder_widths": [32, 16],
    "decoder_widths": [16, 32],
    "classifier_widths": [8],
    "epochs": 6,
    "warmup_epochs": 2,
    "cells_per_batch": 64,
    "cells_per_step": 96,
}
QUICKLY = [part for name, value in QUICK.items() for part in ("--set", f"{name}={json.dumps(value)}")]
RUN = """
import os, signal, sys
os.chdir(folder)
log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.dup2(log, 1), os.dup2(log, 2)
signal.signal(signal.SIGINT, signal.default_int_handler)
exec(hook)
from topocraft.cli import app
sys.argv = ["topocraft", *arguments]
app(arguments)
"""
DIE_AT_EVENT = """
import pathlib
events = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}
seen = 0
def watch(event, arguments):
    global seen
    if event in events and folder in os.path.abspath(str(arguments[0])):
        seen += 1
        if seen == COUNT:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
"""
ROOM = """
import resource
mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + BYTES, mapped + BYTES))
"""
AT_PHASE = """
from topocraft.display import LogProgress
begin = LogProgress.phase
def phase(self, name, total=None):
    begin(self, name, total)
    if name == PHASE:
        act()
LogProgress.phase = phase
"""

Process = multiprocessing.context.ForkServerProcess


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (−9 where it was killed), what it said, and how long it took."""

    code: int
    said: str
    seconds: float


def launch(folder: Path, command: Sequence[str], hook: str = "", log: str = "log") -> Process:
    """Start ``topocraft`` in ``folder``; ``hook`` is run in the process first."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    names = {"folder": str(folder), "arguments": list(command), "hook": hook, "log": log}
    process = context.Process(target=exec, args=(RUN, names))
    process.start()
    return process


def start(folder: Path, arguments: Sequence[str], hook: str = "", log: str = "log") -> Process:
    """Start ``topocraft integrate cells.h5ad`` in ``folder``."""
    return launch(folder, ["integrate", "cells.h5ad", "-b", "batch", "--threads", "1", *QUICKLY, *arguments], hook, log)


def finish(process: Process, folder: Path, log: str = "log") -> Ended:
    """Wait for a run."""
    began = time.monotonic()
    process.join(300)
    assert process.exitcode is not None, "it hangs"
    said = (folder / log).read_text() if (folder / log).exists() else ""
    return Ended(process.exitcode, " ".join(said.split()), time.monotonic() - began)


def run(folder: Path, *arguments: str, hook: str = "") -> Ended:
    """Run to the end."""
    return finish(start(folder, arguments, hook), folder)


def with_room(megabytes: int) -> str:
    """Return a hook: the process may map only so much more memory than it has mapped, as under ``ulimit -v``."""
    return ROOM.replace("BYTES", str(megabytes * 10**6))


def die_at_event(count: int) -> str:
    """Return a hook: the process is killed as it renames, links or removes for the ``count``-th time."""
    return DIE_AT_EVENT.replace("COUNT", str(count))


def at_phase(name: str, action: str) -> str:
    """Return a hook that does something as a phase begins."""
    return f"def act():\n    {action}\n" + AT_PHASE.replace("PHASE", repr(name))


def command(folder: Path, *arguments: str, hook: str = "") -> Ended:
    """Run any command of topocraft to the end."""
    return finish(launch(folder, arguments, hook), folder)


def kill_after(folder: Path, seconds: float, *arguments: str) -> Ended:
    """Start an integration, and kill it after so many seconds, if it still lives then."""
    return killed(start(folder, arguments), folder, seconds)


def killed(process: Process, folder: Path, seconds: float) -> Ended:
    """Kill a run after so many seconds, if it still lives then."""
    process.join(seconds)
    process.kill()
    return finish(process, folder)


def embedding(path: Path) -> bytes:
    """Return the bytes of the result."""
    adata = anndata.read_zarr(path) if path.suffix == ".zarr" else anndata.read_h5ad(path)
    return bytes(adata.obsm["X_topocraft"].tobytes())
