"""A checkpoint on disk: tensors as safetensors, the rest as JSON that names them by their checksum.

The tensors are written first, under a name of their own, and the description that points to them replaces the one
before in one go: at every moment there is one whole checkpoint, or none yet.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from topocraft._version import __version__
from topocraft.checkpoints import DESCRIPTION
from topocraft.data.atomic import atomic_file, atomic_text
from topocraft.data.checksums import checksum_of
from topocraft.errors import FileError, ModelError, first_line
from topocraft.memory import ran_out_of_memory

SCHEMA = 1
LARGEST_DESCRIPTION = 2**26


@dataclass(frozen=True, eq=False)
class Stored:
    """What a checkpoint holds: the ``run`` that it belongs to, and ``facts`` and ``tensors`` of its course."""

    run: dict[str, Any]
    facts: dict[str, Any]
    tensors: dict[str, Tensor]


def write_stored(folder: Path, stored: Stored) -> None:
    """Write a checkpoint into an existing folder; the one before stays until this one is whole.

    Raises
    ------
    FileError
        The folder cannot be written.
    """
    state = _state(folder, stored.facts["epoch"])
    size = sum(tensor.nbytes for tensor in stored.tensors.values())
    with atomic_file(state, size=size) as partial:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in stored.tensors.items()}, partial)
        content = {"run": stored.run, "course": stored.facts, "tensors_sha256": checksum_of(partial)}
    sealed = {"schema": SCHEMA, "version": __version__, "content_sha256": _seal(content), "content": content}
    atomic_text(folder / DESCRIPTION, json.dumps(sealed, indent=1))
    for old in folder.glob("*state-*.safetensors*"):
        if old.name != state.name:
            old.unlink(missing_ok=True)


def read_stored(folder: Path) -> Stored | None:
    """Read the checkpoint in a folder, ``None`` where there is none.

    Raises
    ------
    ModelError
        It is damaged, or of another schema.
    FileError
        It cannot be read.
    """
    if not (folder / DESCRIPTION).exists():
        return None
    try:
        content = _content(folder)
        state = _state(folder, content["course"]["epoch"])
        if _plain(state) and checksum_of(state) != content["tensors_sha256"]:
            raise ValueError(f"{state.name} is not what was written")
        return Stored(content["run"], content["course"], load_file(state))
    except ModelError:
        raise
    except OSError as error:
        if ran_out_of_memory(error):
            raise
        raise FileError(f"The checkpoint in '{folder}' cannot be read: {error}. {CURE}") from error
    except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if ran_out_of_memory(error):
            raise
        raise damaged(folder, error) from error


CURE = "Begin anew: --force without --resume, or remove the folder."


def damaged(folder: Path, reason: Exception) -> ModelError:
    """Return the error that refuses a checkpoint."""
    return ModelError(f"The checkpoint in '{folder}' is damaged: {first_line(reason)}. {CURE}")


def _content(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if _plain(path) and path.stat().st_size > LARGEST_DESCRIPTION:
        raise ValueError(f"{DESCRIPTION} is too large")
    sealed = json.loads(path.read_text(encoding="utf-8"))
    if sealed["schema"] != SCHEMA:
        raise ModelError(
            f"The checkpoint in '{folder}' has schema {sealed['schema']!r:.60}; this topocraft {__version__} reads "
            f"schema {SCHEMA}. Resume with the version that wrote it. {CURE}"
        )
    content: dict[str, Any] = sealed["content"]
    if sealed["content_sha256"] != _seal(content):
        raise ValueError(f"{DESCRIPTION} is not what was written")
    return content


def _plain(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path.name} is missing, or no plain file")
    return True


def _state(folder: Path, epoch: int) -> Path:
    return folder / f"state-{epoch:d}.safetensors"


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
