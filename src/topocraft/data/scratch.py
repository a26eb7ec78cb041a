"""Rows of a sparse matrix in files without a name: written once, read in any order, gone with the process."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from topocraft.data.atomic import NO_ROOM
from topocraft.errors import FileError


class ScratchRows:
    """Rows on disk, read where they are asked for.

    They are read, not mapped: mapped pages would count as memory of the process. The files have no name, so that the
    system removes them however the process ends, and are closed with this object.

    Parameters
    ----------
    shape
        Rows and columns.
    folder
        Where the files lie; ``None`` takes the system's folder for temporary files.
    """

    def __init__(self, shape: tuple[int, int], folder: Path | None = None) -> None:
        self.shape = shape
        self._ends = np.zeros(shape[0] + 1, dtype=np.int64)
        self._place = np.empty(shape[0], dtype=np.int64)
        self._written = 0
        self._columns = _Column(np.min_scalar_type(shape[1]), folder)
        self._values = _Column(np.dtype(np.float32), folder)

    @property
    def nnz(self) -> int:
        """Number of non-zeros."""
        return int(self._ends[self._written])

    def append(self, places: np.ndarray, block: sparse.csr_matrix) -> None:
        """Write some rows, and remember the places at which they are to stand."""
        first, last = self._written, self._written + len(places)
        self._place[places] = np.arange(first, last)
        self._ends[first + 1 : last + 1] = self._ends[first] + block.indptr[1:]
        self._columns.append(block.indices)
        self._values.append(block.data)
        self._written = last

    def __getitem__(self, which: Any) -> sparse.csr_matrix:
        """Return the rows at ``which`` (indices, a mask or a slice), in that order (CSR, float32)."""
        stored = self._place[which]
        first, last = self._ends[stored], self._ends[stored + 1]
        ends = np.concatenate([[0], np.cumsum(last - first)])
        broken = np.flatnonzero(np.diff(stored) != 1) + 1
        starts, stops = np.concatenate([[0], broken]), np.concatenate([broken, [len(stored)]])
        runs = [(first[a], ends[a], ends[b]) for a, b in zip(starts, stops, strict=True) if a < b]
        columns = self._columns.read(runs, ends[-1]).astype(np.int32, copy=False)
        return sparse.csr_matrix((self._values.read(runs, ends[-1]), columns, ends), shape=(len(stored), self.shape[1]))


class _Column:
    """Numbers of one kind in a file without a name."""

    def __init__(self, dtype: np.dtype[Any], folder: Path | None) -> None:
        self._dtype = dtype
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def append(self, numbers: np.ndarray) -> None:
        left = np.ascontiguousarray(numbers, dtype=self._dtype).view(np.uint8).data
        while len(left):
            left = left[self._file.write(left) :]

    def read(self, runs: Sequence[tuple[int, int, int]], count: int) -> np.ndarray:
        """Read runs of numbers, each (where in the file, from and to where in the result)."""
        numbers = np.empty(count, dtype=self._dtype)
        view, size = numbers.view(np.uint8).data, self._dtype.itemsize
        self._announce(runs, size)
        for where, start, stop in runs:
            self._file.seek(where * size)
            left = view[start * size : stop * size]
            while len(left):
                left = left[self._file.readinto(left) :]  # type: ignore[attr-defined]
        return numbers

    def _announce(self, runs: Sequence[tuple[int, int, int]], size: int) -> None:
        """Let the system fetch all runs at once; what is not in its memory would come one after the other."""
        if hasattr(os, "posix_fadvise") and len(runs) > 1:
            for where, start, stop in runs:
                os.posix_fadvise(self._file.fileno(), where * size, (stop - start) * size, os.POSIX_FADV_WILLNEED)


def write_scratch(
    blocks: Iterable[tuple[np.ndarray, sparse.csr_matrix]], shape: tuple[int, int], folder: Path | None, count: int
) -> ScratchRows:
    """Write ``count`` non-zeros, in blocks of rows with their places, to disk.

    Raises
    ------
    FileError
        The disk is full.
    """
    where = Path(folder or tempfile.gettempdir())
    try:
        scratch = ScratchRows(shape, folder)
        for places, block in blocks:
            scratch.append(places, block)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        size = count * (4 + np.min_scalar_type(shape[1]).itemsize)
        raise FileError(_no_room(where, size, error)) from error
    return scratch


def _no_room(folder: Path, size: int, error: OSError) -> str:
    free = ""
    with suppress(OSError):
        free = f" Free there: {shutil.disk_usage(folder).free / 1e6:,.1f} MB."
    return (
        f"Reading in blocks needs {size / 1e6:,.1f} MB of scratch space in '{folder}': {os.strerror(error.errno or 0)}."
        f"{free} Make room (or raise the quota or ulimit -f), or write the output (or point TMPDIR) elsewhere."
    )
