"""Further cells in the embedding of a fitted model: from Python, where they come to lie, and what is refused."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest
from anndata import AnnData
from sklearn.neighbors import KNeighborsClassifier

import topocraft
from topocraft import IntegrationConfig, Integrator
from topocraft.data import stream
from topocraft.errors import InputError, ModelError
from topocraft.simulate.demo import demo_cells

CONFIG = IntegrationConfig().with_values(
    n_latent=8, encoder_widths=(32, 16), decoder_widths=(16, 32), classifier_widths=(8,), epochs=10, warmup_epochs=3,
    cells_per_batch=64, cells_per_step=96, threads=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def cells() -> AnnData:
    return demo_cells(n_cells=600, n_genes=200, seed=1)


@pytest.fixture(scope="module")
def known(cells: AnnData) -> tuple[AnnData, Integrator]:
    """The two larger batches, integrated; not to be changed."""
    adata = cells[cells.obs["batch"] != "small"].copy()
    return adata, topocraft.integrate(adata, "batch", config=CONFIG)


def test_one_batch_that_the_model_knows_gets_its_places_again(known: tuple[AnnData, Integrator]) -> None:
    adata, model = known
    large = adata[adata.obs["batch"] == "large"].copy()
    del large.obsm["X_topocraft"], large.uns["topocraft"]
    topocraft.embed(large, model, "batch")
    there = (adata.obs["batch"] == "large").to_numpy()
    assert large.obsm["X_topocraft"] == pytest.approx(adata.obsm["X_topocraft"][there], abs=1e-5)
    assert large.uns["topocraft"]["batches"].tolist() == ["large", "medium"]
    assert large.uns["topocraft"]["new_batches"].tolist() == []
    assert large.uns["topocraft"]["fingerprint"] == adata.uns["topocraft"]["fingerprint"]


def test_a_new_batch_comes_to_lie_among_its_types(cells: AnnData, known: tuple[AnnData, Integrator]) -> None:
    adata, model = known
    new = cells[(cells.obs["batch"] == "small") & cells.obs["celltype"].isin(adata.obs["celltype"])].copy()
    topocraft.embed(new, model, "batch")
    assert new.uns["topocraft"]["new_batches"].tolist() == ["small"]
    there = KNeighborsClassifier(15).fit(adata.obsm["X_topocraft"], adata.obs["celltype"])
    assert there.score(new.obsm["X_topocraft"], new.obs["celltype"]) > 0.75


def test_a_single_cell_and_a_model_from_its_folder(
    cells: AnnData, known: tuple[AnnData, Integrator], tmp_path: Path
) -> None:
    known[1].save(tmp_path / "model")
    one = cells[:1].copy()
    topocraft.embed(one, tmp_path / "model", "batch")
    again = cells[:1].copy()
    topocraft.embed(again, known[1], "batch")
    assert np.isfinite(one.obsm["X_topocraft"]).all()
    assert np.array_equal(one.obsm["X_topocraft"], again.obsm["X_topocraft"])


def test_what_cannot_be_placed_is_left_as_it_was(cells: AnnData, known: tuple[AnnData, Integrator]) -> None:
    fewer = cells[:, :50].copy()
    with pytest.raises(ModelError, match="are missing"):
        topocraft.embed(fewer, known[1], "batch")
    with pytest.raises(InputError, match="there is no 'donor'"):
        topocraft.embed(fewer, known[1], "donor")
    assert "X_topocraft" not in fewer.obsm
    assert "topocraft" not in fewer.uns


def test_annotated_cells_are_shown_the_way(cells: AnnData, known: tuple[AnnData, Integrator]) -> None:
    for call in (known[1].embed, Integrator(CONFIG).fit):
        with pytest.raises(InputError, match=r"cells must be Cells, .*; got AnnData"):
            call(cells)  # type: ignore[operator]


def test_what_is_written_into_a_view_makes_it_whole(cells: AnnData) -> None:
    view = cells[cells.obs["batch"] != "small"]
    model = topocraft.integrate(view, "batch", config=CONFIG.with_values(epochs=2, warmup_epochs=1))
    new = cells[cells.obs["batch"] == "small"]
    topocraft.embed(new, model, "batch")
    for written in (view, new):
        assert not written.is_view
        assert np.isfinite(written.obsm["X_topocraft"]).all()
    assert "X_topocraft" not in cells.obsm


def test_cells_on_disk_are_placed_part_by_part_as_in_memory(
    cells: AnnData, known: tuple[AnnData, Integrator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the batch that is new are spread over the parts, and settled together all the same."""
    every = cells[np.random.default_rng(0).permutation(cells.n_obs)].copy()
    every.write_h5ad(tmp_path / "every.h5ad")
    topocraft.embed(every, known[1], "batch")
    monkeypatch.setattr(stream, "BLOCK", 64)
    stored = anndata.read_h5ad(tmp_path / "every.h5ad", backed="r")
    topocraft.embed(stored, known[1], "batch")
    stored.file.close()
    assert stored.uns["topocraft"]["new_batches"].tolist() == ["small"]
    spread = every.obsm["X_topocraft"].std()
    np.testing.assert_allclose(stored.obsm["X_topocraft"], every.obsm["X_topocraft"], rtol=0, atol=1e-4 * spread)
