"""The folder of a benchmark: what lies where, who may write, and what the grid is that its table shows."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from topocraft.benchmark.records import NO_DATA, NOT_RUN, Kind, Record
from topocraft.data.atomic import atomic_text, explained
from topocraft.data.locks import claimed
from topocraft.data.typed_json import built, parsed, parsed_object
from topocraft.errors import CONTROL, FileError, shown_name

PLAN, PICTURES, LOCK = "grid.json", "pictures.json", ".lock"
PARTS = ("datasets", "outputs", "rows", "layouts")
LONGEST_NAME = 240
"""Bytes; file systems take 255, with ending, number of the process and all."""
HALF_WRITTEN = re.compile(r"\.\d+\.(partial|old)$")
"""Endings that ``topocraft.data.atomic`` gives: the number of the process, and what became of it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One place of the grid: which file its row is in (``stem``), or why it can have none (``reason``).

    ``output`` is the file of what the method gave, empty for a control that is scored without a run; ``prepared`` the
    folder of what it was given.
    """

    dataset: str
    method: str
    seed: int
    kind: Kind = "method"
    program: str = ""
    stem: str = ""
    output: str = ""
    prepared: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The grid that a folder's tables show: its entries in order, and what belongs beside them.

    ``title`` and ``note`` head the page, ``facts`` are limits by name, ``umaps`` the datasets of which
    UMAP panels are drawn.
    """

    entries: tuple[Entry, ...]
    title: str = "Benchmark"
    note: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    umaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folder:
    """Paths inside the folder of a benchmark.

    ``datasets`` holds what methods are given, ``outputs`` what they gave, ``rows`` what became of every run,
    ``layouts`` the coordinates of UMAP panels; tables and pictures lie beside them.
    """

    path: Path

    def dataset(self, stem: str) -> Path:
        """Return the folder of a prepared dataset."""
        return self.path / "datasets" / stem

    def dataset_facts(self, stem: str) -> Path:
        """Return the file with what is known of a prepared dataset, which outlives its folder."""
        return self.path / "datasets" / f"{stem}.json"

    def output(self, stem: str) -> Path:
        """Return the file of what a method gave."""
        return self.path / "outputs" / f"{stem}.npz"

    def row(self, stem: str) -> Path:
        """Return the file of a run's record."""
        return self.path / "rows" / f"{stem}.json"

    def layout(self, stem: str) -> Path:
        """Return the file of a UMAP's coordinates."""
        return self.path / "layouts" / f"{stem}.npy"

    def absent(self) -> list[Path]:
        """Return what ``create`` and ``locked`` will make, parents first."""
        inside = (*(self.path / part for part in PARTS), self.path / LOCK)
        return [path for path in (*reversed(self.path.parents), self.path, *inside) if not path.exists()]

    def create(self) -> None:
        """Make the folder and its parts, unless they are there."""
        with explained(self.path):
            for part in PARTS:
                (self.path / part).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone; the system lets go of it when the process ends, in whatever way.

        Raises
        ------
        FileError
            Another process holds it.
        """
        lock = self._take_lock()
        try:
            self._sweep()
            yield
        finally:
            lock.close()

    def _take_lock(self) -> TextIO:
        with explained(self.path / LOCK):
            lock = (self.path / LOCK).open("a+")
            holder = claimed(lock)
            if holder is not None:
                lock.close()
                raise FileError(
                    f"Only one benchmark may write into a folder; process {holder} writes into '{self.path}'. "
                    "Wait for it to end, or name another folder."
                )
        return lock

    def _sweep(self) -> None:
        """Remove what a killed process left half-written: while the folder is held, nobody is writing it."""
        for folder in (self.path, *(self.path / part for part in PARTS)):
            for left in folder.glob(".*"):
                if not HALF_WRITTEN.search(left.name):
                    continue
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)

    def write_plan(self, plan: Plan) -> None:
        """Write the grid that the tables show from now on."""
        atomic_text(self.path / PLAN, json.dumps(dataclasses.asdict(plan), indent=1, ensure_ascii=False))

    def read_plan(self) -> Plan:
        """Return the grid that was run here last.

        Raises
        ------
        FileError
            There is none.
        """
        try:
            held = parsed_object((self.path / PLAN).read_text(encoding="utf-8"))
            entries = [built(Entry, entry) for entry in held.pop("entries")]
            for entry in entries:
                _require_inside(entry.stem, entry.output, entry.prepared)
            return built(Plan, held | {"entries": entries})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(
                f"A folder of a benchmark holds {PLAN}; '{self.path}' has none that can be read. Name the folder "
                "that the benchmark wrote into, or run it."
            ) from error

    def pictures(self) -> list[str]:
        """Return the names of the pictures that the grid has."""
        listed = self.path / PICTURES
        try:
            names = [str(name) for name in parsed(listed.read_text(encoding="utf-8"))]
            _require_inside(*names)
            return names
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            raise FileError(f"'{listed}' must list pictures; it is damaged: {error}. Remove it.") from error

    def replace_pictures(self, names: Sequence[str]) -> None:
        """Remove the pictures that a grid before this one has left and that are not among ``names``, the new ones."""
        for name in set(self.pictures()) - set(names):
            if (self.path / name).is_file():
                (self.path / name).unlink()
        atomic_text(self.path / PICTURES, json.dumps(list(names)))

    def records(self, entries: Sequence[Entry]) -> tuple[Record, ...]:
        """Return the record of every entry; one without a row has "no data", or is "not run yet"."""
        return tuple(self.record(entry) for entry in entries)

    def record(self, entry: Entry) -> Record:
        """Return the record of one entry."""
        found = self.finished(entry) if entry.stem else None
        if found is not None:
            return found
        return Record(
            dataset=entry.dataset,
            method=entry.method,
            seed=entry.seed,
            kind=entry.kind,
            program=entry.program,
            status=NOT_RUN if entry.stem else NO_DATA,
            reason="Not run yet." if entry.stem else entry.reason,
        )

    def finished(self, entry: Entry) -> Record | None:
        """Return the record that a run of this entry has left, if it has."""
        try:
            return Record.from_json(self.row(entry.stem).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FileError(f"'{self.row(entry.stem)}' must be a row; it is damaged: {error}. Remove it.") from error


def _require_inside(*names: str) -> None:
    """Refuse a name that leads out of the folder that it stands in, or that no file can have."""
    for name in names:
        if name and (name in (".", "..") or set(name) & set("/\\\0")):
            raise ValueError(f"'{shown_name(name)}' leads out of the folder")
        if CONTROL.search(name) or len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"'{shown_name(name)}' is no name of a file")


def stem_of(*parts: object) -> str:
    """Return a file name, without ending, that says what is in the file.

    Examples
    --------
    >>> from topocraft.benchmark.folder import stem_of
    >>> stem_of("my cells", "λ_T = 0", 1)
    'my_cells.λ_T_0.1'
    """
    return ".".join(re.sub(r"[^\w-]+", "_", str(part)).strip("_") or "_" for part in parts)


def take_back(paths: list[Path]) -> None:
    """Take back what was made for nothing, parents first: the lock, and folders into which nothing has come."""
    for path in reversed(paths):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
