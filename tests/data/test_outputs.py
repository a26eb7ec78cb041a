"""Results are whole or absent, whatever happens on the way."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from zarr.storage import LocalStore

from topocraft.data.outputs import atomic_file, atomic_folder, atomic_text, check_output, write_result
from topocraft.errors import FileError

ENDINGS = ["h5ad", "zarr"]


def make_adata(fill: float = 1.0) -> anndata.AnnData:
    obs = pd.DataFrame({"batch": ["x", "y", "x"], "note": ["n", None, "m"]}, index=["a", "b", "c"])
    adata = anndata.AnnData(sparse.csr_matrix(np.eye(3, dtype="float32") * fill), obs=obs)
    adata.var["kind"] = ["k", "k", "l"]
    adata.obsm["X_topocraft"] = np.arange(6.0).reshape(3, 2)
    adata.layers["counts"] = adata.X.copy()
    adata.uns["topocraft"] = {"seed": 1, "losses": np.arange(3.0)}
    adata.raw = adata.copy()
    return adata


def read(path: Path) -> anndata.AnnData:
    return anndata.read_zarr(path) if path.suffix == ".zarr" else anndata.read_h5ad(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_result_comes_back_whole_and_alone(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"result.{ending}"
    adata = make_adata()
    write_result(adata, path, force=False)
    back = read(path)
    np.testing.assert_array_equal(back.X.toarray(), np.eye(3))
    np.testing.assert_array_equal(back.obsm["X_topocraft"], adata.obsm["X_topocraft"])
    np.testing.assert_array_equal(back.layers["counts"].toarray(), np.eye(3))
    np.testing.assert_array_equal(back.raw.X.toarray(), np.eye(3))
    assert list(back.raw.var["kind"]) == ["k", "k", "l"]
    assert back.uns["topocraft"]["seed"] == 1
    assert list(back.obs["batch"]) == ["x", "y", "x"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_writing_leaves_the_adata_as_it_was(tmp_path: Path, ending: str) -> None:
    adata = make_adata()
    obs, var, raw_var = adata.obs.copy(), adata.var.copy(), adata.raw.var.copy()
    values = adata.X
    write_result(adata, tmp_path / f"result.{ending}", force=False)
    pd.testing.assert_frame_equal(adata.obs, obs)
    pd.testing.assert_frame_equal(adata.var, var)
    pd.testing.assert_frame_equal(adata.raw.var, raw_var)
    assert adata.X is values
    assert adata.obs["batch"].dtype == object


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_view_and_nullable_columns_can_be_written(tmp_path: Path, ending: str) -> None:
    adata = make_adata()
    adata.obs["text"] = pd.array(["a", None, "c"], dtype="string")
    adata.obs["flag"] = pd.array([True, None, False], dtype="boolean")
    adata.obs["name"] = pd.array(["p", "q", "r"], dtype="string")
    view = adata[:2]
    write_result(view, tmp_path / f"result.{ending}", force=False)
    assert view.is_view
    assert list(read(tmp_path / f"result.{ending}").obs["name"]) == ["p", "q"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_existing_result_needs_force(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"result.{ending}"
    write_result(make_adata(1), path, force=False)
    with pytest.raises(FileError, match=r"Output must not exist yet; '.*' does\. Name another, or pass --force"):
        check_output(path, force=False)
    with pytest.raises(FileError, match="must not exist yet"):
        write_result(make_adata(2), path, force=False)
    assert read(path).X.max() == 1
    check_output(path, force=True)
    write_result(make_adata(2), path, force=True)
    assert read(path).X.max() == 2
    assert list(tmp_path.iterdir()) == [path]


def break_off(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let anndata write half a file or folder, and fail."""

    def write_elem(file: h5py.File, key: str, adata: anndata.AnnData, **options: Any) -> None:
        file.create_dataset("X/data", data=np.arange(1000), chunks=(100,), compression="gzip")
        raise error

    def write_zarr(self: anndata.AnnData, store: LocalStore) -> None:
        (store.root / "X").mkdir()
        (store.root / "X" / "0").write_bytes(b"half")
        raise error

    monkeypatch.setattr(anndata.io, "write_elem", write_elem)
    monkeypatch.setattr(anndata.AnnData, "write_zarr", write_zarr)


