"""Writing that is broken off leaves what was there, and nothing half-written."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest
from scipy import sparse
from zarr.storage import LocalStore

from topocraft.data.outputs import write_result
from topocraft.errors import FileError

ENDINGS = ["h5ad", "zarr"]


def make_adata(fill: float = 1.0) -> anndata.AnnData:
    return anndata.AnnData(sparse.csr_matrix(np.eye(3, dtype="float32") * fill))


def read(path: Path) -> anndata.AnnData:
    return anndata.read_zarr(path) if path.suffix == ".zarr" else anndata.read_h5ad(path)


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


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C is heeded, as it is not by default in a shell's background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
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


@pytest.mark.usefixtures("heeded")
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


def test_memory_that_runs_out_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch, MemoryError("no room"))
    with pytest.raises(MemoryError, match="no room"):
        write_result(make_adata(), tmp_path / "result.h5ad", force=False)
    assert list(tmp_path.iterdir()) == []
