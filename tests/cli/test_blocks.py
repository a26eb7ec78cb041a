"""Files larger than --memory: the same command, the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
from typer.testing import Result

from topocraft import Integrator

Run = Callable[..., Result]


def test_the_result_is_that_of_the_run_in_memory(quickly: Run, folder: Path) -> None:
    quickly("cells.h5ad", "-b", "batch", "-o", "memory.h5ad")
    result = quickly("cells.h5ad", "-b", "batch", "-o", "blocks.h5ad", "--memory", "1MB", "--save-model", "model")
    in_memory, in_blocks = (anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("memory", "blocks"))
    np.testing.assert_allclose(in_blocks.obsm["X_topocraft"], in_memory.obsm["X_topocraft"], atol=1e-5)
    assert (in_blocks.obs["topocraft_high"] == in_memory.obs["topocraft_high"]).all()
    assert "The files are read in blocks" in result.stderr
    assert "Written: blocks.h5ad" in result.stdout
    assert "Written: model" in result.stdout
    assert Integrator.load(folder / "model").config.seed == 0


def test_several_files_are_batches(quickly: Run, folder: Path) -> None:
    quickly("large.h5ad", "medium.h5ad", "-o", "out.h5ad", "--memory", "1MB")
    written = anndata.read_h5ad(folder / "out.h5ad")
    assert written.uns["topocraft"]["batches"].tolist() == ["large", "medium"]
    assert not set(written.uns["topocraft"]["genes"]) & set(written.var_names[~written.var["in_every_file"]])


def test_a_dry_run_tells_and_leaves_nothing(quickly: Run, folder: Path) -> None:
    before = sorted(folder.iterdir())
    told = [quickly("cells.h5ad", "-b", "batch", "--dry-run", "--memory", memory).stdout for memory in ("1MB", "1TB")]
    assert sorted(folder.iterdir()) == before
    exact = [[line for line in text.splitlines() if "estimate" not in line] for text in told]
    assert len(exact[0]) > 5
    assert exact[0] == exact[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label-key", "celltype"), "--label-key need all cells in memory"),
        (("--label-key", "celltype", "--report", "page.html"), "--label-key and --report need all cells in memory"),
        (("--set-aside", "drop"), "set_aside must be 'embed' or 'nan' where files are read in blocks"),
    ],
)
def test_what_needs_all_cells_is_refused_before_any_work(
    quickly: Run, folder: Path, options: tuple[str, ...], message: str
) -> None:
    result = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--memory", "1MB", *options, code=1)
    assert message in result.stderr
    assert "check" not in result.stderr
    assert not (folder / "out.h5ad").exists()


def test_memory_needs_its_unit(quickly: Run) -> None:
    assert "--memory" in quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--memory", "4", code=2).stderr


def test_what_lies_in_zarr_and_is_no_part_of_it_is_not_copied(quickly: Run, folder: Path) -> None:
    """Else the result could not be replaced."""
    anndata.read_h5ad(folder / "cells.h5ad").write_zarr(folder / "cells.zarr")
    (folder / "cells.zarr" / "mine").mkdir()
    for place in ("mine/notes.txt", "obs/notes.txt"):
        (folder / "cells.zarr" / place).write_text("mine")
    for further in ((), ("--force",)):
        quickly("cells.zarr", "-b", "batch", "-o", "out.zarr", "--memory", "1MB", *further)
        assert not list((folder / "out.zarr").rglob("notes.txt"))
    assert len(list((folder / "cells.zarr").rglob("notes.txt"))) == 2
    assert anndata.read_zarr(folder / "out.zarr").obsm["X_topocraft"].shape == (240, 50)
