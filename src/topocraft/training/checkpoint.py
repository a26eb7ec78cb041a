"""A fitted model on disk: weights as safetensors, everything else as JSON. Nothing loaded executes code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from topocraft._version import __version__
from topocraft.config import IntegrationConfig
from topocraft.data.outputs import atomic_folder
from topocraft.data.preprocess import GeneSpace
from topocraft.errors import ConfigError, FileError, ModelError
from topocraft.model.networks import Networks
from topocraft.training.alignment import Alignment, Round
from topocraft.training.embed import Projection
from topocraft.training.loop import History

SCHEMA = 2
SHIFTED = ("centers", "shifts")
WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that training leaves behind: enough to embed cells, and to say where the model came from."""

    config: IntegrationConfig
    networks: Networks
    genes: GeneSpace
    batch_names: tuple[str, ...]
    projection: Projection
    alignment: Alignment
    history: History
    facts: dict[str, Any]


def save_fitted(fitted: Fitted, folder: Path, *, force: bool = False) -> None:
    """Write a model into ``folder``, whole or not at all.

    Raises
    ------
    FileError
        The folder exists and ``force`` is not given, or cannot be written.
    """
    weights = {f"networks.{name}": tensor for name, tensor in fitted.networks.state_dict().items()}
    weights["projection.center"] = torch.from_numpy(fitted.projection.center)
    weights["projection.axes"] = torch.from_numpy(fitted.projection.axes)
    for number, each in enumerate(fitted.alignment.rounds):
        weights |= {f"alignment.{number}.{part}": torch.from_numpy(getattr(each, part)) for part in SHIFTED}
    with atomic_folder(folder, force=force, marks=(DESCRIPTION,)) as partial:
        save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, partial / WEIGHTS)
        description = {
            "schema": SCHEMA,
            "version": __version__,
            "weights_sha256": _checksum(partial / WEIGHTS),
            "config": fitted.config.to_dict(),
            "genes": asdict(fitted.genes),
            "batch_names": fitted.batch_names,
            "alignment_widths": [each.width for each in fitted.alignment.rounds],
            "history": fitted.history,
            "facts": fitted.facts,
        }
        (partial / DESCRIPTION).write_text(json.dumps(description, indent=1))


def load_fitted(folder: Path) -> Fitted:
    """Read a model that ``save_fitted`` wrote, onto the processor.

    Raises
    ------
    FileError
        The folder or one of its two files is missing.
    ModelError
        The description is of another schema, or the weights do not belong to it.
    """
    description = _read_description(folder)
    try:
        config = IntegrationConfig.from_dict(description["config"])
        genes = GeneSpace(**{name: _frozen(value) for name, value in description["genes"].items()})
        batch_names = tuple(description["batch_names"])
        networks = Networks(len(genes.selected), len(batch_names), config.model, torch.Generator())
        weights = load_file(folder / WEIGHTS)
        projection = Projection(*(weights.pop(f"projection.{part}").numpy() for part in ("center", "axes")))
        alignment = Alignment(
            tuple(
                Round(width=width, **{part: weights.pop(f"alignment.{number}.{part}").numpy() for part in SHIFTED})
                for number, width in enumerate(description["alignment_widths"])
            )
        )
        networks.load_state_dict({name.removeprefix("networks."): weight for name, weight in weights.items()})
        history, facts = description["history"], description["facts"]
    except (KeyError, TypeError, RuntimeError, SafetensorError, ConfigError) as error:
        raise ModelError(f"'{folder}' does not hold a whole topocraft model: {error}. Save it again.") from error
    return Fitted(config, networks.eval(), genes, batch_names, projection, alignment, history, facts)


def _read_description(folder: Path) -> dict[str, Any]:
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise FileError(f"folder must hold a saved model; '{folder}' has no {name}.")
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        schema, checksum = description["schema"], description["weights_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"'{folder / DESCRIPTION}' is damaged: {error!r}. Save the model again.") from error
    if schema != SCHEMA:
        raise ModelError(
            f"The model in '{folder}' has schema {schema!r}; this topocraft {__version__} reads schema {SCHEMA}. "
            "Load it with the version that saved it, or fit again."
        )
    if checksum != _checksum(folder / WEIGHTS):
        raise ModelError(f"'{folder / WEIGHTS}' does not belong to its {DESCRIPTION}, or is damaged. Save again.")
    return dict(description)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
