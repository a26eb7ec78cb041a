"""Values on disk: the same cells as in memory, block by block, and never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data import stream
from topocraft.data.cells import Cells, from_anndata
from topocraft.data.order import canonical_order
from topocraft.data.preprocess import express, prepare
from topocraft.data.stream import Part, Source
from topocraft.data.stream_files import open_files
from topocraft.errors import FileError, InputError
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells


@pytest.fixture(scope="module")
def adata() -> AnnData:
    """Cells of three batches, of which two cells are poor; genes in part unknown."""
    cells = demo_cells(n_cells=500, n_genes=120, seed=2)
    counts = cells.X.tolil()
    counts[[3, 400]] = 0
    counts[[3, 400], 0] = 1
    cells.X = counts.tocsr().astype(np.float32)
    cells.var["mine"] = np.arange(cells.n_vars) % 4 > 0
    cells.obs["low"] = np.where(np.arange(cells.n_obs) % 3, cells.obs["celltype"].astype(str), None)
    return cells


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 64)


class Counting:
    """A matrix on disk that tells how much of it was read at a time."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.dtype, self.most = values, values.shape, values.dtype, 0

    def __getitem__(self, rows: slice) -> Any:
        self.most = max(self.most, rows.stop - rows.start)
        return self.values[rows]


def _stored(values: Any, *cuts: int) -> tuple[Source, list[Counting]]:
    edges = [0, *cuts, values.shape[0]]
    pieces = [Counting(values[first:last]) for first, last in pairwise(edges)]
    return Source(tuple(Part(piece, np.arange(values.shape[1])) for piece in pieces)), pieces


def _same(stored: Cells, cells: Cells) -> None:
    assert (stored.kind, stored.batch_names, stored.n_cells) == (cells.kind, cells.batch_names, cells.n_cells)
    np.testing.assert_array_equal(stored.batch, cells.batch)
    np.testing.assert_array_equal(stored.digests(), cells.digests())
    config = PreprocessConfig(min_genes=5, n_top_genes=40)
    found, expected = (prepare(canonical_order(each)[1], config) for each in (stored, cells))
    np.testing.assert_array_equal(found.kept, expected.kept)
    assert found.genes == expected.genes
    assert (found.expression[:] != expected.expression).nnz == 0
    whole = sparse.lil_matrix((cells.n_cells, len(found.genes.selected)), dtype=np.float32)
    for places, part in stored.parts("embed"):
        whole[places] = express(part, found.genes)
    assert (whole.tocsr() != express(cells, found.genes)).nnz == 0


@pytest.mark.parametrize("cuts", [(), (10, 75, 200)])
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(sparse.csr_matrix, "int32"), (np.asarray, "int32"), (sparse.csr_matrix, "float64"), (np.asarray, "float16")],
)
def test_the_same_cells_as_in_memory(adata: AnnData, kind: Any, cuts: tuple[int, ...], dtype: str) -> None:
    values = kind(adata.X.toarray().astype(dtype))
    source, pieces = _stored(values, *cuts)
    stored = from_anndata(adata, "batch", stored=source)
    _same(stored, from_anndata(adata, "batch"))
    assert max(piece.most for piece in pieces) <= 64


def test_a_gene_mask_and_labels(adata: AnnData) -> None:
    source, _ = _stored(adata.X)
    options = {"gene_mask": "mine", "labels_low": "low"}
    stored, cells = from_anndata(adata, "batch", stored=source, **options), from_anndata(adata, "batch", **options)
    _same(stored, cells)
    assert stored.labels_low is not None
    assert stored.labels_low.tolist() == cells.labels_low.tolist()


def test_log_normalised_and_fractional_values(adata: AnnData) -> None:
    for change, kind in ((np.log1p, "log1p"), (lambda values: values * 7.3, "fractional counts")):
        changed = adata.copy()
        changed.X = change(adata.X)
        stored = from_anndata(changed, "batch", stored=_stored(changed.X)[0])
        assert stored.kind == kind
        _same(stored, from_anndata(changed, "batch"))


def test_zeros_that_are_stored_and_unsorted_columns_are_put_right(adata: AnnData) -> None:
    values = adata.X.copy()
    for row in range(values.shape[0]):
        inside = slice(values.indptr[row], values.indptr[row + 1])
        values.indices[inside] = values.indices[inside][::-1].copy()
        values.data[inside] = values.data[inside][::-1].copy()
    values.has_sorted_indices = False
    values.data[::50] = 0
    changed = adata.copy()
    changed.X = values.copy()
    _same(from_anndata(changed, "batch", stored=_stored(values)[0]), from_anndata(changed, "batch"))


def test_more_genes_than_variable_ones_take_all(adata: AnnData) -> None:
    stored = from_anndata(adata, "batch", stored=_stored(adata.X)[0])
    found = prepare(stored, PreprocessConfig(min_genes=5, n_top_genes=5000))
    assert found.genes.selected == tuple(sorted(found.genes.expressed))


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (499, np.nan, "finite; 1 are NaN or infinite in X\\."),
        (300, -2.0, "the smallest is -2"),
        (slice(None), 0.0, "must not all be zero"),
    ],
)
def test_unsound_values_are_found_wherever_they_lie(
    adata: AnnData, where: int | slice, value: float, message: str
) -> None:
    values = adata.X.toarray()
    values[where, 0 if isinstance(where, int) else slice(None)] = value
    with pytest.raises(InputError, match=message):
        from_anndata(adata, "batch", stored=_stored(values)[0])


@pytest.fixture
def backed(adata: AnnData, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AnnData]:
    """The same cells, their X left on disk."""
    whole = adata.copy()
    whole.X = request.param(adata.X)
    whole.write_h5ad(tmp_path / "cells.h5ad")
    opened = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    yield opened
    opened.file.close()


@pytest.mark.parametrize("backed", [sparse.csr_matrix, lambda values: values.toarray()], indirect=True)
def test_what_anndata_leaves_on_disk(adata: AnnData, backed: AnnData) -> None:
    assert isinstance(backed.X, (h5py.Dataset, anndata.abc.CSRDataset))
    _same(from_anndata(backed, "batch", stored=Source.of(backed.X)), from_anndata(adata, "batch"))
    with pytest.raises(InputError, match=r"X must .* memory"):
        from_anndata(backed, "batch")


@pytest.mark.parametrize("backed", [sparse.csc_matrix], indirect=True)
def test_values_stored_gene_by_gene_are_refused(backed: AnnData) -> None:
    with pytest.raises(InputError, match=r"X is stored gene by gene \(CSC\)\. .* --memory\), or store adata\.X\.tocsr"):
        Source.of(backed.X)


@pytest.mark.parametrize(
    ("part", "told"), [("indices", "indices go from 0 to 1,000"), ("indptr", "the pointers do not")]
)
def test_damaged_rows_are_refused_by_the_name_of_their_file(tmp_path: Path, part: str, told: str) -> None:
    path = tmp_path / "cells.h5ad"
    counts = sparse.csr_matrix(np.ones((4, 5), dtype=np.float32))
    anndata.AnnData(counts, obs=pd.DataFrame({"batch": list("aabb")}, index=list("wxyz"))).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        file[f"X/{part}"][3] = 1000
    with open_files([path]) as opened, pytest.raises(FileError, match=rf"'{path}' is damaged or not .*{told}"):
        from_anndata(opened.adata, "batch", stored=opened.source(None, None, Silent()))
