"""Every kind of file, read back."""

from __future__ import annotations

import gzip
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.io import mmwrite

from topocraft.data.files import read_cells_file, read_many
from topocraft.errors import FileError, InputError

COUNTS = np.array([[1, 0, 2, 0], [0, 3, 0, 0], [4, 0, 0, 5]], dtype="float32")
GENES = ["A", "B", "C", "D"]
IDS = ["ENSG1", "ENSG2", "ENSG3", "ENSG4"]
CELLS = ["AAAC-1", "AAAG-1", "AAAT-1"]
STORAGE = {
    "dense": np.asarray,
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
}


def make_adata(storage: str = "csr", dtype: str = "float32") -> anndata.AnnData:
    obs = pd.DataFrame({"batch": ["x", "y", "x"], "depth": [3, 3, 9]}, index=CELLS)
    return anndata.AnnData(STORAGE[storage](COUNTS.astype(dtype)), obs=obs, var=pd.DataFrame(index=GENES))


def values(adata: anndata.AnnData) -> np.ndarray:
    return adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)


def write_h5(path: Path, symbols: list[str], kinds: list[str] | None = None, legacy: bool = False) -> Path:
    """Write the layout of Cell Ranger 3 and later, or of Cell Ranger 2: a CSC matrix of genes × cells."""
    matrix = sparse.csc_matrix(COUNTS.T.astype("int32"))
    with h5py.File(path, "w") as file:
        group = file.create_group("GRCh38" if legacy else "matrix")
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)
        group["shape"] = np.array(matrix.shape, dtype="int32")
        group["barcodes"] = np.array(CELLS, dtype="S")
        genes = group if legacy else group.create_group("features")
        genes["genes" if legacy else "id"] = np.array(IDS, dtype="S")
        genes["gene_names" if legacy else "name"] = np.array(symbols, dtype="S")
        if not legacy:
            genes["feature_type"] = np.array(kinds or ["Gene Expression"] * 4, dtype="S")
            genes["genome"] = np.array(["GRCh38"] * 4, dtype="S")
            genes["_all_tag_keys"] = np.array(["genome"], dtype="S")
    return path


def write_mtx(
    folder: Path, *, genes: str = "features.tsv", packed: bool = True, symbols: list[str] = GENES, **more: Any
) -> Path:
    """Write a matrix of genes × cells, its genes with or without a third column, and its barcodes."""
    folder.mkdir()
    kinds = more.get("kinds", ["Gene Expression"] * 4)
    columns = [IDS, symbols, kinds] if genes == "features.tsv" else [IDS, symbols]
    mmwrite(folder / "matrix.mtx", sparse.coo_matrix(COUNTS.T.astype("int64")))
    lines = ["\t".join(line) for line in zip(*columns, strict=True)]
    (folder / genes).write_text("\n".join(lines) + "\n")
    (folder / "barcodes.tsv").write_text("\n".join(CELLS) + "\n")
    for name in ["matrix.mtx", genes, "barcodes.tsv"] if packed else []:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    return folder


def write_loom(path: Path, cells: str = "CellID", genes: str = "Gene") -> Path:
    """Write the main matrix, genes × cells, and a layer 'spliced' that is half of it."""
    with h5py.File(path, "w") as file:
        file.create_group("attrs")["LOOM_SPEC_VERSION"] = "3.0.0"
        file["matrix"] = COUNTS.T
        file["layers/spliced"] = COUNTS.T / 2
        file[f"col_attrs/{cells}"] = np.array(CELLS, dtype="S")
        file["col_attrs/batch"] = np.array(["x", "y", "x"], dtype="S")
        file[f"row_attrs/{genes}"] = np.array(GENES, dtype="S")
        for graph in ("row_graphs", "col_graphs"):
            file.create_group(graph)
    return path


@pytest.mark.parametrize("storage", list(STORAGE))
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint16"])
@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_h5ad_and_zarr_come_back_as_written(tmp_path: Path, ending: str, dtype: str, storage: str) -> None:
    path = tmp_path / f"cells.{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata announces zarr format 3
        getattr(make_adata(storage, dtype), f"write_{ending}")(path)
    loaded = read_cells_file(path)
    assert loaded.notes == ()
    np.testing.assert_array_equal(values(loaded.adata), COUNTS)
    assert loaded.adata.X.dtype == dtype
    assert type(loaded.adata.X) is type(make_adata(storage).X)
    assert list(loaded.adata.obs_names) == CELLS
    assert list(loaded.adata.var_names) == GENES
    assert list(loaded.adata.obs["batch"]) == ["x", "y", "x"]


