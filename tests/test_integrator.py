"""The main job on simulated cells and a small network: what it writes, keeps, reports and refuses."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft
from topocraft import IntegrationConfig, Integrator
from topocraft.data import cells as cells_module
from topocraft.data.cells import from_anndata
from topocraft.data.preprocess import express
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells
from topocraft.training import choosing
from topocraft.training.embed import posterior_means

SHAPES = {"n_latent": 8, "encoder_widths": (32, 16), "decoder_widths": (16, 32), "classifier_widths": (8,)}
SHORT = {"epochs": 3, "warmup_epochs": 1, "cells_per_batch": 64, "cells_per_step": 96, "threads": 1}
CONFIG = IntegrationConfig().with_values(**SHAPES, **SHORT)


@pytest.fixture(scope="module")
def simulated() -> AnnData:
    return demo_cells(n_cells=240, n_genes=200)


@pytest.fixture(scope="module")
def integrated(simulated: AnnData) -> tuple[AnnData, Integrator]:
    """Cells that share nothing with the simulated ones, and the model; not to be changed."""
    adata = simulated.copy()
    return adata, topocraft.integrate(adata, "batch", config=CONFIG)


def _poor(simulated: AnnData, which: list[int]) -> AnnData:
    """Leave one gene in each of the cells named by position, in no order of the values."""
    counts = simulated.X.tolil()
    counts[which] = 0
    counts[which, 0] = 1
    return AnnData(counts.tocsr(), obs=simulated.obs.copy(), var=simulated.var.copy())


def _content(adata: AnnData) -> str:
    parts = [adata.X.data.tobytes(), adata.X.indices.tobytes(), adata.X.indptr.tobytes(), str(adata.X.dtype).encode()]
    names = "\n".join([*adata.obs_names, *adata.var_names, *adata.obs["batch"], *adata.obs["celltype"]])
    return hashlib.sha256(b"".join(parts) + names.encode()).hexdigest()


def _run(adata: AnnData, config: IntegrationConfig = CONFIG, batch_key: str = "batch", **options: Any) -> Integrator:
    return topocraft.integrate(adata, batch_key, config=config, **options)


def test_the_result_stands_in_obsm_obs_and_uns(integrated: tuple[AnnData, Integrator]) -> None:
    adata, model = integrated
    embedding = adata.obsm["X_topocraft"]
    assert (embedding.dtype, embedding.shape) == (np.float32, (240, 50))
    assert np.isfinite(embedding).all()
    for level in ("low", "high"):
        column = adata.obs[f"topocraft_{level}"]
        assert isinstance(column.dtype, pd.CategoricalDtype)
        assert not column.isna().any()
        assert np.array_equal(column.cat.codes, getattr(model.cells_.topology, level))
    assert adata.obs["topocraft_high"].nunique() > adata.obs["topocraft_low"].nunique() > 1
    assert not adata.obs["topocraft_set_aside"].any()


def test_counts_names_and_order_are_untouched(simulated: AnnData, integrated: tuple[AnnData, Integrator]) -> None:
    assert _content(integrated[0]) == _content(simulated)
    assert integrated[0].var.columns.tolist() == simulated.var.columns.tolist()


def test_the_provenance_says_what_was_done(integrated: tuple[AnnData, Integrator]) -> None:
    facts = integrated[0].uns["topocraft"]
    assert facts["version"] == topocraft.__version__
    assert IntegrationConfig.from_json(facts["config"]) == CONFIG
    assert (facts["seed"], facts["n_cells"], facts["n_set_aside"], facts["threads"]) == (0, 240, 0, 1)
    assert facts["input_kind"] == "counts"
    assert facts["batches"].tolist() == ["large", "medium", "small"]
    assert set(facts["genes"]) <= set(integrated[0].var_names)
    assert {"python", "torch", "numpy", "anndata", "igraph"} <= set(facts["versions"])
    assert set(facts["seconds"]) == {"prepare", "cluster", "train", "embed", "align", "carry"}
    assert {len(values) for values in facts["losses"].values()} == {3}
    assert len(bytes.fromhex(facts["fingerprint"])) == 16


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return bool(np.array_equal(one, other))


def test_everything_can_be_written_and_read_back(integrated: tuple[AnnData, Integrator], tmp_path: Path) -> None:
    adata = integrated[0].copy()
    adata.write_h5ad(tmp_path / "cells.h5ad")
    back = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert _same(adata.uns["topocraft"], back.uns["topocraft"])
    assert np.array_equal(back.obsm["X_topocraft"], adata.obsm["X_topocraft"])
    assert _content(back) == _content(adata)
    assert back.obs["topocraft_low"].tolist() == adata.obs["topocraft_low"].tolist()


def test_a_saved_model_embeds_bit_for_bit(integrated: tuple[AnnData, Integrator], tmp_path: Path) -> None:
    adata, model = integrated
    model.save(tmp_path / "model")
    loaded = Integrator.load(tmp_path / "model")
    assert loaded.config == CONFIG
    assert loaded.history_ == model.history_
    assert loaded.embed(from_anndata(adata, "batch")).tobytes() == adata.obsm["X_topocraft"].tobytes()


def _renamed(simulated: AnnData) -> tuple[AnnData, np.ndarray]:
    adata = simulated.copy()
    adata.obs["batch"] = adata.obs["batch"].cat.rename_categories({"large": "elsewhere"})
    return adata, (adata.obs["batch"] == "elsewhere").to_numpy()


def test_cells_of_a_known_batch_stay_and_those_of_a_new_one_are_carried_to_where_they_meet(
    simulated: AnnData, integrated: tuple[AnnData, Integrator]
) -> None:
    adata, model = integrated
    again = model.embed(from_anndata(adata, "batch"))
    assert again.tobytes() == adata.obsm["X_topocraft"].tobytes()
    renamed, elsewhere = _renamed(simulated)
    moved = model.embed(from_anndata(renamed, "batch"))
    assert np.array_equal(moved[~elsewhere], again[~elsewhere])
    fitted = model.fitted_
    left = fitted.placement.carrying.components.apply(express(from_anndata(renamed, "batch"), fitted.genes))
    off = [np.linalg.norm(each[elsewhere].mean(axis=0) - again[elsewhere].mean(axis=0)) for each in (moved, left)]
    assert off[0] < 0.3 * off[1], "it is nearly where it would be, had the model known it"


def test_with_latent_coordinates_the_posterior_means_are_the_map(simulated: AnnData) -> None:
    adata = simulated.copy()
    model = _run(adata, CONFIG.with_values(coordinates="latent", alignment_rounds=0))
    fitted = model.fitted_
    means = posterior_means(fitted.networks.encoder, express(from_anndata(adata, "batch"), fitted.genes))
    assert fitted.placement.carrying is None
    assert np.array_equal(adata.obsm["X_topocraft"], fitted.placement.projection.apply(means))


@pytest.mark.parametrize("coordinates", ["components", "best"])
def test_batches_that_nothing_tells_apart_are_left_as_they_are(
    simulated: AnnData, coordinates: str, tmp_path: Path
) -> None:
    adata = simulated[simulated.obs["batch"] == simulated.obs["batch"].iloc[0]].copy()
    adata.obs["half"] = np.random.default_rng(0).permutation(np.arange(adata.n_obs) % 2).astype(str)
    told: list[str] = []
    shown = Silent()
    shown.say = told.append  # type: ignore[method-assign]
    model = _run(adata, CONFIG.with_values(coordinates=coordinates), batch_key="half", progress=shown)
    fitted = model.fitted_
    values = express(from_anndata(adata, "half"), fitted.genes)
    components = fitted.placement.carrying.components.apply(values)
    assert np.array_equal(adata.obsm["X_topocraft"], components)
    assert not adata.uns["topocraft"]["corrected"]
    assert any(message.startswith("Nothing tells the batches apart") for message in told)
    model.save(tmp_path / "model")
    loaded = Integrator.load(tmp_path / "model")
    assert np.array_equal(loaded.embed(from_anndata(adata, "half")), components)
    others = from_anndata(simulated[simulated.obs["batch"] != simulated.obs["batch"].iloc[0]].copy(), "batch")
    carried, left = loaded.embed(others), fitted.placement.carrying.components.apply(express(others, fitted.genes))
    apart = [np.linalg.norm(points.mean(axis=0) - components.mean(axis=0)) for points in (carried, left)]
    assert apart[0] < 0.5 * apart[1], "new batches are carried to the cells of the fit"


@pytest.mark.parametrize(("kept", "placed"), [(-1.0, "latent"), (2.0, "components")])
def test_what_is_chosen_without_cell_types_is_kept_with_the_model(
    kept: float, placed: str, simulated: AnnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "KEPT", kept)
    monkeypatch.setattr(choosing, "MIXED", kept)
    adata, again = simulated.copy(), simulated.copy()
    model = _run(adata, CONFIG.with_values(coordinates="best"))
    _run(again, CONFIG.with_values(coordinates="best"))
    assert adata.obsm["X_topocraft"].tobytes() == again.obsm["X_topocraft"].tobytes()
    assert (model.fitted_.placement.carrying is None) == (placed == "latent")
    assert adata.uns["topocraft"]["coordinates"] == placed
    assert adata.uns["topocraft"]["corrected"]
    model.save(tmp_path / "model")
    loaded = Integrator.load(tmp_path / "model")
    assert loaded.config.embedding.coordinates == "best"
    assert np.array_equal(loaded.embed(from_anndata(adata, "batch")), adata.obsm["X_topocraft"])
    if placed == "latent":
        _run(again, CONFIG.with_values(coordinates="latent"))
        assert np.array_equal(again.obsm["X_topocraft"], adata.obsm["X_topocraft"])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(simulated: AnnData) -> None:
    runs = []
    for seed in (0, 0, 1):
        adata = simulated.copy()
        _run(adata, replace(CONFIG, seed=seed))
        runs.append((adata.obsm["X_topocraft"].tobytes(), adata.obs.to_csv(), adata.uns["topocraft"]["fingerprint"]))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]
    assert runs[0][2] == runs[2][2]


def test_the_order_of_the_cells_does_not_matter(simulated: AnnData, integrated: tuple[AnnData, Integrator]) -> None:
    order = np.random.default_rng(5).permutation(240)
    shuffled = simulated[order].copy()
    shuffled.obs_names = [f"renamed {position}" for position in range(240)]
    _run(shuffled)
    straight = integrated[0][order]
    assert shuffled.uns["topocraft"]["fingerprint"] == straight.uns["topocraft"]["fingerprint"]
    for level in ("topocraft_low", "topocraft_high"):
        assert shuffled.obs[level].tolist() == straight.obs[level].tolist()
    np.testing.assert_allclose(shuffled.obsm["X_topocraft"], straight.obsm["X_topocraft"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["embed", "nan", "drop"])
def test_poor_cells_are_named_and_treated_as_asked(simulated: AnnData, heard: Any, policy: str) -> None:
    adata = _poor(simulated, [3, 100])
    names = adata.obs_names[[3, 100]].tolist()
    _run(adata, CONFIG.with_values(set_aside=policy), progress=heard)
    assert adata.uns["topocraft"]["set_aside"].tolist() == names
    assert adata.uns["topocraft"]["n_set_aside"] == 2
    shown = ", ".join(f"'{name}'" for name in names)
    assert heard.warnings == [f"2 of 240 cells have too few detected genes and are kept out of training: {shown}."]
    if policy == "drop":
        assert adata.obs_names.tolist() == simulated.obs_names.drop(names).tolist()
        assert adata.obsm["X_topocraft"].shape[0] == 238
        return
    assert np.flatnonzero(adata.obs["topocraft_set_aside"]).tolist() == [3, 100]
    assert np.flatnonzero(adata.obs["topocraft_low"].isna()).tolist() == [3, 100]
    missing = np.flatnonzero(np.isnan(adata.obsm["X_topocraft"]).all(axis=1)).tolist()
    assert missing == ([3, 100] if policy == "nan" else [])
    assert np.isnan(adata.obsm["X_topocraft"]).sum() == 50 * len(missing)


def test_poor_cells_do_not_change_what_the_others_learn(simulated: AnnData) -> None:
    without, beside = simulated[5:].copy(), _poor(simulated, [0, 1, 2, 3, 4])
    _run(without)
    with pytest.warns(UserWarning, match="5 of 240 cells have too few detected genes"):
        _run(beside)
    assert np.array_equal(beside.obs["topocraft_high"][5:].tolist(), without.obs["topocraft_high"].tolist())
    np.testing.assert_allclose(beside.obsm["X_topocraft"][5:], without.obsm["X_topocraft"], rtol=1e-4, atol=1e-4)


def test_a_batch_that_is_lost_whole_is_reported(simulated: AnnData, heard: Any) -> None:
    small = np.flatnonzero(simulated.obs["batch"] == "small").tolist()
    adata = _poor(simulated, small)
    model = _run(adata, progress=heard)
    assert heard.warnings[1:] == ["No cell of these batches passed quality control: 'small'."]
    assert model.fitted_.batch_names == ("large", "medium")
    assert np.isfinite(adata.obsm["X_topocraft"]).all()


@pytest.mark.parametrize(
    "sizes", [(1, 239), (2, 238), (1, 1, 238), (1, 2, 237)], ids=lambda sizes: "-".join(map(str, sizes))
)
def test_batches_of_one_and_two_cells_work(simulated: AnnData, sizes: tuple[int, ...]) -> None:
    adata = simulated.copy()
    adata.obs["run"] = np.repeat([f"run {number}" for number in range(len(sizes))], sizes)
    model = _run(adata, batch_key="run")
    assert np.isfinite(adata.obsm["X_topocraft"]).all()
    assert all(np.isfinite(values).all() for values in model.history_.values())


def test_five_hundred_batches_of_three_cells_work() -> None:
    adata = demo_cells(n_cells=1500, n_genes=60)
    adata.obs["run"] = np.random.default_rng(0).permutation(np.arange(1500) % 500).astype(str)
    model = _run(adata, CONFIG.with_values(epochs=1, warmup_epochs=0), batch_key="run")
    assert len(model.fitted_.batch_names) == 500
    assert np.isfinite(adata.obsm["X_topocraft"]).all()


@pytest.mark.parametrize("coordinates", ["components", "latent"])
def test_many_cells_are_embedded_some_at_a_time_to_the_same_places(
    simulated: AnnData, coordinates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = from_anndata(simulated, "batch")
    model = Integrator(CONFIG.with_values(coordinates=coordinates)).fit(cells)
    at_once = model.embed(cells)
    monkeypatch.setattr(cells_module, "PART_CELLS", 100)
    sizes = [len(places) for places, _ in cells.parts("embed")]
    assert sizes == [100, 100, 40]
    np.testing.assert_allclose(model.embed(cells), at_once, atol=1e-5)