@pytest.mark.parametrize("standing", [True, False])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupted_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, standing: bool
) -> None:
    path = tmp_path / f"result.{ending}"
    if standing:
        write_result(make_adata(1), path, force=False)
    break_off(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_result(make_adata(2), path, force=True)
    assert list(tmp_path.iterdir()) == ([path] if standing else [])
    assert not standing or read(path).X.max() == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, code: int) -> None:
    break_off(monkeypatch, OSError(code, os.strerror(code)))
    expected = (
        rf"Output 'result\.{ending}' cannot be written into '{tmp_path}': {os.strerror(code)}\. "
        r"It needs up to 0\.\d MB\. Free there: [\d,.]+ MB\. Make room .* or name another folder\."
    )
    with pytest.raises(FileError, match=expected):
        write_result(make_adata(), tmp_path / f"result.{ending}", force=False)
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, sys
from pathlib import Path
import anndata, numpy as np
from scipy import sparse
from topocraft.data.outputs import write_result
adata = anndata.AnnData(sparse.random(1000, 300, 0.3, format="csr", random_state=0))
adata.obsm["X_topocraft"] = np.random.default_rng(0).normal(size=(1000, 50))
for limit in (0, 1_000, 10_000, 100_000, 300_000, 900_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for ending in ("h5ad", "zarr")[: 1 + (limit < 300_000)]:
        try:
            write_result(adata, Path(sys.argv[1], f"result.{ending}"), force=False)
        except Exception as error:
            print(type(error).__name__, error)
"""


def test_a_disk_that_truly_runs_full_is_an_error_and_no_crash(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert done.stderr == ""
    assert len(said) == 10
    for line in said:
        assert line.startswith("FileError Output 'result.")
        assert "File too large. It needs up to 1.5 MB. Free there:" in line
    assert list(tmp_path.iterdir()) == []


def test_zarr_writes_nothing_behind_our_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its other chunks are written in threads, which go on after one has failed."""
    put, tried = LocalStore.set, []

    async def fail_on_the_first_chunk(self: LocalStore, key: str, value: Any) -> None:
        if key.startswith("X/") and key.endswith("0"):
            tried.append(key)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        await asyncio.sleep(0.05)
        await put(self, key, value)

    monkeypatch.setattr(LocalStore, "set", fail_on_the_first_chunk)
    with pytest.raises(FileError, match="No space left on device"):
        write_result(anndata.AnnData(np.ones((2000, 1000))), tmp_path / "result.zarr", force=False)
    assert tried
    time.sleep(0.3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_ctrl_c_waits_for_the_libraries_and_then_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    ended = []

    def interrupted(write: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            write(*arguments, **options)
            ended.append(write)

        return call

    monkeypatch.setattr(anndata.io, "write_elem", interrupted(anndata.io.write_elem))
    monkeypatch.setattr(anndata.AnnData, "write_zarr", interrupted(anndata.AnnData.write_zarr))
    with pytest.raises(KeyboardInterrupt):
        write_result(make_adata(), tmp_path / f"result.{ending}", force=False)
    assert len(ended) == 1
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_is_not_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_zarr(self: anndata.AnnData, store: LocalStore) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second must get through")

    monkeypatch.setattr(anndata.AnnData, "write_zarr", write_zarr)
    with pytest.raises(KeyboardInterrupt):
        write_result(make_adata(), tmp_path / "result.zarr", force=False)
    assert list(tmp_path.iterdir()) == []


def test_results_can_be_written_from_a_thread(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(write_result, make_adata(), tmp_path / "result.h5ad", force=False).result()
    assert read(tmp_path / "result.h5ad").n_obs == 3


def test_an_annotation_that_no_file_holds(tmp_path: Path) -> None:
    adata = make_adata()
    adata.obs["mixed"] = [1, "two", 3]
    expected = r"Every annotation must be of a kind that \.h5ad holds; one is not: .*'mixed'.*Turn it into text"
    with pytest.raises(FileError, match=expected):
        write_result(adata, tmp_path / "result.h5ad", force=False)
    assert list(tmp_path.iterdir()) == []


def test_memory_that_runs_out_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch, MemoryError("no room"))
    with pytest.raises(MemoryError, match="no room"):
        write_result(make_adata(), tmp_path / "result.h5ad", force=False)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending(tmp_path: Path) -> None:
    for write in (
        lambda path: check_output(path, force=True),
        lambda path: write_result(make_adata(), path, force=True),
    ):
        with pytest.raises(FileError, match=r"Output must end in \.h5ad or \.zarr; got '.*result\.csv'\. Change"):
            write(tmp_path / "result.csv")


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"The output's folder must exist; there is no '.*away'\. Create it"):
        check_output(tmp_path / "away" / "result.h5ad", force=False)


def test_a_read_only_folder(tmp_path: Path, nobody: Callable[[], AbstractContextManager[None]]) -> None:
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    tmp_path.chmod(0o555)
    with (
        nobody(),
        pytest.raises(FileError, match=r"cannot be written into '.*': Permission denied\. Ask for"),
    ):
        check_output(tmp_path / "result.h5ad", force=False)
    with nobody(), pytest.raises(FileError, match="Permission denied"):
        atomic_text(tmp_path / "note.txt", "text")
    tmp_path.chmod(0o755)


def test_a_folder_that_may_not_be_entered(tmp_path: Path, nobody: Callable[[], AbstractContextManager[None]]) -> None:
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    tmp_path.chmod(0)
    with nobody(), pytest.raises(FileError, match=r"cannot be written into '.*': Permission denied"):
        check_output(tmp_path / "result.h5ad", force=False)
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("force", [True, False])
def test_a_folder_where_a_file_is_due_and_the_other_way(tmp_path: Path, force: bool) -> None:
    (tmp_path / "result.h5ad").mkdir()
    (tmp_path / "result.zarr").touch()
    with pytest.raises(FileError, match=r"'.*result\.h5ad' must be a file; it is a folder already\. Name"):
        check_output(tmp_path / "result.h5ad", force=force)
    with pytest.raises(FileError, match=r"'.*result\.zarr' must be a folder; it is a file already\. Name"):
        check_output(tmp_path / "result.zarr", force=force)


def test_force_replaces_no_folder_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "result.zarr").mkdir()
    check_output(tmp_path / "result.zarr", force=True)
    (tmp_path / "result.zarr" / "thesis.tex").touch()
    expected = r"Only a folder with \.zgroup or zarr\.json is replaced; '.*' holds 'thesis\.tex'\. Name another"
    with pytest.raises(FileError, match=expected):
        check_output(tmp_path / "result.zarr", force=True)
    with pytest.raises(FileError, match=expected):
        write_result(make_adata(), tmp_path / "result.zarr", force=True)
    assert (tmp_path / "result.zarr" / "thesis.tex").exists()


def test_an_output_that_is_an_input(tmp_path: Path) -> None:
    make_adata().write_h5ad(tmp_path / "cells.h5ad")
    (tmp_path / "link.h5ad").symlink_to(tmp_path / "cells.h5ad")
    inputs = [tmp_path / "other.h5ad", tmp_path / "cells.h5ad"]
    for name in ("cells.h5ad", "link.h5ad"):
        with pytest.raises(FileError, match=rf"Output must not be an input; '.*{name}' is both\. Name another"):
            check_output(tmp_path / name, force=True, inputs=inputs)
    check_output(tmp_path / "result.h5ad", force=False, inputs=inputs)


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "result.h5ad"
    link.symlink_to(tmp_path / "disk" / "result.h5ad")
    with pytest.raises(FileError, match=r"is a link to '.*disk/result\.h5ad', where nothing is\. Remove the link"):
        check_output(link, force=False)
    write_result(make_adata(), link, force=True)
    assert link.is_symlink()
    assert read(tmp_path / "disk" / "result.h5ad").n_obs == 3
    (tmp_path / "circle.h5ad").symlink_to(tmp_path / "circle.h5ad")
    with pytest.raises(FileError, match=r"the link '.*circle\.h5ad' leads in a circle\. Remove it"):
        check_output(tmp_path / "circle.h5ad", force=True)


def test_results_are_compressed(tmp_path: Path) -> None:
    write_result(make_adata(), tmp_path / "result.h5ad", force=False)
    with h5py.File(tmp_path / "result.h5ad") as file:
        assert (file["X/data"].compression, file["X/data"].compression_opts) == ("gzip", 1)


def test_text_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "note.txt"
    atomic_text(path, "αβ\n")
    atomic_text(path, "γ\n")
    assert path.read_bytes() == "γ\n".encode()

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FileError, match=r"'note\.txt' cannot be written into '.*': Input/output error"):
        atomic_text(path, "δ")
    assert path.read_text(encoding="utf-8") == "γ\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"

    def overtaken() -> None:
        with atomic_file(path, force=False) as partial:
            partial.write_text("ours")
            path.write_text("theirs")

    with pytest.raises(FileError, match="must not exist yet"):
        overtaken()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_never_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="must be a file; it is a folder already"):
        atomic_text(tmp_path, "text")


