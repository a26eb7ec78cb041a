"""Inputs that change or lose parts while they are read are told: none is read as zeros."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
import zarr
from scipy import sparse

from topocraft.data.files import read_cells_file
from topocraft.data.stream_files import open_files
from topocraft.data.unchanged import Unchanged, require_all_chunks
from topocraft.errors import FileError


@pytest.fixture
def store(tmp_path: Path) -> Path:
    counts = sparse.random(40, 30, 0.5, format="csr", dtype="float32", rng=np.random.default_rng(0))
    path = tmp_path / "cells.zarr"
    anndata.AnnData(counts, layers={"dense": np.zeros((40, 30))}).write_zarr(path)
    return path


CHANGES: dict[str, Callable[[Path], object]] = {
    "removed": lambda path: path.unlink(),
    "cut": lambda path: os.truncate(path, 1),
    "written": lambda path: os.utime(path, (1, 1)),
    "replaced": lambda path: (path.with_name("other").write_bytes(b"cells"), os.replace(path.with_name("other"), path)),
}


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("inside", [False, True])
def test_a_change_of_a_file_or_in_a_folder_is_told(tmp_path: Path, how: str, inside: bool) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    file = folder / "part"
    file.write_bytes(b"cells")
    path = folder if inside else file
    still = Unchanged([path])
    still.require()
    CHANGES[how](file)
    with pytest.raises(FileError, match=rf"must stay as it is while it is read; '{path}' was removed, replaced or"):
        still.require()


def test_a_new_file_in_a_folder_is_a_change(tmp_path: Path) -> None:
    still = Unchanged([tmp_path])
    (tmp_path / "new").touch()
    with pytest.raises(FileError, match="Put it back, and run again"):
        still.require()


def _chunk(store: Path, array: str) -> Path:
    return next(path for path in sorted((store / array).rglob("*")) if path.is_file() and path.name[0] not in ".z")


@pytest.mark.parametrize("array", ["X/data", "X/indices", "X/indptr"])
def test_a_chunk_that_is_missing_is_not_read_as_zeros(store: Path, array: str) -> None:
    _chunk(store, array).unlink()
    told = rf"is damaged or not a zarr store of AnnData: 1 of 1 chunks of {array} are missing\. Check that"
    with pytest.raises(FileError, match=told):
        read_cells_file(store)
    with pytest.raises(FileError, match=told), open_files([store]):
        pass


def test_a_dense_array_may_lack_chunks_of_zeros(store: Path) -> None:
    require_all_chunks(zarr.open_group(store, mode="r"))
    assert read_cells_file(store).adata.layers["dense"].sum() == 0


def test_a_store_that_changes_as_it_is_read_is_refused(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = anndata.read_zarr

    def removing(path: Path) -> anndata.AnnData:
        _chunk(store, "X/data").unlink()
        return read(path)

    monkeypatch.setattr(anndata, "read_zarr", removing)
    with pytest.raises(FileError, match="must stay as it is while it is read"):
        read_cells_file(store)
