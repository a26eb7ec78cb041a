"""The one door for cells: every refusal, by its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.data.cells import from_anndata
from topocraft.data.columns import tell_lost_labels
from topocraft.errors import InputError

COUNTS = np.random.default_rng(0).poisson(2.0, (6, 8)).astype(np.float32) + np.eye(6, 8, dtype=np.float32)
NAN, INF = float("nan"), float("inf")


def _adata(matrix: Any = COUNTS, n_cells: int = 6, **columns: Any) -> AnnData:
    obs = pd.DataFrame({"batch": list("aabbcc")[:n_cells], **columns}, index=[f"cell{i}" for i in range(n_cells)])
    return AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"gene{i}" for i in range(matrix.shape[1])]))


def _with(value: float, dtype: str = "float32") -> AnnData:
    matrix = COUNTS.astype(dtype)
    matrix[2, 3] = value
    return _adata(matrix)


def _renamed(**names: list[str]) -> AnnData:
    adata = _adata()
    for attribute, values in names.items():
        setattr(adata, attribute, values)
    return adata


def _layered(value: float) -> AnnData:
    adata = _adata()
    adata.layers["counts"] = _with(value).X
    adata.var["use"] = np.arange(8) >= 2
    return adata


def _masked(values: Any) -> AnnData:
    adata = _adata()
    adata.var["use"] = values
    return adata


ONE_COLUMN = {"donor": list("xxyyzz"), "empty": [None] * 6, "same": ["only"] * 6}

REFUSED: dict[str, tuple[Callable[[], AnnData], dict[str, Any], str]] = {
    "no such column": (
        lambda: _adata(**ONE_COLUMN),
        {"batch_key": "bacth"},
        r"batch_key must name a column of obs; there is no 'bacth'. Did you mean 'batch'\? "
        r"Columns: 'batch', 'donor', 'empty', 'same'\.",
    ),
    "no second column": (
        lambda: _adata(),
        {"batch_key": ["batch", "donor"]},
        r"there is no 'donor'\. Columns: 'batch'",
    ),
    "no key": (
        lambda: _adata(),
        {"batch_key": []},
        "batch_key must name at least one column of obs; got none",
    ),
    "a number as key": (
        lambda: _adata(),
        {"batch_key": 3},
        r"batch_key must be text, the name of a column of obs; got 3 \(int\)\.",
    ),
    "bytes as key": (lambda: _adata(), {"batch_key": b"batch"}, r"batch_key must be text, .*; got b'batch' \(bytes\)"),
    "a number among keys": (lambda: _adata(), {"batch_key": ["batch", 3]}, r"got 3 \(int\)"),
    "a list in keys": (lambda: _adata(), {"batch_key": [["batch"]]}, r"got \['batch'\] \(list\)"),
    "a number as layer": (
        lambda: _adata(),
        {"layer": 3},
        r"layer must be text, the name of a layer of adata; got 3 \(int\)",
    ),
    "a list as labels": (
        lambda: _adata(),
        {"labels_low": ["t"]},
        r"labels_low must be text, the name of a column of obs; got \['t'\] \(list\)",
    ),
    "one batch": (
        lambda: _adata(**ONE_COLUMN),
        {"batch_key": "same"},
        r"batch_key must tell at least two batches apart; 'same' has only 'only'\..*name another column",
    ),
    "NaN batch": (
        lambda: _adata(donor=["x", NAN, "x", None, "y", "y"]),
        {"batch_key": "donor"},
        r"batch_key 'donor' must be set for every cell; 2 have none: 'cell1', 'cell3'\. Fill the column in",
    ),
    "NaN number": (
        lambda: _adata(donor=[1, 1, 2, NAN, 2, 2]),
        {"batch_key": "donor"},
        "1 have none: 'cell3'",
    ),
    "empty batch": (
        lambda: _adata(donor=["x", "", "x", "y", "y", "y"]),
        {"batch_key": "donor"},
        "1 have none: 'cell1'",
    ),
    "blank batch": (
        lambda: _adata(donor=["x", "  ", "x", "\t\u3000", "y", "y"]),
        {"batch_key": "donor"},
        r"batch_key 'donor' must be set for every cell; 2 have none: 'cell1', 'cell3'\.",
    ),
    "missing category": (
        lambda: _adata(donor=pd.Categorical(["x", "y", None, "x", "y", "y"])),
        {"batch_key": ["batch", "donor"]},
        "batch_key 'donor' must be set for every cell; 1 have none: 'cell2'",
    ),
    "negative": (
        lambda: _with(-0.25),
        {},
        r"Values must not be negative; the smallest is -0.25, so this looks like scaled.*counts: .*--layer counts",
    ),
    "NaN value": (
        lambda: _with(NAN),
        {},
        r"Values must be finite; 1 are NaN or infinite in X, first in cell 'cell2', gene 'gene3'\. Remove or repair",
    ),
    "NaN in a layer, beside a mask": (
        lambda: _layered(NAN),
        {"layer": "counts", "gene_mask": "use"},
        r"1 are NaN or infinite in layer 'counts', first in cell 'cell2', gene 'gene3'\.",
    ),
    "infinite": (lambda: _with(INF), {}, "Values must be finite; 1 are NaN or infinite"),
    "minus infinite": (lambda: _with(-INF), {}, "Values must be finite; 1 are NaN or infinite"),
    "all zero": (
        lambda: _adata(0 * COUNTS),
        {},
        "Values must not all be zero; every one is. Is this the right",
    ),
    "no cell": (
        lambda: _adata(COUNTS[:0], n_cells=0),
        {},
        "must hold at least one cell and one gene; got 0 cells × 8 genes\\. Loosen the filter",
    ),
    "no gene": (
        lambda: _adata(COUNTS[:, :0]),
        {},
        "must hold at least one cell and one gene; got 6 cells × 0 genes\\. Loosen the filter",
    ),
    "cell twice": (
        lambda: _renamed(obs_names=list("pqrspp")),
        {},
        r"cell names must be unique.*1 come more than once: 'p'\. Call adata\.obs_names_make_unique\(\)",
    ),
    "gene twice": (
        lambda: _renamed(var_names=list("ABABCDEF")),
        {},
        r"gene names must be unique.*2 come more than once: 'A', 'B'\. Call adata\.var_names_make_unique\(\)",
    ),
    "no such layer": (
        lambda: _adata(),
        {"layer": "counts"},
        r"layer must name a layer of adata; there is no 'counts'\.",
    ),
    "no X": (
        lambda: AnnData(obs=_adata().obs, var=_adata().var, layers={"raw": COUNTS}),
        {},
        "X must hold values; it is empty. Name a layer: 'raw'",
    ),
    "no low label": (
        lambda: _adata(**ONE_COLUMN),
        {"labels_low": "empty"},
        r"labels_low 'empty' must label at least some cells; all 6 are missing\. Leave labels_low out",
    ),
    "no high column": (
        lambda: _adata(**ONE_COLUMN),
        {"labels_high": "doner"},
        "labels_high must name a column.*Did you mean 'donor'",
    ),
    "large log1p": (
        lambda: _with(20.5),
        {"input_kind": "log1p"},
        "input_kind 'log1p' allows values up to 20; the largest is 20.5",
    ),
    "no such mask": (
        lambda: _adata(),
        {"gene_mask": "use"},
        "gene_mask must name a column of var; there is no 'use'",
    ),
    "mask of numbers": (
        lambda: _masked(1),
        {"gene_mask": "use"},
        "gene_mask 'use' must be a boolean column of var",
    ),
    "mask of nothing": (
        lambda: _masked(False),
        {"gene_mask": "use"},
        "with at least one True; it has dtype bool and 0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_name_and_cure(case: str) -> None:
    build, arguments, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        from_anndata(build(), **{"batch_key": "batch", **arguments})


def test_a_column_named_by_a_number_is_a_column() -> None:
    adata = _adata()
    adata.obs.columns = [3]
    assert from_anndata(adata, 3).batch_names == ("a", "b", "c")


@pytest.mark.parametrize("text", ["nan", "NaN", "NaT", "None", "NA", "<NA>"])
def test_batches_called_as_a_missing_label_reads_are_told_by_column_number_and_cure(text: str, heard: Any) -> None:
    adata = _adata(donor=["x", text, "y", text, "y", "x"])
    tell_lost_labels(adata.obs, ["batch", "donor"], heard)
    (told,) = heard.warnings
    assert told.startswith(f"batch_key 'donor' should name the batch of every cell; 2 of 6 are called '{text}', as")
    assert told.endswith("'cell1', 'cell3'. If their batch is unknown, label these cells or drop them.")
    assert from_anndata(adata, "donor").n_batches == 3


@pytest.mark.parametrize("labels", [list("aabbcc"), ["na", "Nan", "none", "nano", "N/A", "NA1"]])
def test_other_names_of_batches_are_told_nothing(labels: list[str], heard: Any) -> None:
    tell_lost_labels(_adata(donor=labels).obs, "donor", heard)
    assert heard.warnings == []


def test_a_blank_annotation_is_none() -> None:
    cells = from_anndata(_adata(kind=["t", " ", "", None, "u", " t"]), "batch", labels_low="kind")
    assert cells.labels_low.tolist() == ["t", None, None, None, "u", " t"]


def test_values_beyond_single_precision_are_refused() -> None:
    with pytest.raises(InputError, match="Values must be finite"):
        from_anndata(_with(1e300, dtype="float64"), "batch")


def test_a_mask_that_leaves_zeros_alone_is_refused() -> None:
    matrix = COUNTS.copy()
    matrix[:, 0] = 0
    adata = _adata(matrix)
    adata.var["use"] = np.arange(8) == 0
    with pytest.raises(InputError, match="Values must not all be zero"):
        from_anndata(adata, "batch", gene_mask="use")
