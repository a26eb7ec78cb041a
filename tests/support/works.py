"""Commands that keep what they have done: how to run them on small cells, and how to look at what came of them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mortals
import pandas as pd
from hosts import Host

GET = """
os.environ.update(TOPOCRAFT_CACHE="cache", NO_PROXY="127.0.0.1")
from topocraft.data.datasets import access, transfer
from topocraft.data.datasets.entries import Dataset, RemoteFile
transfer.BLOCK = 2000
access.PUBLISHED = {"mine": Dataset("mine", "Mine", files=(RemoteFile("source.h5ad", ("ADDRESS",), CHECKSUM),))}
"""
TUNED = {**mortals.QUICK, "epochs": 3, "warmup_epochs": 1}


@dataclass(frozen=True)
class Work:
    """A command that goes on where it was killed.

    ``result`` gives what must be the same however often it was killed, ``kept`` what is finished so far, by name, which
    must never change; ``events`` is how many operations on files an undisturbed run has.
    """

    command: tuple[str, ...]
    result: Callable[[Path], bytes]
    kept: Callable[[Path], Mapping[str, bytes]]
    events: int
    hook: str = ""

    def start(self, place: Path, more: str = "") -> mortals.Process:
        """Start it in a folder that holds ``cells.h5ad``."""
        return mortals.launch(place, self.command, self.hook + more)

    def run(self, place: Path, more: str = "") -> mortals.Ended:
        """Run it to the end."""
        return mortals.finish(self.start(place, more), place)

    def undisturbed(self, place: Path, cells: Path) -> Undisturbed:
        """Run it in a folder, and leave it alone."""
        shutil.copy(cells, place)
        ended = self.run(place)
        assert ended.code == 0, ended.said
        return Undisturbed(self, self.result(place), files_in(place), ended.seconds)


@dataclass(frozen=True)
class Undisturbed:
    """What came of a run that was left alone: its result, the names of its files, and the seconds it took."""

    work: Work
    result: bytes
    files: list[str]
    seconds: float

    def ends_alike(self, place: Path) -> bool:
        """Run it to the end where it was killed; nothing of what was kept may change, and nothing else be left."""
        kept = self.work.kept(place)
        ended = self.work.run(place)
        assert ended.code == 0, ended.said
        after = self.work.kept(place)
        assert {name: after.get(name) for name in kept} == kept
        assert files_in(place) == self.files, (files_in(place), self.files)
        return self.work.result(place) == self.result


def files_in(place: Path) -> list[str]:
    """Return the names of all files in a folder and below, less the digests in them."""
    paths = (path.relative_to(place) for path in place.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(re.sub(r"\.[0-9a-f]{12}\b", "", str(path)) for path in paths)


def benchmark() -> Work:
    """One method with two seeds, each in a process of its own."""
    options = ("-b", "batch", "--label-key", "celltype", "-m", "unintegrated", "--seeds", "2", "--threads", "1")
    return Work(
        ("benchmark", "cells.h5ad", *options, "--no-umaps", "--no-controls", "-o", "runs"),
        result=lambda place: (place / "runs" / "table.csv").read_bytes(),
        kept=lambda place: {row.name: row.read_bytes() for row in (place / "runs" / "rows").glob("*.json")},
        events=29,
    )


def tune() -> Work:
    """Four settings, some of them trained to the end."""
    sets = [part for name, value in TUNED.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    return Work(
        ("tune", "cells.h5ad", "-b", "batch", "--settings", "4", "--threads", "1", *sets, "-o", "runs"),
        result=lambda place: _trials(place / "runs") + (place / "runs" / "config.json").read_bytes(),
        kept=lambda place: _journal(place / "runs" / "trials.log"),
        events=21,
    )


def get(host: Host, cells: Path) -> Work:
    """A download that the host gives out slowly."""
    body = cells.read_bytes()
    host.put("/source.h5ad", body=body, pause=0.005)
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Work(
        ("datasets", "get", "mine"),
        result=lambda place: (place / "cache" / "datasets" / "mine" / "mine.h5ad").read_bytes(),
        kept=lambda place: {path.name: path.read_bytes() for path in (place / "cache").rglob("source.h5ad")},
        events=12,
        hook=GET.replace("ADDRESS", host.address("/source.h5ad")).replace("CHECKSUM", repr(checksum)),
    )


def _trials(folder: Path) -> bytes:
    table = pd.read_csv(folder / "trials.csv")
    return bytes(table.drop(columns="seconds").to_csv(index=False).encode())


def _journal(path: Path) -> dict[str, bytes]:
    """Return the whole lines of a journal; a last one without its end is no trial yet."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {str(number): line for number, line in enumerate(lines)}
