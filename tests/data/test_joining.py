"""Several files joined, against literal answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topocraft.data.files import read_many
from topocraft.data.joining import file_names, join_files
from topocraft.data.outputs import write_result
from topocraft.errors import InputError


def make(counts: Any, cells: list[str], genes: list[str], **obs: Any) -> anndata.AnnData:
    frame = pd.DataFrame(obs, index=cells)
    return anndata.AnnData(counts, obs=frame, var=pd.DataFrame(index=genes))


def two(storage: Any = sparse.csr_matrix, dtype: str = "int32") -> dict[str, anndata.AnnData]:
    one = storage(np.array([[1, 2], [0, 3]], dtype=dtype))
    other = storage(np.array([[4, 0, 5]], dtype=dtype))
    return {"one": make(one, ["a", "b"], ["Z", "A"]), "other": make(other, ["c"], ["B", "Z", "A"])}


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
@pytest.mark.parametrize("storage", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_genes_are_joined_in_the_order_they_are_met_and_stay_sparse(storage: Any, dtype: str) -> None:
    files = two(storage, dtype)
    joined, notes = join_files(files)
    assert list(joined.var_names) == ["Z", "A", "B"]
    assert sparse.issparse(joined.X)
    assert joined.X.format == "csr"
    assert joined.X.has_sorted_indices
    assert joined.X.dtype == dtype
    np.testing.assert_array_equal(joined.X.toarray(), [[1, 2, 0], [0, 3, 0], [0, 5, 4]])
    assert list(joined.obs_names) == ["a", "b", "c"]
    assert list(joined.obs["file"]) == ["one", "one", "other"]
    assert list(joined.obs["file"].cat.categories) == ["one", "other"]
    assert list(joined.var["in_every_file"]) == [True, True, False]
    assert notes == ["2 files joined: 3 cells; 2 of 3 genes are in every file."]
    np.testing.assert_array_equal(np.asarray(files["other"].X.todense()), [[4, 0, 5]])


def test_dense_files_are_filled_with_zeros_and_not_with_missing_values() -> None:
    joined, _ = join_files(two(np.asarray))
    assert joined.X.dtype == "int32"
    np.testing.assert_array_equal(joined.X, [[1, 2, 0], [0, 3, 0], [0, 5, 4]])


def test_a_sparse_file_is_never_made_dense_by_a_dense_one() -> None:
    files = two()
    files["one"].X = files["one"].X.toarray()
    joined, _ = join_files(files)
    assert sparse.issparse(joined.X)
    np.testing.assert_array_equal(joined.X.toarray(), [[1, 2, 0], [0, 3, 0], [0, 5, 4]])


def test_half_precision_beside_a_sparse_file_becomes_single() -> None:
    files = two()
    files["one"].X = files["one"].X.toarray().astype(np.float16)
    joined, _ = join_files(files)
    assert joined.X.dtype in (np.float32, np.float64)
    np.testing.assert_array_equal(joined.X.toarray(), [[1, 2, 0], [0, 3, 0], [0, 5, 4]])


def test_several_names_of_several_files_are_many() -> None:
    one, other = (make(np.ones((2, 1)), ["a", "b"], ["A"]) for _ in range(2))
    assert "2 cell names are in more than one file" in join_files({"one": one, "other": other})[1][1]


def test_cells_of_the_same_name_get_the_name_of_their_file() -> None:
    one = make(np.ones((3, 1)), ["a", "b", "c"], ["A"])
    other = make(np.ones((2, 1)), ["c", "d"], ["A"])
    joined, notes = join_files({"one": one, "other": other})
    assert list(joined.obs_names) == ["a", "b", "c-one", "c-other", "d"]
    assert notes[1] == "1 cell name is in more than one file and got the file's name appended: 'c'."
    assert list(one.obs_names) == ["a", "b", "c"]


def test_obs_columns_are_joined_and_mixed_kinds_become_text(tmp_path: Path) -> None:
    one = make(
        np.ones((2, 1)), ["a", "b"], ["A"], same=["u", "v"], own=[1, 2], flag=[True, False], mixed=[1, 2],
        cluster=pd.Categorical([1, 2]),
    )  # fmt: skip
    other = make(np.ones((1, 1)), ["c"], ["A"], same=["w"], mixed=["x"], cluster=pd.Categorical(["3"]), file=["old"])
    joined, notes = join_files({"one": one, "other": other})
    assert list(joined.obs["same"]) == ["u", "v", "w"]
    np.testing.assert_array_equal(joined.obs["own"], [1, 2, np.nan])
    assert list(joined.obs["flag"]) == [True, False, pd.NA]
    assert list(joined.obs["mixed"]) == ["1", "2", "x"]
    assert list(joined.obs["cluster"]) == ["1", "2", "3"]
    assert list(joined.obs["file"]) == ["one", "one", "other"]
    assert notes[1:] == [
        "obs columns of mixed kinds became text: 'mixed', 'cluster'.",
        "obs column 'file' of the input was replaced by the names of the files.",
    ]
    write_result(joined, tmp_path / "joined.h5ad", force=False)
    write_result(joined, tmp_path / "joined.zarr", force=False)


def test_gene_annotation_is_kept_where_files_agree(tmp_path: Path) -> None:
    files = two()
    files["one"].var["id"] = pd.Categorical(["gZ", "gA"])
    files["other"].var["id"] = ["gB", "gZ", "gA"]
    files["one"].var["coding"] = [True, True]
    files["one"].var["rank"] = [1, 2]
    files["other"].var["rank"] = [3, 2, 1]
    files["other"].var["in_every_file"] = False
    joined, notes = join_files(files)
    assert list(joined.var["id"]) == ["gZ", "gA", "gB"]
    assert list(joined.var["coding"]) == [True, True, pd.NA]
    assert list(joined.var["in_every_file"]) == [True, True, False]
    assert notes[1:] == ["left out, as not alike in all files or bound to one of them: columns 'rank' of var."]
    write_result(joined, tmp_path / "joined.h5ad", force=False)


def test_layers_embeddings_and_uns_are_kept_where_every_file_has_them() -> None:
    files = two()
    for adata in files.values():
        adata.layers["raw"] = adata.X * 2
        adata.obsm["X_all"] = np.full((adata.n_obs, 2), 7.0)
        adata.obsm["table"] = pd.DataFrame({"x": range(adata.n_obs)}, index=adata.obs_names)
        adata.obsm["X_pca"] = np.ones((adata.n_obs, 1 + adata.n_obs))
        adata.uns.update(study={"name": "s", "ages": np.array([1, 2])}, n=adata.n_obs, same=3)
        adata.uns["colours"] = pd.DataFrame({"c": [1]})
        adata.uns["graph"] = sparse.eye(2).tocsr()
        adata.obsp["near"] = sparse.eye(adata.n_obs).tocsr()
        adata.varm["loadings"] = np.ones((adata.n_vars, 2))
    files["one"].layers["spliced"] = files["one"].X
    files["one"].raw = files["one"].copy()
    joined, notes = join_files(files)
    np.testing.assert_array_equal(joined.layers["raw"].toarray(), [[2, 4, 0], [0, 6, 0], [0, 10, 8]])
    np.testing.assert_array_equal(joined.obsm["X_all"], np.full((3, 2), 7.0))
    assert list(joined.obsm["table"]["x"]) == [0, 1, 0]
    assert list(joined.obsm["table"].index) == ["a", "b", "c"]
    assert set(joined.layers) == {"raw"}
    assert set(joined.obsm) == {"X_all", "table"}
    assert set(joined.uns) == {"study", "same", "colours"}
    assert joined.raw is None
    assert notes[1:] == [
        "left out, as not alike in all files or bound to one of them: layers 'spliced'; obsm 'X_pca'; "
        "uns 'n', 'graph'; varm 'loadings'; obsp 'near'; raw."
    ]


def test_counts_in_a_layer_alone() -> None:
    files = two()
    for adata in files.values():
        adata.layers["counts"] = adata.X
        adata.X = None
    joined, _ = join_files(files)
    assert joined.X is None
    np.testing.assert_array_equal(joined.layers["counts"].toarray(), [[1, 2, 0], [0, 3, 0], [0, 5, 4]])


def test_values_in_only_some_files() -> None:
    files = two()
    files["other"].X = None
    with pytest.raises(InputError, match=r"X must hold values in all files or in none; .* 'other'\. Put"):
        join_files(files)


def test_no_shared_gene_names_examples_and_the_cure() -> None:
    files = two()
    files["third"] = make(np.ones((1, 2)), ["d"], ["ENSG1", "ENSG2"])
    expected = (
        r"none is in all 3: 'one' has 'Z', 'A'; 'other' has 'B', 'Z' and 1 more; "
        r"'third' has 'ENSG1', 'ENSG2'\. "
        r"Name genes in the same way everywhere: all symbols, or all Ensembl"
    )
    with pytest.raises(InputError, match=expected):
        join_files(files)


@pytest.mark.filterwarnings("ignore:Variable names are not unique")  # said by anndata as the test builds it
def test_repeated_genes_within_a_file(tmp_path: Path) -> None:
    make(np.ones((1, 3)), ["a"], ["A", "B", "A"]).write_h5ad(tmp_path / "one.h5ad")
    make(np.ones((1, 2)), ["b"], ["A", "B"]).write_h5ad(tmp_path / "other.h5ad")
    paths = [tmp_path / "one.h5ad", tmp_path / "other.h5ad"]
    with pytest.raises(InputError, match=r"1 come more than once in 'one': 'A'\. Pass .*--make-unique"):
        read_many(paths)
    loaded = read_many(paths, make_unique=True)
    assert list(loaded.adata.var_names) == ["A", "B", "A-1"]
    assert loaded.notes[0] == "one.h5ad: 1 repeated gene names were numbered to be unique: 'A'."
    assert loaded.notes[1] == "2 files joined: 2 cells; 2 of 3 genes are in every file."


def test_files_of_several_kinds_come_through_the_reader(tmp_path: Path) -> None:
    files = two()
    files["one"].write_h5ad(tmp_path / "one.h5ad")
    write_result(files["other"], tmp_path / "other.zarr", force=False)
    joined = read_many([tmp_path / "one.h5ad", tmp_path / "other.zarr"]).adata
    assert list(joined.obs["file"]) == ["one", "one", "other"]
    np.testing.assert_array_equal(joined.X.toarray(), [[1, 2, 0], [0, 3, 0], [0, 5, 4]])


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.h5ad", "b.h5ad"], ["a", "b"]),
        (["s1/outs/raw.h5", "s2/outs/raw.h5"], ["s1", "s2"]),
        (["x/s1/m.h5", "y/s1/m.h5", "y/s2/m.h5", "b.h5"], ["x-s1", "y-s1", "y-s2", "b"]),
        (["x/a.h5", "x/y/a.h5"], ["a", "y"]),
        (["a.h5", "a.h5ad"], ["a.h5", "a.h5ad"]),
        (["pbmc.v1.h5ad", "pbmc.v2.h5ad"], ["pbmc.v1", "pbmc.v2"]),
    ],
)
def test_names_of_files_are_short_and_distinct(tmp_path: Path, paths: list[str], names: list[str]) -> None:
    whole = [tmp_path / path for path in paths]
    for path in whole:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert file_names(whole) == names


def test_names_of_folders_are_whole(tmp_path: Path) -> None:
    for name in ("sample.v1", "cells.zarr"):
        (tmp_path / name).mkdir()
    assert file_names([tmp_path / "sample.v1", tmp_path / "cells.zarr"]) == ["sample.v1", "cells"]


def test_names_that_nothing_short_tells_apart(tmp_path: Path) -> None:
    paths = [tmp_path / "x/x/a.h5", tmp_path / "x/a.h5"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert file_names(paths) == [str(path.resolve()) for path in paths]


def test_a_file_named_twice(tmp_path: Path) -> None:
    (tmp_path / "a.h5ad").touch()
    (tmp_path / "b.h5ad").symlink_to(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=r"must name every file once; '.*a\.h5ad' comes twice\. Leave"):
        file_names([tmp_path / "a.h5ad", tmp_path / "b.h5ad"])
