"""Files of cells read as far as preparation, here or in a process of its own that may hang or crash."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

from topocraft.config import IntegrationConfig
from topocraft.data.cells import from_anndata
from topocraft.data.files import read_cells_file
from topocraft.data.preprocess import prepare
from topocraft.data.stream_files import open_files
from topocraft.errors import TopocraftError
from topocraft.progress import Silent

CONFIG = IntegrationConfig().with_values(n_top_genes=20).preprocess
SECONDS = 30
ENDS = {0: "whole", 3: "refused", None: "hangs"}


def in_memory(path: Path) -> None:
    """Read a file at once."""
    prepare(from_anndata(read_cells_file(path).adata, "batch"), CONFIG)


def in_blocks(path: Path) -> None:
    """Read a file block by block."""
    with open_files([path]) as opened:
        prepare(from_anndata(opened.adata, "batch", stored=opened.source(None, None, Silent())), CONFIG)


WAYS = {"in memory": in_memory, "in blocks": in_blocks}


def read_apart(path: Path, way: str) -> str:
    """Read a file in a process of its own; tell how it ended. HDF5 itself goes in circles on some damaged files."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reading", "scanpy"])
    process = context.Process(target=_read_and_exit, args=(path, way))
    process.start()
    process.join(SECONDS)
    code = process.exitcode
    process.kill()
    process.join()
    return ENDS.get(code, f"ended with {code}")


def _read_and_exit(path: Path, way: str) -> None:
    try:
        WAYS[way](path)
    except TopocraftError:
        sys.exit(3)
