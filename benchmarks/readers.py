"""Seconds per minibatch of cells on disk: drawn one by one, as here, and by scDataset in shuffled blocks."""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
from scipy import sparse

from topocraft.data.scratch import write_scratch

N_CELLS, N_GENES, DENSITY, CELLS_PER_STEP = 100_000, 2_000, 0.1, 1_024
BLOCKS = (1, 8, 64)
"""Neighbours in the file that scDataset draws together; the sampler here draws cell by cell."""
Draw = Callable[[], sparse.csr_matrix]


def print_readers(repeats: int = 64) -> None:
    """Print mean wall and processor seconds of a minibatch, one reader after another, from the system's cache."""
    values = sparse.random(N_CELLS, N_GENES, DENSITY, format="csr", dtype=np.float32, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "cells.h5ad")
        anndata.AnnData(values).write_h5ad(file)
        with h5py.File(file) as opened:
            readers = _readers(values, Path(folder), anndata.io.sparse_dataset(opened["X"]))
            taken = {name: [_seconds(draw) for _ in range(repeats)] for name, draw in readers.items()}
    shown = f"{N_CELLS:,} × {N_GENES:,}, {DENSITY:.0%} non-zeros"
    print(f"a minibatch of {CELLS_PER_STEP:,} cells of {shown}, means of {repeats}:")
    for name, seconds in taken.items():
        wall, processor = (statistics.fmean(part) for part in zip(*seconds, strict=True))
        print(f"  {name}: {wall * 1e3:.1f} ms, {processor * 1e3:.1f} ms of the processor")


def _readers(values: sparse.csr_matrix, folder: Path, stored: Any) -> dict[str, Draw]:
    draws = np.random.default_rng(0)
    scratch = write_scratch([(np.arange(N_CELLS), values)], values.shape, folder, values.nnz)

    def drawn(rows: Any) -> Draw:
        return lambda: rows[draws.choice(N_CELLS, CELLS_PER_STEP, replace=False)]

    readers = {"in memory": drawn(values), "scratch file": drawn(scratch)}
    if importlib.util.find_spec("scdataset") is None:
        print("scDataset is not installed: pip install scDataset==0.3.0")
        return readers
    for name, rows in {"h5ad": stored, "scratch file": scratch}.items():
        readers |= {f"scDataset, {name}, blocks of {size}": _shuffled(rows, size) for size in BLOCKS}
    return readers


def _shuffled(stored: Any, block_size: int) -> Draw:
    from scdataset import BlockShuffling, scDataset

    strategy, every = BlockShuffling(block_size), np.arange(N_CELLS)
    minibatches = iter(
        scDataset(every, strategy, CELLS_PER_STEP, fetch_callback=lambda cells, drawn: stored[np.sort(cells[drawn])])
    )
    return lambda: next(minibatches)


def _seconds(draw: Draw) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    rows = draw()
    if rows.shape != (CELLS_PER_STEP, N_GENES):
        raise RuntimeError(f"A minibatch has the shape {rows.shape}.")
    return time.perf_counter() - wall, time.process_time() - processor
