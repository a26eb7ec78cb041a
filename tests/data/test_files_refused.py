"""Every way in which reading a file goes wrong, told in one message."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topocraft.data.files import read_cells_file, read_many
from topocraft.errors import FileError, InputError, OutOfMemory


def make_adata() -> anndata.AnnData:
    names = pd.Index(["AAAC-1", "AAAG-1", "AAAT-1"])
    return anndata.AnnData(sparse.csr_matrix(np.eye(3, dtype="float32")), obs=pd.DataFrame(index=names))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Return a whole 10x folder, of two genes and one cell."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, text in {
        "matrix.mtx": "%%MatrixMarket matrix coordinate integer general\n2 1 1\n1 1 3\n",
        "features.tsv": "ENSG1\tA\tGene Expression\nENSG2\tB\tGene Expression\n",
        "barcodes.tsv": "AAAC-1\n",
    }.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_no_file() -> None:
    with pytest.raises(InputError, match=r"paths must name at least one file; got none\."):
        read_many([])


def test_a_missing_file_is_found_before_any_is_read(tmp_path: Path) -> None:
    (tmp_path / "damaged.h5ad").write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"there is no 'other\.h5ad'"):
        read_many([tmp_path / "damaged.h5ad", tmp_path / "other.h5ad"])


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    make_adata().write_h5ad(tmp_path / "cells.h5ad")
    with pytest.raises(FileError, match=r"no 'cels\.h5ad' in '.*'\. Did you mean 'cells\.h5ad'\?"):
        read_cells_file(tmp_path / "cels.h5ad")
    with pytest.raises(FileError, match=r"no 'q' in '.*'\. The folder holds 'cells\.h5ad'\."):
        read_cells_file(tmp_path / "q")


def test_a_missing_folder_and_a_dangling_link(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Input must exist; there is no folder '.*away'\. Check the path"):
        read_cells_file(tmp_path / "away" / "cells.h5ad")
    (tmp_path / "link.h5ad").symlink_to(tmp_path / "gone.h5ad")
    with pytest.raises(FileError, match=r"is a link to '.*gone\.h5ad', which does not\. Mend the link"):
        read_cells_file(tmp_path / "link.h5ad")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cells.h5ad")
    for paths in ([tmp_path / "cells.h5ad"], [tmp_path / "cells.h5ad", tmp_path / "none.h5ad"]):
        with pytest.raises(FileError, match=r"'.*cells\.h5ad' is a device, pipe or socket\. Save it as a file first"):
            read_many(paths)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"'.*aaa….* cannot be looked up: File name too long\. Check the path"):
        read_cells_file(tmp_path / ("a" * 300 + ".h5ad"))


def test_an_unknown_ending_lists_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").touch()
    known = r"Input must be an \.h5ad, \.zarr, \.loom or 10x \.h5 file, or a 10x folder with matrix\.mtx"
    with pytest.raises(FileError, match=known + r".*; got '.*cells\.csv'\. Convert it"):
        read_cells_file(tmp_path / "cells.csv")
    with pytest.raises(FileError, match=known + r".*; the folder '.*' holds 'cells\.csv'\."):
        read_cells_file(tmp_path)


def test_a_matrix_without_its_folder(raw: Path) -> None:
    with pytest.raises(FileError, match=r"with its genes and barcodes: pass the folder '.*raw'\."):
        read_cells_file(raw / "matrix.mtx.gz")


@pytest.mark.parametrize("missing", ["features", "barcodes"])
def test_a_10x_folder_with_a_piece_missing(raw: Path, missing: str) -> None:
    (raw / f"{missing}.tsv.gz").unlink()
    with pytest.raises(FileError, match=rf"must hold matrix\.mtx, .* has no .*{missing}\.tsv.*\. Add"):
        read_cells_file(raw)


def test_a_truncated_h5ad(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    make_adata().write_h5ad(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileError, match=r"is damaged or not an h5ad: .*truncated file.*copied whole"):
        read_cells_file(path)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
@pytest.mark.parametrize(("ending", "what"), [("h5ad", "an h5ad"), ("h5", "a 10x .h5"), ("loom", "a loom")])
def test_a_file_of_another_kind(tmp_path: Path, ending: str, what: str, content: bytes) -> None:
    path = tmp_path / f"cells.{ending}"
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"is damaged or not {what}: "):
        read_cells_file(path)


def test_a_sparse_matrix_of_half_precision_is_called_what_it_is(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "cells.h5ad"
    adata = make_adata()
    adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
    adata.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        halves = file["X/data"][:].astype(np.float16)
        del file["X/data"]
        file["X/data"] = halves
    with pytest.raises(FileError, match=r"no sparse matrix of half precision .*X\.astype\('float32'\)"):
        read_cells_file(path)


def test_an_h5_that_is_not_of_10x(tmp_path: Path) -> None:
    make_adata().write_h5ad(tmp_path / "cells.h5")
    with pytest.raises(FileError, match=r"is damaged or not a 10x \.h5: "):
        read_cells_file(tmp_path / "cells.h5")


@pytest.mark.parametrize("name", ["matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz"])
def test_a_truncated_10x_folder(raw: Path, name: str) -> None:
    (raw / name).write_bytes((raw / name).read_bytes()[:-12])
    with pytest.raises(FileError, match=r"is damaged or not a 10x mtx folder: "):
        read_cells_file(raw)


def test_an_empty_or_damaged_zarr(tmp_path: Path) -> None:
    (tmp_path / "cells.zarr").mkdir()
    with pytest.raises(FileError, match=r"is damaged or not a zarr store of AnnData: "):
        read_cells_file(tmp_path / "cells.zarr")


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_file_that_may_not_be_read(
    tmp_path: Path, closed: str, nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    make_adata().write_h5ad(tmp_path / "cells.h5ad")
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    (tmp_path if closed == "folder" else tmp_path / "cells.h5ad").chmod(0)
    with nobody(), pytest.raises(FileError, match=r"must be readable; '.*cells\.h5ad' is not, for this user"):
        read_cells_file(tmp_path / "cells.h5ad")
    tmp_path.chmod(0o755)


def test_a_file_that_another_program_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "TRUE")
    make_adata().write_h5ad(tmp_path / "cells.h5ad")
    writer = "import h5py, sys; f = h5py.File(sys.argv[1], 'a'); print('open', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", writer, str(tmp_path / "cells.h5ad")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(FileError, match=r"is being written by another program\. Wait"):
            read_cells_file(tmp_path / "cells.h5ad")
        process.communicate("\n")


def test_memory_that_runs_out_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> anndata.AnnData:
        raise MemoryError("no room")

    (tmp_path / "cells.h5ad").touch()
    monkeypatch.setattr(anndata, "read_h5ad", read)
    with pytest.raises(OutOfMemory, match=r"^Memory ran out: .* Read the files in blocks \(--memory") as told:
        read_cells_file(tmp_path / "cells.h5ad")
    assert str(told.value.__cause__) == "no room"


def test_what_hdf5_says_of_absurd_sizes_may_be_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> anndata.AnnData:
        raise OSError("Unable to open file (memory allocation failed for on disk image buffer)")

    (tmp_path / "cells.h5ad").touch()
    monkeypatch.setattr(anndata, "read_h5ad", read)
    with pytest.raises(FileError, match="is damaged or not an h5ad, or memory ran out as it was read: Unable to open"):
        read_cells_file(tmp_path / "cells.h5ad")
