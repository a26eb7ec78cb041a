"""Cells of a source in the common form, against literal answers."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy import sparse

from topocraft.data.datasets import Dataset
from topocraft.data.datasets.standard import standardised
from topocraft.errors import InputError

SET = Dataset("small", "A small set", layer="counts", batch_key=("TECH", "tech"), label_key=("kind",), citation="doi:1")


def test_counts_batches_and_types_come_from_where_the_entry_says(source: anndata.AnnData) -> None:
    cells, notes = standardised(source, SET)
    assert sparse.isspmatrix_csr(cells.X)
    assert cells.X.dtype == np.float32
    np.testing.assert_array_equal(cells.X.toarray(), [[1, 0], [2, 3], [0, 4], [5, 0]])
    assert list(cells.obs["batch"]) == ["a", "a", "b", "b"]
    assert list(cells.obs["batch"].cat.categories) == ["a", "b"]
    assert list(cells.obs["celltype"].astype(object).fillna("?")) == ["T", "?", "B", "T"]
    assert list(cells.obs["celltype"].cat.categories) == ["B", "T"]
    assert list(cells.obs_names) == ["c1", "c2", "c3", "c4"]
    assert list(cells.var_names) == ["g1", "g2"]
    assert notes == ["1 cells have no cell type."]


def test_other_columns_stay_and_one_of_the_same_name_is_renamed(source: anndata.AnnData) -> None:
    cells, _ = standardised(source, SET)
    assert list(cells.obs["batch_source"]) == ["x", "y", "z", "w"]
    assert list(cells.obs["tech"]) == ["a", "a", "b", "b"]
    assert list(source.obs["batch"]) == ["x", "y", "z", "w"]
    assert not cells.layers
    assert not cells.obsm


def test_where_the_cells_came_from_is_kept(source: anndata.AnnData) -> None:
    cells, _ = standardised(source, SET)
    assert cells.uns["dataset"] == "small"
    assert cells.uns["source"] == "A small set; doi:1; licence: not stated"
    source.uns["source"] = "a study"
    assert standardised(source, SET)[0].uns["source"] == "a study"


@pytest.mark.parametrize(
    ("values", "kind", "note"),
    [
        ([[1, 2], [3, 4], [5, 6], [7, 8]], "raw counts", None),
        ([[1, 0.5], [3, 4], [5, 6], [7, 8]], "log-normalised values", None),
        ([[1, 2], [3, 4], [5, 6.5], [7, 80]], "counts, not all of them whole", "in 1 of 2 batches: 'b'."),
    ],
)
def test_what_the_values_are_is_told_by_them(
    source: anndata.AnnData, values: list[list[float]], kind: str, note: str | None
) -> None:
    source.layers["counts"] = np.array(values)
    cells, notes = standardised(source, SET)
    assert cells.uns["x_kind"] == kind
    assert [said for said in notes if "not whole" in said] == ([f"Counts are not whole {note}"] if note else [])


def test_what_the_file_says_of_its_values_holds(source: anndata.AnnData) -> None:
    source.uns["x_kind"] = "raw counts (UMI)"
    assert standardised(source, SET)[0].uns["x_kind"] == "raw counts (UMI)"


@pytest.mark.filterwarnings("ignore:.*names are not unique")  # said by anndata as the test builds it
def test_repeated_names_are_numbered(source: anndata.AnnData) -> None:
    source.obs_names = ["a", "a", "b", "c"]
    source.var_names = ["g", "g"]
    cells, notes = standardised(source, SET)
    assert list(cells.obs_names) == ["a", "a-1", "b", "c"]
    assert list(cells.var_names) == ["g", "g-1"]
    assert "1 repeated cell names were numbered to be unique." in notes
    assert "1 repeated gene names were numbered to be unique." in notes


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"batch_key": ("techs", "x")}, r"batch_key must name .* no 'techs' or 'x'\. Did you mean 'tech'\?.* \.toml"),
        ({"label_key": ("type",)}, r"label_key must name a column of obs; there is no 'type'"),
        ({"layer": "count"}, r"layer must name a layer; there is no 'count'\. Did you mean 'counts'\?"),
        ({"batch_key": ("kind",)}, r"batch_key 'kind' must be set for every cell; 1 have none"),
    ],
)
def test_a_file_that_is_not_as_the_entry_says(source: anndata.AnnData, entry: dict[str, object], told: str) -> None:
    given = {"layer": "counts", "batch_key": ("tech",), "label_key": ("kind",)} | entry
    with pytest.raises(InputError, match=told):
        standardised(source, Dataset("small", "A small set", **given))  # type: ignore[arg-type]


def test_a_file_without_values(source: anndata.AnnData) -> None:
    source.X = None
    with pytest.raises(InputError, match=r"X must hold values; it is empty\. Name a layer: 'counts'"):
        standardised(source, Dataset("small", "A small set", batch_key=("tech",), label_key=("kind",)))
