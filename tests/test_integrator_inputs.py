"""The main job: annotation, layers and logged values in; new cells, refusals and progress."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from anndata import AnnData
from sklearn.metrics import adjusted_rand_score

import topocraft
from topocraft import IntegrationConfig, Integrator
from topocraft.data.cells import from_anndata
from topocraft.errors import ConfigError, FileError, InputError, ModelError
from topocraft.simulate.demo import demo_cells

SHAPES = {"n_latent": 8, "encoder_widths": (32, 16), "decoder_widths": (16, 32), "classifier_widths": (8,)}
SHORT = {"epochs": 2, "warmup_epochs": 1, "cells_per_batch": 64, "cells_per_step": 96, "threads": 1}
CONFIG = IntegrationConfig().with_values(**SHAPES, **SHORT)


@pytest.fixture
def simulated() -> AnnData:
    return demo_cells(n_cells=240, n_genes=200)


def _run(adata: AnnData, config: IntegrationConfig = CONFIG, **options: Any) -> Integrator:
    return topocraft.integrate(adata, "batch", config=config, **options)


def test_the_users_annotation_takes_the_place_of_clusters(simulated: AnnData) -> None:
    simulated.obs["coarse"] = simulated.obs["celltype"].astype(str).str.split().str[0]
    _run(simulated, labels_low="coarse", labels_high="celltype")
    assert simulated.obs["topocraft_low"].tolist() == simulated.obs["coarse"].tolist()
    assert simulated.obs["topocraft_high"].tolist() == simulated.obs["celltype"].tolist()


def test_a_partial_annotation_leaves_clusters_to_the_others(simulated: AnnData) -> None:
    named = simulated.obs["celltype"].astype(object)
    simulated.obs["partial"] = named.where(np.arange(240) % 2 == 0, None)
    _run(simulated, labels_high="partial")
    found = simulated.obs["topocraft_high"].astype(str)
    assert found[::2].tolist() == named[::2].tolist()
    assert found[1::2].str.startswith("cluster ").all()


def test_the_annotation_changes_what_is_learned(simulated: AnnData) -> None:
    blind, told = simulated.copy(), simulated.copy()
    _run(blind)
    _run(told, labels_low="celltype")
    assert not np.allclose(blind.obsm["X_topocraft"], told.obsm["X_topocraft"])
    assert blind.uns["topocraft"]["fingerprint"] == told.uns["topocraft"]["fingerprint"]


def test_a_layer_gives_what_x_would_have_given(simulated: AnnData) -> None:
    layered = simulated.copy()
    layered.layers["counts"] = layered.X
    layered.X = -layered.X
    _run(simulated)
    _run(layered, layer="counts")
    assert layered.obsm["X_topocraft"].tobytes() == simulated.obsm["X_topocraft"].tobytes()
    assert layered.X.data.max() < 0


def test_logged_values_are_found_out_and_not_logged_again(simulated: AnnData) -> None:
    logged = simulated.copy()
    totals = np.asarray(logged.X.sum(axis=1)).ravel()
    logged.X.data = np.log1p(logged.X.data * np.repeat(1e4 / totals, np.diff(logged.X.indptr))).astype(np.float32)
    on_the_map = CONFIG.with_values(coordinates="latent")
    _run(simulated, on_the_map)
    _run(logged, on_the_map)
    assert logged.uns["topocraft"]["input_kind"] == "log1p"
    assert adjusted_rand_score(logged.obs["topocraft_low"], simulated.obs["topocraft_low"]) == 1
    np.testing.assert_allclose(logged.obsm["X_topocraft"].std(), simulated.obsm["X_topocraft"].std(), rtol=0.2)


def test_a_mask_of_genes_is_all_that_the_model_reads(simulated: AnnData) -> None:
    simulated.var["use"] = np.arange(200) < 120
    model = _run(simulated, gene_mask="use")
    assert set(model.fitted_.genes.selected) <= set(simulated.var_names[:120])


def test_a_model_embeds_cells_it_has_not_seen(simulated: AnnData) -> None:
    seen, new = simulated[:180].copy(), simulated[180:].copy()
    model = _run(seen)
    new = new[:, np.random.default_rng(0).permutation(200)].copy()
    found = model.embed(from_anndata(new, "batch"))
    assert found.shape == (60, 50)
    whole = model.embed(from_anndata(simulated, "batch"))
    np.testing.assert_allclose(found, whole[180:], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(seen.obsm["X_topocraft"], whole[:180], rtol=1e-4, atol=1e-4)
    new.obs["batch"] = ["unheard of", "new"] * 30
    unknown = model.embed(from_anndata(new, "batch"))
    assert 0 < np.abs(unknown - found).max() < np.abs(found).max(), "near by, but carried as batches of their own"


def test_a_batch_that_was_a_missing_label_is_told_by_fit_and_by_embedding(simulated: AnnData, heard: Any) -> None:
    simulated.obs["batch"] = np.where(np.arange(240) % 4, simulated.obs["batch"].astype(str), "nan")
    model = _run(simulated, progress=heard)
    topocraft.embed(simulated, model, "batch", progress=heard)
    told = [message for message in heard.warnings if "60 of 240 are called 'nan'" in message]
    assert len(told) == 2


def test_cells_without_the_models_genes_are_refused(simulated: AnnData) -> None:
    model = _run(simulated)
    genes = model.fitted_.genes.selected
    fewer = from_anndata(simulated[:, [name not in genes[:2] for name in simulated.var_names]].copy(), "batch")
    message = rf"must have all {len(genes)} genes the model reads; 2 are missing: '{genes[0]}', '{genes[1]}'"
    with pytest.raises(ModelError, match=message):
        model.embed(fewer)


def test_what_needs_a_fit_says_so(simulated: AnnData, tmp_path: Any) -> None:
    model = Integrator()
    uses = (lambda: model.embed(from_anndata(simulated, "batch")), lambda: model.save(tmp_path), lambda: model.history_)
    for use in uses:
        with pytest.raises(ModelError, match=r"has no fit yet\. Call fit\(cells\), or Integrator\.load\(folder\)"):
            use()
    with pytest.raises(FileError, match="must hold a saved model"):
        Integrator.load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": ["counts"]}, r"layer must be text, the name of a layer of adata; got \['counts'\] \(list\)"),
        ({"layer": 3}, r"layer must be text, .*; got 3 \(int\)"),
        ({"checkpoints": True}, r"checkpoints must be topocraft\.Checkpoints or None; got True\."),
        ({"checkpoints": "here"}, "checkpoints must be topocraft.Checkpoints or None; got 'here'"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(
    simulated: AnnData, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((InputError, ConfigError), match=message):
        _run(simulated, **options)


@pytest.mark.parametrize("folder", [None, 3, b"model"])
def test_a_folder_that_is_no_path_is_refused(folder: Any) -> None:
    with pytest.raises(ConfigError, match="folder must be the path of a model's folder, text or Path; got"):
        Integrator.load(folder)


def test_quality_control_that_leaves_nothing_says_what_to_lower(simulated: AnnData) -> None:
    before = simulated.copy()
    with pytest.raises(InputError, match=r"min_genes=190 must leave cells of at least two batches; .*--min-genes"):
        _run(simulated, CONFIG.with_values(min_genes=190))
    with pytest.raises(InputError, match=r"min_cells=241 must leave at least two genes; 0 of 200"):
        _run(simulated, CONFIG.with_values(min_cells=241))
    assert list(simulated.obsm) == list(before.obsm)
    assert simulated.obs.columns.tolist() == before.obs.columns.tolist()
    assert "topocraft" not in simulated.uns


def test_progress_hears_the_phases_in_order(simulated: AnnData, heard: Any) -> None:
    _run(simulated, progress=heard)
    placed = [("align", 5), ("carry", 4), ("align", 5)]
    assert heard.phases == [("prepare", None), ("cluster", None), ("train", 2), ("embed", None), *placed]
    assert [note for note in heard.notes if note] == heard.notes[:2]


def test_no_global_state_is_touched(simulated: AnnData) -> None:
    before = (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate())
    threads = torch.get_num_threads()
    _run(simulated, CONFIG.with_values(threads=threads + 1))
    assert simulated.uns["topocraft"]["threads"] == threads + 1
    assert torch.get_num_threads() == threads
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()) == before


@pytest.mark.parametrize(
    "values",
    [
        {"scope": "batch"},
        {"nesting": "low"},
        {"method": "louvain"},
        {"head": "published"},
        {"head": "per_gene"},
        {"distance": "squared"},
        {"triplets_per_cluster": None},
        {"precision": "bfloat16"},
        {"n_top_genes": 50},
    ],
)
def test_every_choice_of_the_configuration_runs_and_matters(simulated: AnnData, values: dict[str, Any]) -> None:
    plain, changed = simulated.copy(), simulated.copy()
    _run(plain, CONFIG.with_values(precision="float32", n_neighbors=8))
    _run(changed, CONFIG.with_values(**{"precision": "float32", "n_neighbors": 8, **values}))
    assert np.isfinite(changed.obsm["X_topocraft"]).all()
    assert changed.obsm["X_topocraft"].tobytes() != plain.obsm["X_topocraft"].tobytes()
