"""The one door: every accepted form of one matrix gives the same cells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.data.cells import fingerprint, from_anndata
from topocraft.data.order import canonical_order

COUNTS = np.random.default_rng(0).poisson(2.0, (6, 8)).astype(np.float32) + np.eye(6, 8, dtype=np.float32)
NAN = float("nan")


def _adata(matrix: Any = COUNTS, n_cells: int = 6, **columns: Any) -> AnnData:
    obs = pd.DataFrame({"batch": list("aabbcc")[:n_cells], **columns}, index=[f"cell{i}" for i in range(n_cells)])
    return AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"gene{i}" for i in range(matrix.shape[1])]))


def _unsorted(matrix: np.ndarray) -> sparse.csr_matrix:
    """The same values with the columns of each row stored backwards, and a zero stored in the first."""
    columns = np.indices(matrix.shape)[1]
    stored = [part[:, ::-1].ravel() for part in (matrix, columns)]
    return sparse.csr_matrix((*stored, np.arange(0, matrix.size + 1, matrix.shape[1])), shape=matrix.shape)


def _doubled(matrix: np.ndarray) -> sparse.csr_matrix:
    """The same values, each stored as two halves."""
    columns = np.indices(matrix.shape)[1]
    halves = np.repeat(matrix.ravel() / 2, 2)
    start = np.arange(0, 2 * matrix.size + 1, 2 * matrix.shape[1])
    return sparse.csr_matrix((halves, np.repeat(columns.ravel(), 2), start), shape=matrix.shape)


def _wide(matrix: np.ndarray) -> sparse.csr_matrix:
    values = sparse.csr_matrix(matrix)
    values.indices, values.indptr = values.indices.astype(np.int64), values.indptr.astype(np.int64)
    return values


FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "dense": np.asarray,
    "dense float64": lambda matrix: matrix.astype(np.float64),
    "dense int64": lambda matrix: matrix.astype(np.int64),
    "dense Fortran": np.asfortranarray,
    "csr": sparse.csr_matrix,
    "csr int32": lambda matrix: sparse.csr_matrix(matrix.astype(np.int32)),
    "csr uint16": lambda matrix: sparse.csr_matrix(matrix.astype(np.uint16)),
    "csr array": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "csc float64": lambda matrix: sparse.csc_matrix(matrix.astype(np.float64)),
    "explicit zeros and backwards": _unsorted,
    "doubled entries": _doubled,
    "int64 indices": _wide,
}


def _hash(adata: AnnData) -> str:
    matrix = adata.X
    parts = [matrix] if isinstance(matrix, np.ndarray) else [matrix.data, matrix.indices, matrix.indptr]
    content = b"".join(part.tobytes() + str(part.dtype).encode() for part in parts)
    return hashlib.sha256(content + adata.obs.to_csv().encode() + adata.var.to_csv().encode()).hexdigest()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_matrix_gives_the_same_cells(form: str) -> None:
    adata = _adata(FORMS[form](COUNTS))
    before = _hash(adata)
    cells = from_anndata(adata, "batch")
    assert _hash(adata) == before
    assert type(cells.values) is sparse.csr_matrix
    assert cells.values.dtype == np.float32
    assert cells.values.has_sorted_indices
    assert cells.values.nnz == np.count_nonzero(COUNTS)
    assert np.array_equal(cells.values.toarray(), COUNTS)
    assert (cells.kind, cells.batch.tolist(), cells.batch_names) == (
        "counts",
        [0, 0, 1, 1, 2, 2],
        ("a", "b", "c"),
    )
    assert (cells.n_cells, cells.n_genes, cells.n_batches) == (6, 8, 3)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_matrix_gives_the_same_digests(form: str) -> None:
    digests = from_anndata(_adata(FORMS[form](COUNTS)), "batch").digests()
    assert digests.tolist() == from_anndata(_adata(), "batch").digests().tolist()


@pytest.mark.parametrize(
    ("factor", "log", "input_kind", "kind"),
    [
        (1, False, "auto", "counts"),
        (9.7, False, "auto", "fractional counts"),
        (1, True, "auto", "log1p"),
        (1, True, "log1p", "log1p"),
        (1, True, "counts", "fractional counts"),
        (1, False, "log1p", "log1p"),
        (9, False, "counts", "counts"),
    ],
)
def test_the_kind_of_values_is_found_out(factor: float, log: bool, input_kind: Any, kind: str) -> None:
    matrix = np.log1p(COUNTS) if log else factor * COUNTS
    assert from_anndata(_adata(matrix.astype(np.float32)), "batch", input_kind=input_kind).kind == kind


def test_a_layer_is_read_instead_of_x() -> None:
    adata = _adata(-COUNTS)
    adata.layers["counts"] = sparse.csc_matrix(COUNTS)
    assert np.array_equal(from_anndata(adata, "batch", layer="counts").values.toarray(), COUNTS)


def test_a_mask_chooses_genes() -> None:
    adata = _adata()
    adata.var["use"] = np.arange(8) % 2 == 0
    cells = from_anndata(adata, "batch", gene_mask="use")
    assert cells.gene_names.tolist() == ["gene0", "gene2", "gene4", "gene6"]
    assert np.array_equal(cells.values.toarray(), COUNTS[:, ::2])


def test_several_keys_are_combined() -> None:
    cells = from_anndata(_adata(run=[1, 2, 1, 1, 2, 2]), ["batch", "run"])
    assert cells.batch_names == ("a|1", "a|2", "b|1", "c|2")
    assert cells.batch.tolist() == [0, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("labs", "runs", "names"),
    [
        ("a|b a x", "c b|c y", (r"a\|b|c", r"a|b\|c", "x|y")),
        (r"a\ a|b\ x", "b|c c y", (r"a\\|b\|c", r"a\|b\\|c", "x|y")),
    ],
)
def test_combined_keys_keep_batches_apart(labs: str, runs: str, names: tuple[str, ...]) -> None:
    cells = from_anndata(_adata(lab=2 * labs.split(), run=2 * runs.split()), ["lab", "run"])
    assert [cells.batch_names[code] for code in cells.batch] == 2 * list(names)


@pytest.mark.parametrize("column", [[1, 1, 2, 2, 3, 3], [True, True, True, False, False, False]])
def test_batches_need_not_be_text(column: list[Any]) -> None:
    cells = from_anndata(_adata(number=column), "number")
    assert [cells.batch_names[code] for code in cells.batch] == [str(value) for value in column]


def test_labels_are_text_or_none() -> None:
    low, high = pd.Categorical(["T", None, "B", "T", "", "B"]), [1, 2, NAN, 1, 2, 2]
    cells = from_anndata(_adata(low=low, high=high), "batch", labels_low="low", labels_high="high")
    assert cells.labels_low.tolist() == ["T", None, "B", "T", None, "B"]
    assert cells.labels_high.tolist() == ["1.0", "2.0", None, "1.0", "2.0", "2.0"]


def test_taking_cells_takes_all_that_belongs_to_them() -> None:
    cells = from_anndata(_adata(low=list("TTBBNN")), "batch", labels_low="low")
    for which in (np.array([5, 0, 3]), np.array([True, False, False, True, False, True])):
        positions = np.arange(6)[which]
        taken = cells.take(which)
        assert np.array_equal(taken.values.toarray(), COUNTS[positions])
        assert taken.batch.tolist() == (positions // 2).tolist()
        assert taken.cell_names.tolist() == [f"cell{position}" for position in positions]
        assert taken.labels_low.tolist() == ["TTBBNN"[position] for position in positions]
        assert (taken.labels_high, taken.batch_names, taken.kind) == (None, cells.batch_names, "counts")
        assert taken.gene_names.tolist() == cells.gene_names.tolist()


def _digests(adata: AnnData) -> list[bytes]:
    return from_anndata(adata, "batch").digests().tolist()


def test_digests_follow_their_cell_and_not_its_place_or_name() -> None:
    adata, order = _adata(), np.array([4, 2, 0, 5, 1, 3])
    expected = _digests(adata)
    assert len(set(expected)) == 6
    moved = adata[order].copy()
    moved.obs_names = list("uvwxyz")
    assert _digests(moved) == [expected[cell] for cell in order]


def test_digests_feel_every_value_and_every_batch() -> None:
    expected = _digests(_adata())
    for cell, gene in np.ndindex(COUNTS.shape):
        matrix = COUNTS.copy()
        matrix[cell, gene] += 1
        changed = np.flatnonzero([one != other for one, other in zip(_digests(_adata(matrix)), expected, strict=True)])
        assert changed.tolist() == [cell]
    rebatched = _adata()
    rebatched.obs["batch"] = list("aabbca")
    assert [one != other for one, other in zip(_digests(rebatched), expected, strict=True)] == [False] * 5 + [True]


def test_digests_tell_genes_apart() -> None:
    shifted = np.roll(COUNTS, 1, axis=1)
    assert not set(_digests(_adata(shifted))) & set(_digests(_adata()))


def test_canonical_order_and_fingerprint_do_not_see_the_order_of_cells() -> None:
    adata, order = _adata(), np.array([3, 1, 4, 0, 5, 2])
    cells, moved = from_anndata(adata, "batch"), from_anndata(adata[order].copy(), "batch")
    digests, digests_moved = cells.digests(), moved.digests()
    (places, first), (places_moved, other) = canonical_order(cells), canonical_order(moved)
    assert [int(order[place]) for place in places_moved] == places.tolist()
    assert np.array_equal(first.values.toarray(), other.values.toarray())
    assert first.cell_names.tolist() == other.cell_names.tolist()
    whole = fingerprint(digests, cells.gene_names)
    assert fingerprint(digests_moved, moved.gene_names) == whole
    assert len(bytes.fromhex(whole)) == 16
    assert fingerprint(digests[:5], cells.gene_names) != whole
    assert fingerprint(digests, cells.gene_names[::-1]) == whole
    assert fingerprint(digests, cells.gene_names[1:]) != whole


def test_canonical_order_does_not_see_the_order_of_genes_or_the_names_of_batches() -> None:
    adata = _adata()
    adata.obs["batch"] = list("aabbbb")
    cells = from_anndata(adata, "batch")
    genes = np.array([4, 0, 7, 1, 2, 6, 5, 3])
    moved = adata[:, genes].copy()
    moved.obs["batch"] = list("zzcccc")
    other = from_anndata(moved, "batch")
    (places, first), (places_other, second) = canonical_order(cells), canonical_order(other)
    assert places.tolist() == places_other.tolist()
    assert first.batch.tolist() == second.batch.tolist()
    assert (first.batch_names, second.batch_names) == (("b", "a"), ("c", "z"))
    assert first.batch.tolist() == [int(place < 2) for place in places]
    assert np.array_equal(first.values.toarray()[:, genes], second.values.toarray())


def test_batches_of_one_size_come_by_their_cells() -> None:
    adata = _adata()
    names = canonical_order(from_anndata(adata, "batch"))[1].batch_names
    swapped = adata.copy()
    swapped.obs["batch"] = [{"a": "c", "b": "b", "c": "a"}[name] for name in adata.obs["batch"]]
    others = canonical_order(from_anndata(swapped, "batch"))[1].batch_names
    assert others == tuple({"a": "c", "b": "b", "c": "a"}[name] for name in names)


def test_like_cells_of_two_batches_keep_their_batches() -> None:
    matrix = np.repeat(COUNTS[:3], 2, axis=0)
    adata = _adata(matrix)
    adata.obs["batch"] = list("ababaa")
    order, ordered = canonical_order(from_anndata(adata, "batch"))
    assert [ordered.batch_names[code] for code in ordered.batch] == adata.obs["batch"].iloc[order].tolist()
    assert np.array_equal(ordered.values.toarray(), matrix[order])
