"""Jobs of several processes, on this machine."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mortals
import numpy as np

from topocraft.hardware import processor
from topocraft.training.job import Job, joined
from topocraft.training.place import Place

Work = Callable[[Job], dict[str, Any]]


def environments(size: int) -> list[dict[str, str]]:
    """Return what torchrun would tell each of ``size`` processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), **shared} for rank in range(size)]


def work_together(work: Work, size: int, folder: Path) -> list[dict[str, np.ndarray]]:
    """Do some work, a function of a module, in every process; return what each came to."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(mortals.LIBRARIES)
    paths = [folder / f"{rank}.npz" for rank in range(size)]
    each = zip(environments(size), paths, strict=True)
    processes = [context.Process(target=_work, args=(work, told, path)) for told, path in each]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    return [dict(np.load(path, allow_pickle=False)) for path in paths]


def _work(work: Work, told: dict[str, str], path: Path) -> None:
    os.environ.update(told)
    place = Place.told(told)
    assert place is not None
    with processor(1), joined(place) as job:
        np.savez(path, **{name: np.asarray(value) for name, value in work(job).items()})


def start(folder: Path, *arguments: str, hooks: tuple[str, str] = ("", "")) -> list[mortals.Process]:
    """Start ``topocraft integrate`` as two processes; each has a hook, and writes a log of its own."""
    each = zip(environments(2), hooks, strict=True)
    return [
        mortals.start(folder, arguments, f"os.environ.update({told})\n{hook}", f"log{rank}")
        for rank, (told, hook) in enumerate(each)
    ]


def run(folder: Path, *arguments: str, hooks: tuple[str, str] = ("", "")) -> list[mortals.Ended]:
    """Run the two to their ends."""
    processes = start(folder, *arguments, hooks=hooks)
    return [mortals.finish(process, folder, f"log{rank}") for rank, process in enumerate(processes)]
