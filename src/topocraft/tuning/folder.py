"""The folder of a search: what it is of, its trials, and what came out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topocraft.data.atomic import atomic_text, explained
from topocraft.data.csv_text import csv_text
from topocraft.data.leftovers import HALF_WRITTEN, sweep_folder
from topocraft.data.locks import try_lock
from topocraft.data.places import followed, require_kind
from topocraft.errors import FileError, list_names
from topocraft.plot import save_figure
from topocraft.training.identity import differences
from topocraft.tuning.picture import tuning_figure
from topocraft.tuning.records import Tuning

ABOUT, TRIALS, LOCK = "tuning.json", "trials.log", ".lock"
TABLE, PICTURE, CONFIG = "trials.csv", "pareto.png", "config.json"


@dataclass(frozen=True)
class Folder:
    """Paths inside the folder of a search."""

    path: Path

    @property
    def trials(self) -> Path:
        """Optuna's journal."""
        return self.path / TRIALS

    def require_usable(self) -> None:
        """Refuse a folder that holds something else, and one that has nowhere to stand."""
        with explained(self.path):
            require_kind(self.path, is_folder=True)
            held = {item.name for item in self.path.iterdir()} if self.path.is_dir() else set()
        held = {name for name in held if not HALF_WRITTEN.fullmatch(name)}
        if held - {LOCK} and ABOUT not in held:
            raise FileError(
                f"A search is begun in a new or empty folder, and goes on in one that holds {ABOUT}; '{self.path}' "
                f"holds {list_names(sorted(held - {LOCK}), 4)}. Name another folder."
            )
        if not followed(self.path).parent.is_dir():
            raise FileError(f"Output '{self.path}' needs a folder to stand in; there is none. Create it first.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder where it is not there, and hold it alone; one that stays empty is taken back.

        Raises
        ------
        FileError
            It holds something else, or another process holds it.
        """
        self.require_usable()
        made = not self.path.exists()
        with explained(self.path):
            self.path.mkdir(exist_ok=True)
            lock = (self.path / LOCK).open("a+")
        with lock:
            if not try_lock(lock):
                lock.seek(0)
                raise FileError(
                    f"Only one search may write into a folder; process {lock.read().strip() or 'unknown'} writes into "
                    f"'{self.path}'. Wait for it to end, or name another folder."
                )
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._sweep()
            try:
                yield
            finally:
                with suppress(OSError):  # the folder may be gone, which must not hide why the search ended
                    if made and [item.name for item in self.path.iterdir()] == [LOCK]:
                        shutil.rmtree(self.path)

    def _sweep(self) -> None:
        """Remove what a killed process has left: while the folder is held, Optuna's own lock holds nothing."""
        sweep_folder(self.path)
        for left in self.path.glob(f"{TRIALS}.lock*"):
            left.unlink(missing_ok=True)

    def claim(self, identity: Mapping[str, Any]) -> None:
        """Note what the search is of; where a search was begun before, it must be of the same.

        Raises
        ------
        FileError
            It is of something else, or what is noted cannot be read.
        """
        about = self.path / ABOUT
        wanted = json.loads(json.dumps(identity))
        if not about.exists():
            atomic_text(about, json.dumps(wanted, indent=1))
            return
        try:
            noted = json.loads(about.read_text(encoding="utf-8"))
            others = list(differences(_flat(noted), _flat(wanted)))
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise FileError(
                f"'{about}' says what a search is of; it is damaged: {error}. Name another folder."
            ) from error
        if others:
            raise FileError(
                f"A search goes on with what it was begun with; in '{self.path}' another was begun: "
                f"{'; '.join(others)}. Give what it was begun with, or name another folder for a new search."
            )

    def write(self, found: Tuning) -> Iterator[Path]:
        """Write the table, the picture and the configuration, each whole; yield what was written."""
        atomic_text(self.path / TABLE, csv_text(found.trials))
        yield self.path / TABLE
        save_figure(tuning_figure(found), self.path / PICTURE, force=True)
        yield self.path / PICTURE
        atomic_text(self.path / CONFIG, found.config.to_json())
        yield self.path / CONFIG


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return an identity with the sections of its configuration at the top, by the names that options have."""
    rest = {name: value for name, value in identity.items() if name not in ("config", "topocraft")}
    return {**identity["config"], **rest, "version": identity["topocraft"]}
