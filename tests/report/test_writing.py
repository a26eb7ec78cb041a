"""The file: whole or absent, and one message for what cannot be told."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest
from anndata import AnnData

from topocraft.errors import FileError, InputError
from topocraft.report import write_report


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay cells out by their first two coordinates."""
    monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: np.asarray(points)[:, :2])


@pytest.mark.usefixtures("quick")
def test_the_same_cells_and_seed_give_the_same_bytes(cells: AnnData, tmp_path: Path, heard: object) -> None:
    cells = cells.copy()
    cells.obs = cells.obs.rename(columns=lambda name: name.replace("/", ""))  # which h5ad cannot hold in a name
    before = cells.copy()
    one = write_report(cells, tmp_path / "one.html", label_key="celltype", source="x", progress=heard)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    read = anndata.read_h5ad(tmp_path / "cells.h5ad")
    two = write_report(read, str(tmp_path / "two.html"), ["batch"], "celltype", source="x")
    assert one.read_bytes() == two.read_bytes()
    assert [name for name, _ in heard.phases] == ["prepare", "score", "draw", "write"]
    assert len(heard.notes) == dict(heard.phases)["score"]
    assert (cells.obs.columns == before.obs.columns).all()
    assert cells.uns["topocraft"].keys() == before.uns["topocraft"].keys()


@pytest.mark.parametrize("junk", ["junk", {"read": "x", "seconds": 3}])
def test_a_record_that_no_integration_writes_is_none(junk: object, cells: AnnData, tmp_path: Path) -> None:
    cells = cells.copy()
    cells.uns["topocraft"] = junk
    cells.obs["lists"] = [[number % 3] for number in range(cells.n_obs)]
    write_report(cells, tmp_path / "page.html", "batch")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    with pytest.raises(InputError, match="batch_key must name the column of obs with the batches"):
        write_report(cells, tmp_path / "other.html")


@pytest.mark.parametrize("junk", [{"config": "["}, {"losses": {"accuracy": "x"}}, {"seconds": {"train": "x"}}])
def test_a_record_of_training_that_is_damaged_is_refused(junk: object, cells: AnnData, tmp_path: Path) -> None:
    cells = cells.copy()
    cells.uns["topocraft"] = cells.uns["topocraft"] | junk
    with pytest.raises(InputError, match=r"uns\['topocraft'\] must be a record .* Integrate the cells again"):
        write_report(cells, tmp_path / "page.html", "batch")


def test_refusals_name_the_cure(cells: AnnData, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(FileError, match=r"must end in \.html"):
        write_report(cells, tmp_path / "page.txt")
    bare = cells.copy()
    del bare.uns["topocraft"]
    with pytest.raises(InputError, match=r"batch_key must name the column .* Name it \(--batch-key\)"):
        write_report(bare, path)
    with pytest.raises(InputError, match="label_key must name a column of obs; there is no 'celltipe'"):
        write_report(cells, path, label_key="celltipe")
    nowhere = cells.copy()
    nowhere.obsm["X_topocraft"][5:] = np.nan
    with pytest.raises(InputError, match="At least 10 cells must have coordinates in X_topocraft; 5 have"):
        write_report(nowhere, path)
    del nowhere.obsm["X_topocraft"]
    with pytest.raises(InputError, match="obsm must hold 'X_topocraft'; it does not"):
        write_report(nowhere, path)
    path.touch()
    with pytest.raises(FileError, match="must not exist yet"):
        write_report(cells, path)
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]
