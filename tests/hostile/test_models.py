"""Saved models that somebody spoilt: the same model, or an error of ours, and memory only for what is right."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile_files import TEXTS, any_text, spoilt_bytes
from hostile_settings import quick, soak
from hostile_words import require_cure
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from topocraft import IntegrationConfig, Integrator
from topocraft.data.cells import Cells, from_anndata
from topocraft.errors import FileError, ModelError, TopocraftError
from topocraft.simulate.demo import demo_cells

SHAPES = {"n_latent": 4, "encoder_widths": (6,), "decoder_widths": (6,), "classifier_widths": (4,)}
SHORT = {"epochs": 1, "warmup_epochs": 0, "cells_per_batch": 32, "cells_per_step": 64, "threads": 1}
CONFIG = IntegrationConfig().with_values(**SHAPES, **SHORT, n_top_genes=12, alignment_rounds=1)
DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"

Saved = tuple[Path, Cells]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Return the folder of a small model, not to be changed, and its cells."""
    cells = from_anndata(demo_cells(n_cells=150, n_genes=60, seed=1), "batch")
    folder = tmp_path_factory.mktemp("models") / "model"
    Integrator(CONFIG).fit(cells).save(folder)
    return folder, cells


@pytest.fixture
def folder(saved: Saved, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved[0], tmp_path / "model"))


def _description(saved: Saved) -> dict[str, Any]:
    return dict(json.loads((saved[0] / DESCRIPTION).read_text()))


def _loaded(folder: Path, cells: Cells) -> str:
    try:
        embedded = Integrator.load(folder).embed(cells)
    except TopocraftError as error:
        require_cure(error)
        return "refused"
    assert np.isfinite(embedded).all()
    return "whole"


def _with_description(saved: Saved, text: str, place: Path) -> str:
    target = place / "spoilt"
    shutil.copytree(saved[0], target, dirs_exist_ok=True)
    (target / DESCRIPTION).write_bytes(text.encode("utf-8", "surrogatepass"))
    return _loaded(target, saved[1])


def test_a_spoilt_description_is_read_or_refused(saved: Saved, tmp_path: Path) -> None:
    @quick(60)
    @given(any_text(_description(saved)))
    def spoil(text: str) -> None:
        _with_description(saved, text, tmp_path)

    spoil()


def _with_weights(saved: Saved, content: bytes, place: Path, *, signed: bool) -> str:
    """Spoil the weights; ``signed``, with the checksum of what they are now."""
    target = place / "spoilt"
    shutil.copytree(saved[0], target, dirs_exist_ok=True)
    (target / WEIGHTS).write_bytes(content)
    description = _description(saved)
    if signed:
        description["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (target / DESCRIPTION).write_text(json.dumps(description))
    return _loaded(target, saved[1])


def test_spoilt_weights_are_read_or_refused(saved: Saved, tmp_path: Path) -> None:
    whole = (saved[0] / WEIGHTS).read_bytes()

    @quick(50)
    @given(spoilt_bytes(whole), st.booleans())
    def spoil(content: bytes, signed: bool) -> None:
        ended = _with_weights(saved, content, tmp_path, signed=signed)
        assert ended == "refused" or signed or content == whole

    spoil()


@pytest.mark.soak
def test_much_spoilt_models_are_read_or_refused(saved: Saved, tmp_path: Path) -> None:
    whole = (saved[0] / WEIGHTS).read_bytes()

    @soak("hostile-models")
    @given(any_text(_description(saved)), spoilt_bytes(whole))
    def spoil(text: str, content: bytes) -> None:
        _with_description(saved, text, tmp_path)
        _with_weights(saved, content, tmp_path, signed=True)

    spoil()


@pytest.mark.parametrize("text", TEXTS, ids=[f"{place}" for place in range(len(TEXTS))])
def test_what_is_hardly_a_description_is_refused(saved: Saved, text: str, tmp_path: Path) -> None:
    assert _with_description(saved, text, tmp_path) == "refused"


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_links_are_refused(folder: Path, name: str, tmp_path: Path) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=rf"must hold its own files; '.*{name}' is a link to '.*elsewhere'\. Copy"):
        Integrator.load(folder)


@pytest.mark.parametrize(
    ("name", "told"),
    [("a" * 300, r"'a{200}…' cannot be looked into: File name too long"), ("a\0b", r"'a\\x00b' has no")],
)
def test_a_name_that_no_folder_has_is_told(name: str, told: str) -> None:
    with pytest.raises(FileError, match=told):
        Integrator.load(name)


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    with pytest.raises(FileError, match=r"has no weights\.safetensors"):
        Integrator.load(folder)


