"""What is in a folder that is to be replaced: all of it ours, or it stays."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import zarr
from scipy import sparse

from topocraft.data.atomic import atomic_folder, atomic_text, explained
from topocraft.data.outputs import check_folder, check_output, write_result
from topocraft.data.places import MODEL
from topocraft.errors import FileError


def _cells() -> anndata.AnnData:
    adata = anndata.AnnData(
        sparse.csr_matrix(np.eye(3, dtype="float32")),
        obs=pd.DataFrame({"batch": pd.Categorical(["x", "y", "x"])}, index=["a", "b", "c"]),
        uns={"deep": {"2024": np.arange(3.0)}, "one": 1},
        obsm={"X_pca": np.ones((3, 2))},
    )
    adata.raw = adata.copy()
    return adata


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a folder as a saved model is one."""
    (tmp_path / "m").mkdir()
    for name in ("model.json", "weights.safetensors"):
        (tmp_path / "m" / name).write_text("ours")
    return tmp_path / "m"


def test_a_model_is_replaced_with_what_a_file_manager_left(model: Path) -> None:
    (model / ".DS_Store").touch()
    check_folder(model, MODEL, force=True)
    with atomic_folder(model, True, kind=MODEL) as partial:
        (partial / "model.json").write_text("new")
    assert [(item.name, item.read_text()) for item in model.iterdir()] == [("model.json", "new")]


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "weights.safetensors.bak"])
def test_a_model_with_a_file_of_somebody_else_stays(model: Path, name: str) -> None:
    (model / name).write_text("theirs")
    with pytest.raises(FileError, match=rf"nothing but a saved model is replaced; '.*m' holds '{name}' besides"):
        check_folder(model, MODEL, force=True)
    with pytest.raises(FileError, match=r"would be lost\. Move that elsewhere"), atomic_folder(model, True, kind=MODEL):
        pytest.fail("the block must not begin")
    assert (model / name).read_text() == "theirs"
    assert (model / "model.json").read_text() == "ours"


def test_a_folder_with_the_name_of_a_file_of_the_model_is_somebody_elses(model: Path) -> None:
    (model / "weights.safetensors").unlink()
    (model / "weights.safetensors").mkdir()
    with pytest.raises(FileError, match=r"holds 'weights\.safetensors' besides"):
        check_folder(model, MODEL, force=True)


def test_what_comes_while_the_new_one_is_written_is_kept(model: Path) -> None:
    def overtaken() -> None:
        with atomic_folder(model, True, kind=MODEL) as partial:
            (partial / "model.json").write_text("new")
            (model / "late.txt").write_text("theirs")

    with pytest.raises(FileError, match=r"holds 'late\.txt' besides"):
        overtaken()
    assert (model / "late.txt").read_text() == "theirs"
    assert [item.name for item in model.parent.iterdir()] == ["m"]


@pytest.mark.parametrize("layout", [2, 3])
@pytest.mark.parametrize("separator", [".", "/"])
def test_every_layout_of_zarr_is_replaced(tmp_path: Path, layout: int, separator: str) -> None:
    path = tmp_path / "out.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=layout)
    with anndata.settings.override(auto_shard_zarr_v3=False):
        anndata.io.write_elem(root, "/", _cells())
    encoding = {"name": "default" if layout == 3 else "v2", "separator": separator}
    nested = root.create_array("obsm/X_more", shape=(4, 4), chunks=(2, 2), dtype="f4", chunk_key_encoding=encoding)
    nested[:] = 1.0
    check_output(path, force=True)
    write_result(_cells(), path, force=True)
    assert not (path / "obsm" / "X_more").exists()


@pytest.mark.parametrize(
    "place", ["notes.txt", "mine/notes.txt", "obs/notes.txt", "X/data/notes.txt", "uns/2024/3", "images/.zgroup"]
)
def test_zarr_with_a_file_of_somebody_else_stays(tmp_path: Path, place: str) -> None:
    path = tmp_path / "out.zarr"
    write_result(_cells(), path, force=False)
    (path / place).parent.mkdir(exist_ok=True)
    (path / place).write_text("theirs")
    told = place if place.startswith(("obs", "X", "uns")) else place.split("/")[0]
    with pytest.raises(
        FileError, match=rf"nothing but cells as zarr is replaced; '.*out\.zarr' holds '{told}' besides"
    ):
        write_result(_cells(), path, force=True)
    assert (path / place).read_text() == "theirs"


def test_a_link_in_zarr_is_somebody_elses(tmp_path: Path) -> None:
    write_result(_cells(), tmp_path / "out.zarr", force=False)
    os.symlink(tmp_path, tmp_path / "out.zarr" / "obs" / "elsewhere")
    with pytest.raises(FileError, match="holds 'obs/elsewhere' besides"):
        check_output(tmp_path / "out.zarr", force=True)


def test_an_input_in_an_output_stays(tmp_path: Path) -> None:
    write_result(_cells(), tmp_path / "out.zarr", force=False)
    (tmp_path / "link").symlink_to(tmp_path / "out.zarr" / "raw")
    for name in ("out.zarr/raw", "link"):
        with pytest.raises(FileError, match=rf"No input may lie in an output; '.*{name}' lies in output '.*out\.zarr'"):
            check_output(tmp_path / "out.zarr", force=True, inputs=[tmp_path / name])
    check_output(tmp_path / "out.zarr", force=True, inputs=[tmp_path / "other" / "out.zarr" / "raw"])


@pytest.mark.parametrize("name", ["out.h5ad", "out.zarr", "link.h5ad"])
def test_a_pipe_is_no_place_for_a_result(tmp_path: Path, name: str) -> None:
    pipe = tmp_path / ("pipe" if name == "link.h5ad" else name)
    os.mkfifo(pipe)
    if name == "link.h5ad":
        (tmp_path / name).symlink_to(pipe)
    due = "a folder" if name == "out.zarr" else "a file"
    with pytest.raises(FileError, match=rf"must be {due}; it is a device, pipe or socket already\. Name another path"):
        check_output(tmp_path / name, force=True)
    with pytest.raises(FileError, match="must be a file; it is a device, pipe or socket"):
        atomic_text(tmp_path / name, "text")
    assert pipe.is_fifo()


def test_a_name_must_leave_room_for_the_longer_ones_beside_it(tmp_path: Path) -> None:
    check_output(tmp_path / f"{'a' * 220}.h5ad", force=False)
    for length in (245, 300):
        with pytest.raises(FileError, match=r"'aaa.*' cannot be written into '.*': File name too long\. Shorten it"):
            check_output(tmp_path / f"{'a' * length}.h5ad", force=False)


def test_a_nul_in_a_name_is_told_and_shown_as_an_escape(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Output must be a path; '.*a\\x00b' holds a NUL\. Name another path"):
        check_folder(tmp_path / "a\0b", MODEL, force=False)


def test_a_working_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileError, match=r"'out\.h5ad' must lie in a folder that is there; the working folder is gone"):
        check_output(Path("out.h5ad"), force=False)
    check_output(tmp_path / "out.h5ad", force=False)


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (errno.EACCES, "Ask for the right to write there"),
        (errno.ENOENT, "That folder is not there, or is no longer: make it anew"),
        (errno.EIO, "Name another folder"),
    ],
)
def test_the_cure_is_that_of_the_reason(tmp_path: Path, code: int, cure: str) -> None:
    with pytest.raises(FileError, match=re.escape(f"{os.strerror(code)}. {cure}")), explained(tmp_path / "out.h5ad"):
        raise OSError(code, os.strerror(code))
