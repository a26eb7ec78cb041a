"""Damaged files of cells, read into memory and in blocks: whole, or refused with a cure; never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_files import spoilt_bytes
from hostile_settings import quick, soak
from hostile_words import require_cure
from hypothesis import given
from hypothesis import strategies as st

from topocraft.config import IntegrationConfig
from topocraft.data.cells import from_anndata
from topocraft.data.files import read_cells_file
from topocraft.data.preprocess import prepare
from topocraft.data.stream_files import open_files
from topocraft.errors import TopocraftError
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells

CONFIG = IntegrationConfig().with_values(n_top_genes=20).preprocess
NAMES = ("plain.h5ad", "packed.h5ad", "store.zarr")


def _in_memory(path: Path) -> None:
    prepare(from_anndata(read_cells_file(path).adata, "batch"), CONFIG)


def _in_blocks(path: Path) -> None:
    with open_files([path]) as opened:
        prepare(from_anndata(opened.adata, "batch", stored=opened.source(None, None, Silent())), CONFIG)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same cells in three kinds of files, not to be changed."""
    folder, adata = tmp_path_factory.mktemp("stores"), demo_cells(n_cells=60, n_genes=60)
    adata.uns.clear()
    adata.write_h5ad(folder / "plain.h5ad")
    adata.write_h5ad(folder / "packed.h5ad", compression="gzip")
    adata.write_zarr(folder / "store.zarr")
    return folder


def _damaged(stores: Path, place: Path, draw: st.DataObject) -> Path:
    """Copy one of the files, and spoil its bytes or those of one file in it, which may also be gone."""
    name = draw.draw(st.sampled_from(NAMES))
    copy = place / name
    shutil.rmtree(copy, ignore_errors=True)
    (shutil.copytree if copy.suffix == ".zarr" else shutil.copy)(stores / name, copy)
    files = sorted(item for item in copy.rglob("*") if item.is_file()) if copy.is_dir() else [copy]
    file = draw.draw(st.sampled_from(files))
    if len(files) > 1 and draw.draw(st.booleans()):
        file.unlink()
    else:
        file.write_bytes(draw.draw(spoilt_bytes(file.read_bytes())))
    return copy


def _carried_through(path: Path, read: Callable[[Path], Any]) -> str:
    try:
        read(path)
    except TopocraftError as error:
        require_cure(error)
        return "refused"
    return "whole"


@pytest.mark.parametrize("read", [_in_memory, _in_blocks])
def test_damaged_stores_are_read_or_refused(stores: Path, tmp_path: Path, read: Callable[[Path], Any]) -> None:
    ends = []

    @quick(60)
    @given(st.data())
    def damage(draw: st.DataObject) -> None:
        ends.append(_carried_through(_damaged(stores, tmp_path, draw), read))

    damage()
    assert set(ends) == {"refused", "whole"}


@pytest.mark.soak
def test_many_damaged_stores_are_read_or_refused(stores: Path, tmp_path: Path) -> None:
    @soak("hostile-files-of-cells")
    @given(st.data(), st.sampled_from([_in_memory, _in_blocks]))
    def damage(draw: st.DataObject, read: Callable[[Path], Any]) -> None:
        _carried_through(_damaged(stores, tmp_path, draw), read)

    damage()
