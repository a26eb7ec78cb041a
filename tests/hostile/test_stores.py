"""Damaged files of cells, read into memory and in blocks: whole, or refused with a cure; never a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hostile_files import spoilt_bytes
from hostile_settings import quick, soak
from hostile_words import require_cure
from hypothesis import given
from hypothesis import strategies as st
from reading import WAYS, read_apart

from topocraft.errors import TopocraftError
from topocraft.simulate.demo import demo_cells

NAMES = ("plain.h5ad", "packed.h5ad", "store.zarr")


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


def _carried_through(path: Path, way: str) -> str:
    try:
        WAYS[way](path)
    except TopocraftError as error:
        require_cure(error)
        return "refused"
    return "whole"


@pytest.mark.parametrize("way", WAYS)
def test_damaged_stores_are_read_or_refused(stores: Path, tmp_path: Path, way: str) -> None:
    ends = []

    @quick(60)
    @given(st.data())
    def damage(draw: st.DataObject) -> None:
        ends.append(_carried_through(_damaged(stores, tmp_path, draw), way))

    damage()
    assert set(ends) == {"refused", "whole"}


@pytest.mark.soak
def test_many_damaged_stores_are_read_or_refused(stores: Path, tmp_path: Path) -> None:
    """Each in a process of its own. Where HDF5 goes in circles there is nothing that we can do, and it is counted."""

    @soak("hostile-files-of-cells", per_round=50)
    @given(st.data(), st.sampled_from(sorted(WAYS)))
    def damage(draw: st.DataObject, way: str) -> str:
        ended = read_apart(_damaged(stores, tmp_path, draw), way)
        assert ended in ("whole", "refused", "hangs"), ended
        return ended

    damage()
