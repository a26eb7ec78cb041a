"""Layouts in a process of their own, so that scores are computed meanwhile: both take half of a page's time."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from topocraft.hardware import granted_cores
from topocraft.plot import layouts
from topocraft.topology.neighbors import EXACT_UP_TO

WORTHWHILE = 3_000
"""Cells for which a second process gains more than its start costs."""


class Layouts:
    """Cells that are laid out elsewhere meanwhile: begun with their points, waited for once."""

    def __init__(self, folder: str, seed: int, child: subprocess.Popen[bytes] | None) -> None:
        self._folder, self._seed, self._child = folder, seed, child
        self._points: Sequence[np.ndarray] = ()

    def begin(self, points: Sequence[np.ndarray]) -> None:
        """Begin to lay out arrays of coordinates, (n_cells, d) each."""
        self._points = points
        if self._child is not None and self._child.stdin is not None:
            for place, array in enumerate(points):
                np.save(_file(self._folder, "points", place), array)
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.write(f"{len(points)}\n".encode())

    def places(self) -> list[np.ndarray]:
        """Wait for the places, (n_cells, 2) each: those of ``topocraft.plot.umap_layout``."""
        if self._child is None or self._child.wait():
            return _here(self._points, self._seed)
        return [np.load(_file(self._folder, "places", place), allow_pickle=False) for place in range(len(self._points))]


@contextmanager
def laid_out(n_cells: int, seed: int) -> Iterator[Layouts]:
    """Start what lays cells out, before their points are known: to compile UMAP takes longer than to read the cells.

    Where a second process is not worth its start, or ends badly, the places are computed when they are waited for.
    """
    if granted_cores() < 2 or n_cells < WORTHWHILE:
        yield Layouts("", seed, None)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "topocraft.report.layouts", folder, str(n_cells), str(seed)]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=nothing, stderr=nothing) as child:
            try:
                yield Layouts(folder, seed, child)
            finally:
                child.kill()


def _here(points: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    return [layouts.umap_layout(array, seed) for array in points]


def _file(folder: str, kind: str, place: int) -> Path:
    return Path(folder, f"{kind}-{place}.npy")


def main() -> None:
    """Get ready; lay out as many arrays of a folder as the input says, and write the places beside them."""
    folder, n_cells, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _load_umap(n_cells)
    count = sys.stdin.readline()
    points = [np.load(_file(folder, "points", place), allow_pickle=False) for place in range(int(count or 0))]
    for place, array in enumerate(_here(points, seed)):
        np.save(_file(folder, "places", place), array)


def _load_umap(n_cells: int) -> None:
    """Load UMAP for this process alone, without compiling a search that few cells do not need."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import numba

        compiling: Any = numba.config
        # UMAP loads pynndescent, which takes three times as long to compile as a layout to draw.
        compiling.DISABLE_JIT = n_cells <= EXACT_UP_TO
        import pynndescent  # noqa: F401

        compiling.DISABLE_JIT = False
        import umap.umap_  # noqa: F401


if __name__ == "__main__":
    main()