def test_what_the_block_raises_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def unfit(partial: Path) -> None:
        (partial / "model.json" if partial.is_dir() else partial).write_text("{}")
        raise ValueError("unfit")

    with pytest.raises(ValueError, match="unfit"), atomic_folder(tmp_path / "model") as folder:
        unfit(folder)
    with pytest.raises(ValueError, match="unfit"), atomic_file(tmp_path / "picture.png") as file:
        unfit(file)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_known_by_its_text_too(tmp_path: Path) -> None:
    """Rust's writers, such as safetensors', give no errno."""
    said = "I/O error: No space left on device (os error 28)"
    with pytest.raises(FileError, match="No space left on device"), atomic_folder(tmp_path / "model"):
        raise ValueError(said)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_there_only_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "model.json").write_text("{}")
        assert not path.exists()
    assert (path / "deep" / "model.json").read_text() == "{}"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileError, match="must not exist yet"), atomic_folder(path):
        pytest.fail("the block must not begin")


def test_a_folder_is_replaced_or_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    for text in ("old", "new"):
        with atomic_folder(path, force=True) as folder:
            (folder / "model.json").write_text(text)
    assert (path / "model.json").read_text() == "new"

    rename = os.replace

    def interrupted(source: Path, target: Path) -> None:
        if str(source).endswith("partial"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    for place in (path, tmp_path / "fresh"):
        with pytest.raises(KeyboardInterrupt), atomic_folder(place, force=True) as folder:
            (folder / "model.json").write_text("newest")
    assert (path / "model.json").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with (
        pytest.raises(FileError, match="must be a folder; it is a file"),
        atomic_folder(tmp_path / "model", True),
    ):
        pytest.fail("the block must not begin")
