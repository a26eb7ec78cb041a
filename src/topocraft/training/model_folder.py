"""The two files of a saved model, trusted in nothing: each is checked before it is believed or takes memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from topocraft._version import __version__
from topocraft.config.checked import distinct_keys
from topocraft.data.checksums import checksum_of
from topocraft.errors import FileError, ModelError, shown_name

SCHEMA = 4
OLDER_SCHEMA = 3
"""Its models were settled without regard to kinds."""
OLDEST_SCHEMA = 2
"""Its models know the posterior means alone, and of an alignment nothing but its shifts."""
WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"
FIELDS = {
    "schema",
    "version",
    "weights_sha256",
    "config",
    "genes",
    "batch_names",
    "rounds",
    "history",
    "facts",
}
OLDEST_FIELDS = FIELDS - {"rounds"} | {"alignment_widths"}
_FIELDS_OF = {OLDEST_SCHEMA: OLDEST_FIELDS, OLDER_SCHEMA: FIELDS, SCHEMA: FIELDS}
LARGEST_DESCRIPTION = 2**28
"""Bytes; of a model of 60,000 genes it has three million."""
TYPES = {"F32": torch.float32, "I64": torch.int64}

GROUPS = ("alignment", "carrying", "settling")
"""Of the rounds of a model."""
Shapes = Mapping[str, tuple[tuple[int, ...], torch.dtype]]


def read_description(folder: Path) -> dict[str, Any]:
    """Return what ``model.json`` says, if it is of this schema and says nothing else.

    Raises
    ------
    FileError
        One of the two files is missing.
    ModelError
        One is a link, the description is damaged, too large, or of another schema.
    """
    for name in (DESCRIPTION, WEIGHTS):
        _require_own_file(folder, name)
    path = folder / DESCRIPTION
    size = path.stat().st_size
    if size > LARGEST_DESCRIPTION:
        raise ModelError(
            f"'{path}' must have at most {LARGEST_DESCRIPTION:,} bytes; it has {size:,}. Save the model again."
        )
    try:
        description = dict(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=distinct_keys))
        schema = description["schema"]
        fields = _FIELDS_OF.get(schema) if isinstance(schema, int) else None
        if fields is not None and description.keys() != fields:
            raise ValueError(f"the fields {sorted(fields ^ description.keys())} are missing or unknown")
    except OSError as error:
        raise FileError(
            f"'{path}' cannot be read: {error.strerror}. Ask its owner for the right to read it."
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"'{path}' is damaged: {error!r:.200}. Save the model again.") from error
    if fields is None:
        raise ModelError(
            f"The model in '{folder}' has schema {schema!r:.40}; this topocraft {__version__} reads schemas "
            f"{OLDEST_SCHEMA} to {SCHEMA}. Load it with the version that saved it, or fit again."
        )
    try:
        return _upgraded(description, _count_arrays(folder))
    except SafetensorError as error:
        raise ModelError(f"'{folder}' does not hold a whole topocraft model: {error}. Save it again.") from error
    except (TypeError, KeyError, ValueError) as error:
        raise ModelError(f"The model's {DESCRIPTION} is damaged: {error!r:.200}. Save the model again.") from error


def _upgraded(description: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the description of a model of an older schema as one of today would have it, of ``most`` rounds or fewer.

    What is not there is not believed: a list of nothing takes thirty times its text in memory.
    """
    if description["schema"] == OLDEST_SCHEMA:
        widths = description.pop("alignment_widths")
        if not isinstance(widths, list) or len(widths) > most:
            raise ValueError("alignment_widths must be a list, of no more members than there are weights")
        config = description["config"]
        config["embedding"] = dict(config["embedding"]) | {"coordinates": "latent"}
        shared = {"prior": config["embedding"]["alignment_prior"], "whole": False, "middles": False}
        rounds = [{"width": width} | shared for width in widths]
        description["rounds"] = {"alignment": rounds, "carrying": [], "settling": []}
    groups = description["rounds"]
    if not isinstance(groups, dict) or groups.keys() != set(GROUPS):
        raise ValueError(f"rounds must hold {', '.join(GROUPS)}, and nothing else")
    for name, held in groups.items():
        if not isinstance(held, list) or len(held) > most:
            raise ValueError(f"rounds.{name} must be a list of rounds, of no more members than there are weights")
    if description["schema"] < SCHEMA:
        description["rounds"] = {name: [_without_company(each) for each in held] for name, held in groups.items()}
    return description


def _without_company(held: object) -> dict[str, Any]:
    if not isinstance(held, dict) or "company" in held:
        raise ValueError("rounds of an older schema must not say company")
    return held | {"company": False}


def _count_arrays(folder: Path) -> int:
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return len(file.keys())


def length_of(folder: Path, name: str, axis: int) -> int:
    """Return the length of one axis of a stored array, without reading it."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        if name not in file.keys():  # noqa: SIM118  (no mapping)
            raise KeyError(f"{name} is missing")
        shape = file.get_slice(name).get_shape()
    if axis >= len(shape):
        raise TypeError(f"{name} must have more than {axis} axes; it has {len(shape)}")
    return int(shape[axis])


def read_weights(folder: Path, due: Shapes, checksum: object) -> dict[str, torch.Tensor]:
    """Return the weights, if they are those that are due, and all finite; none is read before all shapes are right.

    Raises
    ------
    KeyError, TypeError, ValueError
        A weight is missing or unknown, or has another shape or type, or is not finite.
    ModelError
        The weights are not those of the description.
    """
    path = folder / WEIGHTS
    with safe_open(path, framework="pt") as file:
        for name in sorted(due.keys() ^ set(file.keys())):
            raise KeyError(f"{name} is {'missing' if name in due else 'unknown'}")
        for name, (shape, kind) in due.items():
            held = file.get_slice(name)
            found = tuple(held.get_shape()), TYPES.get(held.get_dtype())
            if found != (shape, kind):
                raise TypeError(f"{name} must have shape {shape} and type {kind}; it has {found[0]} and {found[1]}")
        if checksum != checksum_of(path):
            raise ModelError(f"'{path}' does not belong to its {DESCRIPTION}, or is damaged. Save again.")
        weights = {name: file.get_tensor(name) for name in due}
    for name, weight in weights.items():
        if not bool(torch.isfinite(weight).all()) or (name.endswith("running_var") and bool((weight < 0).any())):
            raise ValueError(f"{name} holds values that no training leaves behind")
    return weights


def names_of(values: object, what: str) -> tuple[str, ...]:
    """Return a list of distinct texts as a tuple."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{what} must be a list of names")
    if len(set(values)) != len(values) or not values:
        raise ValueError(f"{what} must be distinct, and at least one")
    return tuple(values)


def number_of(value: object, what: str, low: float) -> float:
    """Return a finite number of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value < float("inf"):
        raise TypeError(f"{what} must be a number of at least {low:g}; it is {value!r:.40}")
    return value


def _require_own_file(folder: Path, name: str) -> None:
    path = folder / name
    try:
        if path.is_symlink():
            raise ModelError(
                f"A model must hold its own files; '{path}' is a link to '{path.readlink()}'. Copy that file here."
            )
        if path.is_file():
            return
    except OSError as error:
        raise FileError(
            f"folder must hold a saved model; '{shown_name(folder)}' cannot be looked into: {error.strerror}. "
            "Check the path."
        ) from error
    raise FileError(f"folder must hold a saved model; '{shown_name(folder)}' has no {name}. Check the path.")
