"""Checkpoints that somebody spoilt: what was written, or an error of ours."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_files import TEXTS, any_text, spoilt_bytes, spoilt_json
from hostile_settings import quick, soak
from hostile_words import require_cure
from hypothesis import given
from hypothesis import strategies as st

from topocraft.checkpoints import DESCRIPTION
from topocraft.errors import TopocraftError
from topocraft.training.stored import Stored, read_stored, write_stored

FACTS = {"epoch": 4, "history": {"accuracy": [0.5, 0.25]}}
WRITTEN = Stored({"seed": 3, "cells": "ab"}, FACTS, {"w": torch.arange(6.0)})
STATE = "state-4.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a checkpoint; tests write into it, and put it right again."""
    place = tmp_path_factory.mktemp("checkpoint")
    write_stored(place, WRITTEN)
    return place


def _description(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / DESCRIPTION).read_text()))


def _read(folder: Path) -> str:
    try:
        found = read_stored(folder)
    except TopocraftError as error:
        require_cure(error)
        return "refused"
    assert found is not None
    assert (found.run, found.facts) == (WRITTEN.run, WRITTEN.facts)
    assert torch.equal(found.tensors["w"], WRITTEN.tensors["w"])
    return "whole"


def _spoilt(folder: Path, name: str, content: bytes) -> str:
    whole = (folder / name).read_bytes()
    try:
        (folder / name).write_bytes(content)
        return _read(folder)
    finally:
        (folder / name).write_bytes(whole)


def _property(folder: Path, quickly: bool) -> Any:
    described, state = _description(folder), (folder / STATE).read_bytes()

    @given(any_text(described), spoilt_bytes(state))
    def spoil(text: str, content: bytes) -> None:
        _spoilt(folder, DESCRIPTION, text.encode("utf-8", "surrogatepass"))
        assert _spoilt(folder, STATE, content) == ("whole" if content == state else "refused")

    return quick(80)(spoil) if quickly else soak("hostile-checkpoints")(spoil)


def test_a_spoilt_checkpoint_is_what_was_written_or_refused(folder: Path) -> None:
    _property(folder, quickly=True)()


@pytest.mark.soak
def test_a_much_spoilt_checkpoint_is_what_was_written_or_refused(folder: Path) -> None:
    _property(folder, quickly=False)()


@quick(60)
@given(st.data())
def test_one_that_a_stranger_sealed_anew_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    described = _description(folder)
    content = json.loads(data.draw(spoilt_json(described["content"])))
    seal = hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
    whole = (folder / DESCRIPTION).read_bytes()
    try:
        (folder / DESCRIPTION).write_text(json.dumps({**described, "content": content, "content_sha256": seal}))
        read_stored(folder)
    except TopocraftError as error:
        require_cure(error)
    finally:
        (folder / DESCRIPTION).write_bytes(whole)


@pytest.mark.parametrize("text", TEXTS, ids=[f"{place}" for place in range(len(TEXTS))])
def test_what_is_hardly_a_description_is_refused(text: str, folder: Path) -> None:
    assert _spoilt(folder, DESCRIPTION, text.encode("utf-8", "surrogatepass")) == "refused"