def test_a_zarr_folder_is_known_by_what_it_holds(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_adata().write_zarr(tmp_path / "cells")
    np.testing.assert_array_equal(values(read_cells_file(tmp_path / "cells").adata), COUNTS)


@pytest.mark.parametrize("legacy", [False, True])
def test_10x_h5(tmp_path: Path, legacy: bool) -> None:
    loaded = read_cells_file(write_h5(tmp_path / "cells.h5", ["A", "B", "A", "A"], legacy=legacy))
    np.testing.assert_array_equal(values(loaded.adata), COUNTS)
    assert list(loaded.adata.var_names) == ["A", "B", "A-1", "A-2"]
    assert list(loaded.adata.var["gene_ids"]) == IDS
    assert list(loaded.adata.obs_names) == CELLS
    assert loaded.notes == ("cells.h5: 2 repeated gene names were numbered to be unique: 'A'.",)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("genes", ["features.tsv", "genes.tsv"])
def test_10x_mtx(tmp_path: Path, genes: str, packed: bool) -> None:
    folder = write_mtx(tmp_path / "raw.v1", genes=genes, packed=packed, symbols=["A", "B", "A", "C"])
    before = sorted(folder.iterdir())
    loaded = read_cells_file(folder)
    np.testing.assert_array_equal(values(loaded.adata), COUNTS)
    assert sparse.isspmatrix_csr(loaded.adata.X)
    assert list(loaded.adata.var_names) == ["A", "B", "A-1", "C"]
    assert list(loaded.adata.var["gene_ids"]) == IDS
    assert list(loaded.adata.obs_names) == CELLS
    assert loaded.notes == ("raw.v1: 1 repeated gene names were numbered to be unique: 'A'.",)
    assert sorted(folder.iterdir()) == before


def test_10x_mtx_with_pieces_packed_and_plain(tmp_path: Path) -> None:
    folder = write_mtx(tmp_path / "raw", packed=True)
    (folder / "barcodes.tsv").write_bytes(gzip.decompress((folder / "barcodes.tsv.gz").read_bytes()))
    (folder / "barcodes.tsv.gz").unlink()
    np.testing.assert_array_equal(values(read_cells_file(folder).adata), COUNTS)


def test_10x_gene_symbols_that_look_like_missing_values(tmp_path: Path) -> None:
    loaded = read_cells_file(write_mtx(tmp_path / "raw", symbols=["A", "nan", "NA", "D"]))
    assert list(loaded.adata.var_names) == ["A", "ENSG2", "ENSG3", "D"]


@pytest.mark.parametrize("kind", ["h5", "mtx"])
def test_10x_features_that_are_not_genes_are_left_out_and_named(tmp_path: Path, kind: str) -> None:
    kinds = ["Gene Expression", "Gene Expression", "Antibody Capture", "CRISPR Guide Capture"]
    if kind == "h5":
        loaded = read_cells_file(write_h5(tmp_path / "cells.h5", GENES, kinds))
    else:
        loaded = read_cells_file(write_mtx(tmp_path / "cells.h5", kinds=kinds))
    np.testing.assert_array_equal(values(loaded.adata), COUNTS[:, :2])
    left_out = "2 features that are not genes were left out: 'Antibody Capture', 'CRISPR Guide Capture'."
    assert loaded.notes == (f"cells.h5: {left_out}",)


def test_10x_without_genes(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "cells.h5", GENES, ["Peaks"] * 4)
    with pytest.raises(InputError, match=r"must hold 'Gene Expression' features; it holds 'Peaks'\."):
        read_cells_file(path)


@pytest.mark.parametrize(("cells", "genes"), [("CellID", "Gene"), ("obs_names", "var_names")])
def test_loom_takes_the_main_matrix_and_either_naming(tmp_path: Path, cells: str, genes: str) -> None:
    loaded = read_cells_file(write_loom(tmp_path / "cells.loom", cells, genes))
    np.testing.assert_array_equal(values(loaded.adata), COUNTS)
    np.testing.assert_array_equal(loaded.adata.layers["spliced"].toarray(), COUNTS / 2)
    assert list(loaded.adata.obs_names) == CELLS
    assert list(loaded.adata.var_names) == GENES
    assert list(loaded.adata.obs["batch"]) == ["x", "y", "x"]
    assert loaded.notes == ()


def test_loom_without_names_is_numbered_and_said(tmp_path: Path) -> None:
    loaded = read_cells_file(write_loom(tmp_path / "cells.loom", cells="Well"))
    assert list(loaded.adata.obs_names) == ["0", "1", "2"]
    assert loaded.notes == ("cells.loom: the cells have no names (col_attrs 'CellID') and were numbered.",)


def test_loom_without_loompy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loompy", None)
    with pytest.raises(FileError, match=r"needs loompy, .* pip install 'topocraft\[loom\]'"):
        read_cells_file(write_loom(tmp_path / "cells.loom"))


def test_repeated_names_are_kept_unless_asked_for(tmp_path: Path) -> None:
    adata = make_adata()
    adata.obs_names, adata.var_names = ["a", "a", "b"], ["A", "A-1", "A", "B"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(tmp_path / "cells.h5ad")
    kept = read_cells_file(tmp_path / "cells.h5ad")
    assert list(kept.adata.obs_names) == ["a", "a", "b"]
    assert kept.notes == ()
    numbered = read_cells_file(tmp_path / "cells.h5ad", make_unique=True)
    assert list(numbered.adata.obs_names) == ["a", "a-1", "b"]
    assert list(numbered.adata.var_names) == ["A", "A-1", "A-2", "B"]
    assert numbered.notes == (
        "cells.h5ad: 1 repeated gene names were numbered to be unique: 'A'.",
        "cells.h5ad: 1 repeated cell names were numbered to be unique: 'a'.",
    )


def test_what_a_library_warns_of_becomes_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> anndata.AnnData:
        warnings.warn("The scale was lost.\nSee above.", UserWarning, stacklevel=1)
        warnings.warn("Will be gone in 2030.", FutureWarning, stacklevel=1)
        return make_adata()

    (tmp_path / "cells.h5ad").touch()
    monkeypatch.setattr(anndata, "read_h5ad", read)
    assert read_cells_file(tmp_path / "cells.h5ad").notes == ("cells.h5ad: The scale was lost.",)


def test_one_file_of_many_is_left_as_it_is(tmp_path: Path) -> None:
    make_adata().write_h5ad(tmp_path / "cells.h5ad")
    loaded = read_many([tmp_path / "cells.h5ad"])
    assert list(loaded.adata.obs) == ["batch", "depth"]
    assert loaded.notes == ()


def test_importing_the_module_takes_no_heavy_library() -> None:
    code = "import sys, topocraft.data.files as f; print({'anndata', 'scanpy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
