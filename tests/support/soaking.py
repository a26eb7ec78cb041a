"""Faults at random for as long as is asked, and their figures: one JSON each in ``runs/soak``.

Run as a script, it prints the figures that are there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

MINUTES = float(os.environ.get("TOPOCRAFT_SOAK_MINUTES", "10"))
SEED = int(os.environ.get("TOPOCRAFT_SOAK_SEED", "0"))
FOLDER = Path(__file__).parents[2] / "runs" / "soak"
BROKEN_OFF, WELL = "broken off", "well"


class Soak:
    """Rounds of one kind of faults until the minutes are over.

    ``draws`` gives random numbers, ``tried`` counts what was tried. The figures are written after every round, so that
    those of a soak that finds a fault tell how far it came.
    """

    def __init__(self, name: str) -> None:
        self.draws = np.random.default_rng(SEED)
        self.tried: Counter[str] = Counter()
        self._path, self._began = FOLDER / f"{name}.json", time.monotonic()

    def rounds(self) -> Iterator[int]:
        """Yield the numbers of rounds, at least one."""
        number = 0
        self._write(number, BROKEN_OFF)
        while number == 0 or time.monotonic() < self._began + 60 * MINUTES:
            yield number
            number += 1
            self._write(number, BROKEN_OFF)
        self._write(number, WELL)

    def _write(self, rounds: int, ended: str) -> None:
        minutes = round((time.monotonic() - self._began) / 60, 2)
        figures = {"ended": ended, "seed": SEED, "minutes": minutes, "rounds": rounds, "tried": dict(self.tried)}
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(figures, indent=1) + "\n")


def summary() -> str:
    """Return a line per soak: how it ended, for how long it ran, and what it tried."""
    lines = []
    for path in sorted(FOLDER.glob("*.json")):
        figures = json.loads(path.read_text())
        tried = ", ".join(f"{count:,} {what}" for what, count in sorted(figures["tried"].items())) or "nothing"
        lines.append(f"{path.stem}: {figures['ended']}, {figures['minutes']:g} min, tried: {tried}")
    return "\n".join(lines) or f"No figures in {FOLDER}: make soak."


if __name__ == "__main__":
    sys.stdout.write(summary() + "\n")
