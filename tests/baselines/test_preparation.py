"""What every method starts from is ours: same cells, same genes, same components; and it is whole or absent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topocraft.baselines import preparation as module
from topocraft.baselines.preparation import Preparation, open_preparation, write_preparation
from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.errors import FileError, InputError
from topocraft.simulate.demo import demo_cells


def test_a_method_sees_log_values_counts_components_and_batches(prepared: Preparation, cells: Cells) -> None:
    seen = prepared.read()
    places = [cells.gene_names.tolist().index(name) for name in seen.var_names]
    assert sorted(places) == list(range(80))
    counts = cells.values.toarray()[:, places]
    expected = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(seen.X.toarray(), expected, rtol=1e-5)
    assert (seen.X.dtype, seen.layers["counts"].dtype, seen.X.format) == (np.float32, np.float32, "csr")
    assert np.array_equal(seen.layers["counts"].toarray(), counts)
    assert seen.obs_names.tolist() == cells.cell_names.tolist()
    assert seen.obs["batch"].tolist() == [cells.batch_names[code] for code in cells.batch]
    centred = expected - expected.mean(axis=0)
    _, scale, _ = np.linalg.svd(centred, full_matrices=False)
    assert seen.obsm["X_pca"].shape == (150, 50)
    np.testing.assert_allclose(np.linalg.norm(seen.obsm["X_pca"], axis=0), scale[:50], rtol=1e-3)


def test_types_are_kept_and_those_that_are_missing_stay_missing(prepared: Preparation, labels: np.ndarray) -> None:
    seen = prepared.read().obs["celltype"]
    assert seen.isna().tolist() == [True] * 4 + [False] * 146
    assert seen.tolist()[4:] == labels.tolist()[4:]
    assert (prepared.labelled, prepared.kind, prepared.batches) == (True, "counts", ("large", "medium", "small"))


def test_genes_are_chosen_for_one_file_and_all_are_in_the_other(tmp_path: Path, cells: Cells) -> None:
    few = write_preparation(cells, tmp_path / "few", config=PreprocessConfig(n_top_genes=30))
    selected, every = few.read(), anndata.read_h5ad(few.file("all"))
    assert (few.n_genes, selected.n_vars, every.n_vars) == (30, 30, 80)
    assert (selected.layers["counts"] != every[:, selected.var_names].X).nnz == 0
    assert (cells.values != every.X).nnz == 0
    assert every.obs_names.tolist() == cells.cell_names.tolist()


def test_poor_cells_are_set_aside_for_all_methods_and_said(tmp_path: Path) -> None:
    adata = demo_cells(n_cells=150, n_genes=80)
    poor = [3, 77]
    counts = adata.X.toarray()
    counts[poor, 2:] = 0
    adata.X = sparse.csr_matrix(counts)
    prepared = write_preparation(from_anndata(adata, "batch"), tmp_path / "cells")
    assert (prepared.n_cells, prepared.n_set_aside) == (148, 2)
    assert np.flatnonzero(~prepared.kept).tolist() == poor
    for file in (prepared.file("selected"), prepared.file("all")):
        assert anndata.read_h5ad(file).obs_names.tolist() == adata.obs_names.delete(poor).tolist()


def test_log_values_come_without_counts(tmp_path: Path, cells: Cells) -> None:
    values = replace(cells, values=cells.values.log1p(), kind="log1p")
    prepared = write_preparation(values, tmp_path / "cells")
    seen = prepared.read()
    assert (prepared.kind, list(seen.layers)) == ("log1p", [])
    places = [cells.gene_names.tolist().index(name) for name in seen.var_names]
    np.testing.assert_array_equal(seen.X.toarray(), np.log1p(cells.values.toarray())[:, places])
    assert seen.uns["prepared"]["kind"] == "log1p"


def test_the_fingerprint_tells_cells_order_types_and_settings_apart(
    tmp_path: Path, cells: Cells, labels: np.ndarray, prepared: Preparation
) -> None:
    others = {
        "order": (cells.take(np.arange(150)[::-1]), labels[::-1], None),
        "types": (cells, np.where(labels == "rare", "common 1", labels), None),
        "no types": (cells, None, None),
        "settings": (cells, labels, PreprocessConfig(target_sum=1e3)),
        "values": (replace(cells, values=cells.values * 2), labels, None),
        "cells": (cells.take(np.arange(149)), labels[:149], None),
    }
    found = {prepared.fingerprint}
    for name, (other, types, config) in others.items():
        found.add(write_preparation(other, tmp_path / name, labels=types, config=config).fingerprint)
    assert len(found) == 7
    assert write_preparation(cells, tmp_path / "same", labels=labels).fingerprint == prepared.fingerprint


def test_it_opens_as_it_was_written_and_moves(prepared: Preparation, tmp_path: Path) -> None:
    assert open_preparation(prepared.folder) == prepared
    (tmp_path / "moved").symlink_to(prepared.folder)
    assert open_preparation(tmp_path / "moved").read().n_obs == 150


def test_what_is_there_is_replaced_only_when_forced(tmp_path: Path, cells: Cells) -> None:
    first = write_preparation(cells, tmp_path / "cells")
    fewer = cells.take(np.arange(100))
    with pytest.raises(FileError, match="must not exist yet"):
        write_preparation(fewer, first.folder)
    assert open_preparation(first.folder).n_cells == 150
    assert write_preparation(fewer, first.folder, force=True).n_cells == 100


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path, cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(FileError, match="No space left"):
        write_preparation(cells, tmp_path / "cells")
    assert list(tmp_path.iterdir()) == []


def test_another_version_of_it_is_refused(tmp_path: Path, prepared: Preparation) -> None:
    facts = json.loads((prepared.folder / module.FACTS).read_text())
    (tmp_path / module.FACTS).write_text(json.dumps({**facts, "format": 99}))
    with pytest.raises(FileError, match=r"prepared must be of format 1; '.*' is of format 99\. Write it anew"):
        open_preparation(tmp_path)


def test_types_that_do_not_fit_are_refused(tmp_path: Path, cells: Cells, labels: np.ndarray) -> None:
    with pytest.raises(InputError, match="labels must name a type for each of 150 cells; got 149"):
        write_preparation(cells, tmp_path / "cells", labels=labels[1:])
    assert list(tmp_path.iterdir()) == []


def test_types_may_be_numbers_or_missing_in_any_way(tmp_path: Path, cells: Cells) -> None:
    types = np.array([1, 2, np.nan] * 50, dtype=object)
    seen = write_preparation(cells, tmp_path / "cells", labels=types).read().obs["celltype"]
    assert seen.cat.categories.tolist() == ["1", "2"]
    assert pd.isna(seen.iloc[2])
