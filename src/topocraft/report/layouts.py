"""Layouts in a process of their own, so that scores are computed meanwhile: both take half of a page's time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from topocraft.hardware import granted_cores, threads_held
from topocraft.plot import layouts
from topocraft.topology.neighbors import EXACT_UP_TO

WORTHWHILE = 3_000
"""Cells for which a second process gains more than its start costs."""
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB")}
"""numba, which searches among more than 100,000 cells, takes all cores there."""


class Layouts:
    """Cells that are laid out elsewhere meanwhile: begun one after another, waited for once."""

    def __init__(self, folder: str, seed: int, child: subprocess.Popen[bytes] | None) -> None:
        self._folder, self._seed, self._child = folder, seed, child
        self._points: dict[str, np.ndarray] = {}

    def begin(self, name: str, points: np.ndarray) -> None:
        """Begin to lay out coordinates, (n_cells, d), when those begun before are done."""
        self._points[name] = points
        if self._child is not None:
            np.save(_file(self._folder, "points", name), points)
            _tell(self._child, name)

    def places(self) -> dict[str, np.ndarray]:
        """Wait for the places, (n_cells, 2) each, by name: those of ``topocraft.plot.umap_layout`` on one thread."""
        if self._child is not None:
            _tell(self._child, "")
            if self._child.wait() == 0:
                return {name: np.load(_file(self._folder, "places", name), allow_pickle=False) for name in self._points}
        with threads_held(1):
            return {name: layouts.umap_layout(points, self._seed) for name, points in self._points.items()}


def _tell(child: subprocess.Popen[bytes], word: str) -> None:
    """Tell a child, which may have died: that is seen when it is waited for."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.write(f"{word}\n".encode())


@contextmanager
def laid_out(n_cells: int, seed: int) -> Iterator[Layouts]:
    """Start what lays cells out, before their points are known: to load UMAP takes as long as to choose genes.

    It has one thread, and this process the other cores meanwhile: threads that wait for a core cost a tenth of the
    time. Where a second process is not worth its start, or ends badly, the places are computed when they are waited
    for.
    """
    cores = granted_cores()
    if cores < 2 or n_cells < WORTHWHILE:
        yield Layouts("", seed, None)
        return
    with tempfile.TemporaryDirectory() as folder, threads_held(cores - 1):
        command = [sys.executable, "-P", "-m", "topocraft.report.layouts", folder, str(n_cells), str(seed)]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(
            command, bufsize=0, stdin=pipe, stdout=nothing, stderr=nothing, env=os.environ | ONE_THREAD
        ) as child:
            try:
                yield Layouts(folder, seed, child)
            finally:
                child.kill()


def _file(folder: str, kind: str, name: str) -> Path:
    return Path(folder, f"{kind}-{name}.npy")


def main() -> None:
    """Get ready; lay out the arrays of a folder that the input names, up to an empty name, and write the places."""
    folder, n_cells, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _load_umap(n_cells)
    for name in takewhile(bool, map(str.strip, sys.stdin)):
        points = np.load(_file(folder, "points", name), allow_pickle=False)
        np.save(_file(folder, "places", name), layouts.umap_layout(points, seed))


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
