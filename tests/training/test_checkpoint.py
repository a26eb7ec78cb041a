"""A model on disk: back bit for bit, refused when it is not whole, and never a pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from topocraft.config import EmbeddingConfig, IntegrationConfig, ModelConfig
from topocraft.data.preprocess import GeneSpace
from topocraft.errors import FileError, ModelError
from topocraft.progress import Silent
from topocraft.topology.components import fit_components
from topocraft.training import checkpoint
from topocraft.training.alignment import fit_alignment
from topocraft.training.carrying import fit_carrying
from topocraft.training.checkpoint import DESCRIPTION, SCHEMA, WEIGHTS, Fitted, load_fitted, save_fitted
from topocraft.training.embed import fit_projection, posterior_means
from topocraft.training.loop import train
from topocraft.training.placing import Placement

SHAPES = ModelConfig(n_latent=6, encoder_widths=(16, 12), decoder_widths=(12, 16), classifier_widths=(10, 10))


@pytest.fixture(scope="module")
def fitted(planted: Any, tiny: Callable[..., Any]) -> Fitted:
    config, networks = IntegrationConfig(model=SHAPES, training=tiny(epochs=2)), planted.networks()
    settings = {"precision": "float32", "seed": 0, "progress": Silent()}
    history = train(networks, planted.expression, planted.batch, planted.topology, config.training, **settings)
    means = posterior_means(networks.encoder, planted.expression)
    projection = fit_projection(means, 4)
    shifts = EmbeddingConfig(alignment_rounds=2)
    alignment, _ = fit_alignment(projection.apply(means), planted.batch, shifts, np.random.default_rng(0))
    names = tuple(f"gène {number}" for number in range(planted.expression.shape[1]))
    genes = GeneSpace(expressed=(*names, "other"), selected=names, target_sum=1234.5)
    facts = {"n_cells": 240, "seconds": {"train": 0.1}}
    components = fit_components(planted.expression, 5)
    carrying = fit_carrying(components, planted.batch, projection.apply(means), shifts, np.random.default_rng(0))
    placement = Placement(projection, alignment, carrying)
    return Fitted(config, networks, genes, ("a", "b|c"), placement, history, facts)


@pytest.fixture
def folder(fitted: Fitted, tmp_path: Path) -> Path:
    save_fitted(fitted, tmp_path / "model")
    return tmp_path / "model"


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / DESCRIPTION
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _checksum(folder: Path) -> str:
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_a_model_comes_back_bit_for_bit(fitted: Fitted, folder: Path, planted: Any) -> None:
    loaded = load_fitted(folder)
    before, after = fitted.networks.state_dict(), loaded.networks.state_dict()
    assert list(before) == list(after)
    assert all(before[name].dtype == after[name].dtype for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (loaded.config, loaded.genes, loaded.batch_names) == (fitted.config, fitted.genes, fitted.batch_names)
    assert (loaded.history, loaded.facts) == (fitted.history, fitted.facts)
    projected = [
        model.placement.projection.apply(posterior_means(model.networks.encoder, planted.expression))
        for model in (fitted, loaded)
    ]
    assert projected[0].tobytes() == projected[1].tobytes()
    aligned = [model.placement.alignment.apply(projected[0], planted.batch) for model in (fitted, loaded)]
    assert aligned[0].tobytes() == aligned[1].tobytes()
    assert not np.array_equal(aligned[0], projected[0])
    coordinates = fit_components(planted.expression, 5).coordinates
    carried = [model.placement.carrying.apply(coordinates, planted.batch, aligned[0]) for model in (fitted, loaded)]
    assert carried[0].tobytes() == carried[1].tobytes()
    renamed = np.where(planted.batch == planted.batch.max(), planted.batch.max() + 1, planted.batch)
    new = [model.placement.carrying.apply(coordinates, renamed, aligned[0]) for model in (fitted, loaded)]
    assert new[0].tobytes() == new[1].tobytes() != carried[0].tobytes()
    axes = [model.placement.carrying.components.axes for model in (fitted, loaded)]
    assert np.array_equal(*axes)
    assert not any(module.training for module in loaded.networks.modules())


def test_a_model_is_two_files_and_no_pickle(folder: Path) -> None:
    assert sorted(item.name for item in folder.iterdir()) == ["model.json", "weights.safetensors"]
    assert [item.name for item in folder.parent.iterdir()] == ["model"]
    description = json.loads((folder / DESCRIPTION).read_text())
    assert description["schema"] == SCHEMA == 4
    assert description["weights_sha256"] == _checksum(folder)
    assert {"projection.axes", "networks.encoder.mean.weight"} <= set(load_file(folder / WEIGHTS))


def test_loading_draws_from_no_global_generator(folder: Path) -> None:
    before = torch.get_rng_state()
    load_fitted(folder)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"schema": 2}', '{"schema": 3}', '{"schema": 4}', "\x00\x01"])
def test_a_damaged_description_is_refused(folder: Path, text: str) -> None:
    (folder / DESCRIPTION).write_text(text)
    with pytest.raises(ModelError, match=r"model\.json' is damaged: .*Save the model again"):
        load_fitted(folder)


@pytest.mark.parametrize("schema", [0, 1, 5, "2", None, True])
def test_another_schema_is_refused(folder: Path, schema: object) -> None:
    _edit(folder, schema=schema)
    with pytest.raises(ModelError, match=rf"has schema {schema!r}; this topocraft .* reads schemas 2 to 4.*fit again"):
        load_fitted(folder)


def test_changed_weights_are_refused(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.safetensors' does not belong to its model\.json, or is damaged"):
        load_fitted(folder)


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileError, match=f"folder must hold a saved model; '.*model' has no {name}"):
        load_fitted(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"'.*nowhere' has no model\.json"):
        load_fitted(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": {"model": {"n_latnt": 6}}}, r"has no field 'n_latnt'\. Did you mean 'n_latent'\?"),
        ({"config": {"model": {"n_latent": 7}}}, "must have shape"),
        ({"config": 3}, "must be an object"),
        ({"genes": {"expressed": ["a"]}}, "does not hold a whole topocraft model"),
        ({"genes": {"expressed": [], "selected": ["a", "b"], "target_sum": 1.0}}, "at least one"),
        ({"genes": {"expressed": ["a", "b"], "selected": ["a", "b"], "target_sum": 1.0}}, "must have shape"),
        ({"batch_names": ["a", "b", "c"]}, "must have shape"),
        ({"batch_names": None}, "does not hold a whole topocraft model"),
    ],
)
def test_a_description_of_other_weights_is_refused(folder: Path, changes: dict[str, Any], message: str) -> None:
    _edit(folder, **changes)
    with pytest.raises(ModelError, match=message):
        load_fitted(folder)


@pytest.mark.parametrize(
    "name",
    ["projection.axes", "alignment.1.shifts", "carrying.0.middles", "carrying.weights", "networks.encoder.mean.weight"],
)
def test_weights_that_lack_a_part_are_refused(folder: Path, name: str) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights[name]
    save_file(weights, folder / WEIGHTS)
    _edit(folder, weights_sha256=_checksum(folder))
    with pytest.raises(
        ModelError, match=f"(?s)does not hold a whole topocraft model: .*{name.removeprefix('networks.')}"
    ):
        load_fitted(folder)


def test_weights_that_are_no_safetensors_are_refused(folder: Path) -> None:
    torch.save({"a": torch.ones(2)}, folder / WEIGHTS)
    _edit(folder, weights_sha256=_checksum(folder))
    with pytest.raises(ModelError, match="does not hold a whole topocraft model"):
        load_fitted(folder)


def test_a_folder_is_overwritten_by_force_alone(fitted: Fitted, folder: Path) -> None:
    before = (folder / DESCRIPTION).read_bytes()
    with pytest.raises(FileError, match=r"must not exist yet; '.*model' does\. .*force=True"):
        save_fitted(fitted, folder)
    assert (folder / DESCRIPTION).read_bytes() == before
    _edit(folder, schema=9)
    save_fitted(fitted, folder, force=True)
    assert load_fitted(folder).genes == fitted.genes


def test_force_replaces_no_folder_of_other_things(fitted: Fitted, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileError, match=r"Only a folder with model\.json is replaced; .* holds 'thesis\.txt'"):
        save_fitted(fitted, tmp_path, force=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken")])
def test_an_interrupted_save_leaves_nothing(
    fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def breaks(weights: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(checkpoint, "save_file", breaks)
    with pytest.raises(type(error)):
        save_fitted(fitted, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_save_by_force_leaves_what_was_there(
    fitted: Fitted, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {item.name: item.read_bytes() for item in folder.iterdir()}
    monkeypatch.setattr(checkpoint, "checksum_of", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_fitted(fitted, folder, force=True)
    assert {item.name: item.read_bytes() for item in folder.iterdir()} == before
    assert [item.name for item in folder.parent.iterdir()] == ["model"]


def test_numbers_of_the_projection_survive(fitted: Fitted, folder: Path) -> None:
    loaded = load_fitted(folder).placement.projection
    assert np.array_equal(loaded.center, fitted.placement.projection.center)
    assert np.array_equal(loaded.axes, fitted.placement.projection.axes)
