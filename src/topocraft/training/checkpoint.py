"""A fitted model on disk: weights as safetensors, everything else as JSON. Nothing loaded executes code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from topocraft._version import __version__
from topocraft.config import IntegrationConfig
from topocraft.data.outputs import atomic_folder
from topocraft.data.preprocess import GeneSpace
from topocraft.errors import ModelError, first_line
from topocraft.memory import ran_out_of_memory
from topocraft.model.networks import Networks, state_shapes
from topocraft.training.alignment import Alignment, Round
from topocraft.training.embed import Projection
from topocraft.training.loop import History
from topocraft.training.model_folder import (
    DESCRIPTION,
    SCHEMA,
    WEIGHTS,
    Shapes,
    checksum_of,
    length_of,
    names_of,
    number_of,
    read_description,
    read_weights,
)

PROJECTED = ("center", "axes")
SHIFTED = ("centers", "shifts")


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
            "weights_sha256": checksum_of(partial / WEIGHTS),
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
        The description is of another schema or says what cannot be, the weights do not belong to it, or a file is a
        link. Nothing takes memory before the shapes of all weights are found to be right.
    """
    description = read_description(folder)
    try:
        config = IntegrationConfig.from_dict(description["config"])
        genes = _genes(description["genes"])
        batch_names = names_of(description["batch_names"], "batch_names")
        widths = [number_of(width, "alignment_widths", 0.0) for width in description["alignment_widths"]]
        history, facts = _history(description["history"]), dict(description["facts"])
        due = _due(config, len(genes.selected), len(batch_names), len(widths), folder)
        weights = read_weights(folder, due, description["weights_sha256"])
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError, SafetensorError) as error:
        if isinstance(error, ModelError) or ran_out_of_memory(error):
            raise
        raise ModelError(
            f"'{folder}' does not hold a whole topocraft model: {first_line(error)}. Save it again."
        ) from error
    networks = Networks(len(genes.selected), len(batch_names), config.model, torch.Generator())
    projection = Projection(*(weights.pop(f"projection.{part}").numpy() for part in PROJECTED))
    rounds = (
        Round(width=width, **{part: weights.pop(f"alignment.{number}.{part}").numpy() for part in SHIFTED})
        for number, width in enumerate(widths)
    )
    alignment = Alignment(tuple(rounds))
    networks.load_state_dict({name.removeprefix("networks."): weight for name, weight in weights.items()})
    return Fitted(config, networks.eval(), genes, batch_names, projection, alignment, history, facts)


def _genes(held: object) -> GeneSpace:
    if not isinstance(held, dict) or held.keys() != {"expressed", "selected", "target_sum"}:
        raise ValueError("genes must have the fields expressed, selected and target_sum")
    expressed, selected = (names_of(held[part], f"genes.{part}") for part in ("expressed", "selected"))
    if not set(selected) <= set(expressed):
        raise ValueError("genes.selected must be among genes.expressed")
    return GeneSpace(expressed, selected, number_of(held["target_sum"], "genes.target_sum", 1.0))


def _history(held: dict[str, list[float]]) -> History:
    return {name: [number_of(loss, f"history.{name}", float("-inf")) for loss in held[name]] for name in held}


def _due(config: IntegrationConfig, n_genes: int, n_batches: int, n_rounds: int, folder: Path) -> Shapes:
    """Return the shapes of all weights; how many components and places there are is the choice of the file."""
    due = {f"networks.{name}": shape for name, shape in state_shapes(n_genes, n_batches, config.model).items()}
    n_latent, n_components = config.model.n_latent, length_of(folder, "projection.axes", 1)
    due |= {"projection.center": ((n_latent,), torch.float32)}
    due |= {"projection.axes": ((n_latent, n_components), torch.float32)}
    for number in range(n_rounds):
        n_places = length_of(folder, f"alignment.{number}.centers", 0)
        due |= {f"alignment.{number}.centers": ((n_places, n_components), torch.float32)}
        due |= {f"alignment.{number}.shifts": ((n_places, n_batches, n_components), torch.float32)}
    return due