def _edited(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    description = json.loads((folder / DESCRIPTION).read_text())
    edit(description)
    (folder / DESCRIPTION).write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda held: held.update(weights="../../etc/passwd"), r"the fields \['weights'\] are missing or unknown"),
        (lambda held: held.pop("facts"), r"the fields \['facts'\] are missing or unknown"),
        (lambda held: held["config"]["model"].update(n_latent=10**5), "must have shape"),
        (lambda held: held["config"]["model"].update(encoder_widths=[10**9, 10**9]), "does not hold a whole"),
        (lambda held: held["config"]["model"].update(n_latent=10**12), "n_latent must be .* at most 100,000"),
        (lambda held: held.update(batch_names=["a", "a", "b"]), "batch_names must be distinct"),
        (lambda held: held.update(genes=None), "genes must have the fields expressed, selected and target_sum"),
        (lambda held: held.update(history=3), "does not hold a whole topocraft model"),
        (lambda held: held["genes"].update(selected=["x"]), "genes.selected must be among genes.expressed"),
        (lambda held: held["genes"].update(target_sum=float("nan")), r"target_sum must be a number of at least 1"),
        (lambda held: held["rounds"].update(carrying=3), r"rounds\.carrying must be a list of rounds"),
        (lambda held: held["rounds"]["settling"][0].update(width="x"), r"rounds\.settling\.width must be a number"),
        (lambda held: held["rounds"]["settling"][0].update(prior=0.0), r"rounds\.settling\.prior must be a number"),
        (
            lambda held: held["rounds"]["alignment"][0].update(whole=1),
            "must say width, prior, whole, middles and company",
        ),
        (lambda held: held["config"]["embedding"].update(coordinates="latent"), "of the alignment alone where coord"),
        (lambda held: held.update(schema=2), r"the fields .*alignment_widths.* are missing or unknown"),
        (lambda held: held["rounds"]["alignment"][0].update(company=True), "must not say company beside middles"),
        (lambda held: held["rounds"]["carrying"].clear(), "where no places of the map tell kinds"),
        (lambda held: held["rounds"].update(more=[]), "must hold alignment, carrying, settling, and nothing else"),
        (lambda held: held["rounds"].update(alignment=[{}] * 10**5), "of no more members than there are weights"),
        (lambda held: held.update(schema=3), "of an older schema must not say company"),
        (lambda held: held.update(schema=5), r"has schema 5; .* reads schemas 2 to 4.*fit again"),
        (lambda held: held.update(schema=True), r"has schema True"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, edit: Callable[[dict[str, Any]], Any], message: str) -> None:
    _edited(folder, edit)
    with pytest.raises(ModelError, match=message):
        Integrator.load(folder)


def test_a_description_that_says_something_twice_is_refused(folder: Path) -> None:
    text = (folder / DESCRIPTION).read_text()
    (folder / DESCRIPTION).write_text(text.replace("{", '{"version": "1", ', 1))
    with pytest.raises(ModelError, match=r"is damaged: .*'version' stands in one object more than once"):
        Integrator.load(folder)


def test_a_description_that_is_too_large_is_not_read(folder: Path) -> None:
    with (folder / DESCRIPTION).open("r+b") as opened:
        opened.truncate(2**40)  # a hole: it takes no room on the disk
    with pytest.raises(ModelError, match=r"must have at most 268,435,456 bytes; it has 1,099,511,627,776"):
        Integrator.load(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("networks.encoder.mean.weight", lambda held: held.T.contiguous(), r"must have shape \(4, 6\)"),
        ("networks.encoder.mean.weight", lambda held: held.double(), "must have .*type torch.float32"),
        ("networks.encoder.mean.weight", lambda held: held * float("nan"), "values that no training leaves behind"),
        ("networks.encoder.hidden.1.running_var", lambda held: held - 1e6, "values that no training leaves behind"),
        ("projection.center", lambda held: held[1:].clone(), r"must have shape \(4,\)"),
        ("alignment.0.shifts", lambda held: held[:, :1].contiguous(), "must have shape"),
        (
            "projection.axes",
            lambda held: held[:, 0].contiguous(),
            r"projection\.axes must have more than 1 axes; it has 1",
        ),
        ("carrying.1.centers", lambda held: held.sum(), r"carrying\.1\.centers must have more than 0 axes; it has 0"),
        ("carrying.0.centers", lambda held: held[:0].clone(), r"carrying\.0\.centers must hold at least one place"),
        ("settling.0.kinds", lambda held: held[:, :, :1].contiguous(), "must have shape"),
        ("more", lambda held: torch.ones(3), "more is unknown"),
    ],
)
def test_weights_of_another_kind_are_refused(folder: Path, name: str, change: Callable[..., Any], message: str) -> None:
    weights = load_file(folder / WEIGHTS)
    weights[name] = change(weights.get(name))
    save_file(weights, folder / WEIGHTS)
    checksum = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    _edited(folder, lambda held: held.update(weights_sha256=checksum))
    with pytest.raises(ModelError, match=message):
        Integrator.load(folder)
