"""Results come back as they were written, where they may be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topocraft.data.outputs import atomic_text, check_output, write_result
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


def test_an_annotation_that_no_file_holds(tmp_path: Path) -> None:
    adata = make_adata()
    adata.obs["mixed"] = [1, "two", 3]
    expected = r"Every annotation must be of a kind that \.h5ad holds; one is not: .*'mixed'.*Turn it into text"
    with pytest.raises(FileError, match=expected):
        write_result(adata, tmp_path / "result.h5ad", force=False)
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
