"""Layouts in a process of their own, so that scores are computed meanwhile: both take half of a page's time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from topocraft.hardware import granted_cores
from topocraft.plot import layouts

WORTHWHILE = 3_000
"""Cells for which a second process gains more than its start costs."""


@contextmanager
def laid_out(points: Sequence[np.ndarray], seed: int) -> Iterator[Callable[[], list[np.ndarray]]]:
    """Begin to lay cells out by UMAP; yield what waits for the places and returns them, (n_cells, 2) each.

    The places are those of ``topocraft.plot.umap_layout``. Where a second process is not worth its start, or ends
    badly, they are computed when they are waited for.
    """
    if granted_cores() < 2 or len(points[0]) < WORTHWHILE:
        yield lambda: _here(points, seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        for place, array in enumerate(points):
            np.save(_file(folder, "points", place), array)
        command = [sys.executable, "-P", "-m", "topocraft.report.layouts", folder, str(len(points)), str(seed)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                yield lambda: _fetched(child, folder, points, seed)
            finally:
                child.kill()


def _fetched(child: subprocess.Popen[bytes], folder: str, points: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    if child.wait():
        return _here(points, seed)
    return [np.load(_file(folder, "places", place), allow_pickle=False) for place in range(len(points))]


def _here(points: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    return [layouts.umap_layout(array, seed) for array in points]


def _file(folder: str, kind: str, place: int) -> Path:
    return Path(folder, f"{kind}-{place}.npy")


def main() -> None:
    """Lay out every array of a folder, and write the places beside them."""
    folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    points = [np.load(_file(folder, "points", place), allow_pickle=False) for place in range(count)]
    for place, array in enumerate(_here(points, seed)):
        np.save(_file(folder, "places", place), array)


if __name__ == "__main__":
    main()
