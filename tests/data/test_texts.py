"""Labels and names that no file can hold, or that text cannot tell apart."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.data.cells import from_anndata
from topocraft.data.columns import batch_labels
from topocraft.data.texts import LONGEST, label_texts, n_distinct, require_text
from topocraft.errors import InputError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "1"], r"batch_key 'run' must not mix labels that read alike; it holds 1 and '1'\. Make it one kind"),
        (["True", True], "it holds 'True' and True"),
        ([[1], [2]], r"must hold one text or number per cell; it holds 'list'\. Turn them into text"),
        ([np.arange(2000), "a"], "it holds 'ndarray', 'str'"),
        (["a" * (LONGEST + 1), "b"], r"at most 1,000 characters; one has 1,001: 'aaaaaaaaaaaaaaaaaaaa'… Shorten it"),
        (["a\0", "a"], r"batch_key 'run' must be text that a file can hold, .*one is 'a\\x00'\. Rename it"),
        (["\ud800", "a"], r"one is '\\ud800'"),
    ],
)
def test_labels_that_would_be_lost_or_merged_are_refused(values: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        label_texts(pd.Series(values, dtype=object), "run", "batch_key")


def test_labels_of_several_types_that_read_differently_are_kept() -> None:
    values = [1, "b", 2.5, None, datetime.date(2020, 1, 1), np.int64(1), (1, 2)]
    texts = label_texts(pd.Series(values, dtype=object, index=list("aaabbbb")), "run", "batch_key")
    assert [None if pd.isna(text) else text for text in texts] == ["1", "b", "2.5", None, "2020-01-01", "1", "(1, 2)"]


def test_values_are_told_apart_whatever_they_are() -> None:
    assert n_distinct(pd.Series([[1], [2], [1], None])) == 2
    assert n_distinct(pd.Series([{"a": 1}, {"a": 1}])) == 1
    assert n_distinct(pd.Series([1, "1", np.nan], dtype=object)) == 2


def test_a_column_that_is_there_twice_is_refused() -> None:
    obs = pd.DataFrame([["a", "b"], ["c", "d"]], columns=["batch", "batch"])
    with pytest.raises(InputError, match=r"batch_key must name one column of obs; 2 are called 'batch'\. Rename"):
        batch_labels(obs, "batch")


def test_names_may_be_long_or_empty_or_in_any_script() -> None:
    require_text(["", "x" * 10_000, "细胞", "a\nb", "\x1b[31m"], "adata.obs_names")


@pytest.mark.parametrize("attribute", ["obs_names", "var_names"])
@pytest.mark.parametrize("broken", ["a\0", "\udfff"])
def test_names_that_no_file_holds_are_refused_before_any_work(attribute: str, broken: str) -> None:
    adata = AnnData(np.eye(4, dtype=np.float32), obs={"batch": list("aabb")})
    setattr(adata, attribute, ["p", "q", broken, "s"])
    with pytest.raises(InputError, match=rf"adata\.{attribute} must be text that a file can hold"):
        from_anndata(adata, "batch")


@pytest.mark.parametrize("attribute", ["obs", "var"])
@pytest.mark.parametrize(
    ("index", "shown"),
    [
        (pd.RangeIndex(4), r"4 of 4 are not, such as 0 \(int\)"),
        (pd.Index(["a", None, "b", "c"], dtype=object), r"1 of 4 are not, such as None \(NoneType\)"),
        (pd.Index([np.nan, "a", "b", np.nan], dtype=object), r"2 of 4 are not, such as nan \(float\)"),
        (pd.Index([b"a", "b", "c", "d"], dtype=object), r"such as b'a' \(bytes\)"),
        (pd.date_range("2020", periods=4), r"such as Timestamp\('2020-01-01 00:00:00'\) \(Timestamp\)"),
        (pd.MultiIndex.from_arrays([range(4), range(4)]), r"such as \(0, 0\) \(tuple\)"),
    ],
)
def test_names_that_are_no_text_are_refused_with_a_cure(attribute: str, index: pd.Index, shown: str) -> None:
    adata = AnnData(np.eye(4, dtype=np.float32), obs={"batch": list("aabb")})
    getattr(adata, attribute).index = index
    names = f"adata.{attribute}_names"
    with pytest.raises(InputError, match=rf"{names} must be text; .*{shown}\. .*: {names} = {names}\.astype\(str\)"):
        from_anndata(adata, "batch")


@pytest.mark.parametrize("index", [pd.CategoricalIndex(list("pqrs")), pd.Index(list("pqrs"), dtype="string")])
def test_names_of_every_kind_of_text_are_taken(index: pd.Index) -> None:
    adata = AnnData(np.eye(4, dtype=np.float32), obs={"batch": list("aabb")})
    adata.obs.index = index
    assert from_anndata(adata, "batch").cell_names.tolist() == list("pqrs")
