"""Memory that runs out ends in one message that says what would fit, and leaves nothing half-written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import anndata
import h5py
import mortals
import numpy as np
import pandas as pd
import pytest
from mortals import finish, launch, run, with_room

CURE = re.compile(
    r"Error: Memory ran out: this process may use [\d.]+ GB\. Read the files in blocks \(--memory [\d.]+GB; "
    r"topocraft\.integrate_files\), use fewer genes .* --dry-run tells about how much is needed\.$"
)
WIDE = ("--set", "encoder_widths=[16000,16000]")
"""Weights of 1 GB, and thrice as much for gradients and moments."""


def _left(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir()} - {"cells.h5ad", "log"}


@pytest.mark.parametrize("kilobytes", [100_000, 600_000])
def test_where_the_libraries_alone_do_not_fit_nothing_is_begun(folder: Path, kilobytes: int) -> None:
    command = f"ulimit -v {kilobytes}; exec {sys.executable} -m topocraft integrate cells.h5ad -b batch -o out.h5ad"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: Memory must leave at least 2.0 GB of addresses, most of them for the libraries; ulimit -v allows "
        f"{kilobytes * 1024 / 1e9:.1f} GB. Raise it: ulimit -v 4000000.\n"
    )
    assert _left(folder) == set()


def test_networks_that_do_not_fit(folder: Path, whole: tuple[bytes, float]) -> None:
    ended = run(folder, "-o", "out.h5ad", *WIDE, hook=with_room(1500))
    assert ended.code == 1
    assert CURE.search(ended.said), ended.said
    assert "Traceback" not in ended.said
    assert _left(folder) == set()
    assert run(folder, "-o", "out.h5ad", hook=with_room(1500)).code == 0
    assert mortals.embedding(folder / "out.h5ad") == whole[0]


def test_cells_that_do_not_fit_are_not_called_damaged(folder: Path) -> None:
    """The matrix takes 2 GB in memory, and next to nothing in the file."""
    n_cells, n_genes = 50_000, 10_000
    obs = pd.DataFrame({"batch": np.repeat(["a", "b"], n_cells // 2)}, index=[f"c{n}" for n in range(n_cells)])
    anndata.AnnData(obs=obs, var=pd.DataFrame(index=[f"g{n}" for n in range(n_genes)])).write_h5ad(folder / "vast.h5ad")
    with h5py.File(folder / "vast.h5ad", "r+") as file:
        values = file.create_dataset("X", (n_cells, n_genes), "float32", chunks=(1000, 1000), compression="gzip")
        values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    command = ["integrate", "vast.h5ad", "-b", "batch", "-o", "out.h5ad", "--memory", "100GB", "--threads", "1"]
    ended = finish(launch(folder, command, with_room(1500)), folder)
    assert ended.code == 1
    assert CURE.search(ended.said), ended.said
    assert "damaged" not in ended.said
    assert _left(folder) == {"vast.h5ad"}


def test_a_checkpoint_that_does_not_fit_is_not_called_damaged(broken_off: Path, whole: tuple[bytes, float]) -> None:
    """Whoever believed it would throw away hours of training."""
    options = ("-o", "out.h5ad", "--checkpoint-every", "0", "--resume")
    hook = """
from topocraft.training import stored
def load(_):
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")
stored.load_file = load
"""
    ended = run(broken_off, *options, hook=hook)
    assert ended.code == 1
    assert CURE.search(ended.said), ended.said
    assert run(broken_off, *options).code == 0
    assert mortals.embedding(broken_off / "out.h5ad") == whole[0]
