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
from topocraft.data.checksums import checksum_of
from topocraft.data.outputs import atomic_folder
from topocraft.data.places import MODEL
from topocraft.data.preprocess import GeneSpace
from topocraft.errors import ModelError, first_line
from topocraft.memory import ran_out_of_memory
from topocraft.model.networks import Networks, state_shapes
from topocraft.projection import Projection
from topocraft.training.alignment import Alignment
from topocraft.training.carrying import Carrying
from topocraft.training.loop import History
from topocraft.training.model_folder import (
    DESCRIPTION,
    GROUPS,
    SCHEMA,
    WEIGHTS,
    Shapes,
    length_of,
    names_of,
    number_of,
    read_description,
    read_weights,
)
from topocraft.training.model_rounds import arrays_of, checked_numbers, due_arrays, n_kinds_of, numbers_of, take_rounds
from topocraft.training.placing import Placement
from topocraft.training.rounds import Round

PROJECTED = ("center", "axes")
Numbers = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that training leaves behind: enough to embed cells, and to say where the model came from."""

    config: IntegrationConfig
    networks: Networks
    genes: GeneSpace
    batch_names: tuple[str, ...]
    placement: Placement
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
    weights |= _projection_arrays("projection", fitted.placement.projection)
    carrying = fitted.placement.carrying
    if carrying is not None:
        weights |= _projection_arrays("components", carrying.components)
        weights["carrying.weights"] = torch.from_numpy(carrying.weights)
    rounds = _rounds(fitted.placement)
    for group, members in rounds.items():
        weights |= arrays_of(group, members)
    with atomic_folder(folder, force=force, kind=MODEL) as partial:
        save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, partial / WEIGHTS)
        description = {
            "schema": SCHEMA,
            "version": __version__,
            "weights_sha256": checksum_of(partial / WEIGHTS),
            "config": fitted.config.to_dict(),
            "genes": asdict(fitted.genes),
            "batch_names": fitted.batch_names,
            "rounds": {group: numbers_of(members) for group, members in rounds.items()},
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
        numbers = {group: checked_numbers(description["rounds"][group], group) for group in GROUPS}
        history, facts = _history(description["history"]), dict(description["facts"])
        due = _due(config, len(genes.selected), len(batch_names), numbers, folder)
        weights = read_weights(folder, due, description["weights_sha256"])
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError, SafetensorError) as error:
        if isinstance(error, ModelError) or ran_out_of_memory(error):
            raise
        raise ModelError(
            f"'{folder}' does not hold a whole topocraft model: {first_line(error)}. Save it again."
        ) from error
    networks = Networks(len(genes.selected), len(batch_names), config.model, torch.Generator())
    projection = _take_projection("projection", weights)
    alignment, carried, settled = (take_rounds(group, numbers[group], weights) for group in GROUPS)
    carrying = None
    if _carries(config, numbers):
        factors = weights.pop("carrying.weights").numpy()
        carrying = Carrying(_take_projection("components", weights), carried, factors, Alignment(settled))
    networks.load_state_dict({name.removeprefix("networks."): weight for name, weight in weights.items()})
    placement = Placement(projection, Alignment(alignment), carrying)
    return Fitted(config, networks.eval(), genes, batch_names, placement, history, facts)


def _rounds(placement: Placement) -> dict[str, tuple[Round, ...]]:
    carrying = placement.carrying
    carried = ((), ()) if carrying is None else (carrying.rounds, carrying.settling.rounds)
    return dict(zip(GROUPS, (placement.alignment.rounds, *carried), strict=True))


def _projection_arrays(name: str, projection: Projection) -> dict[str, torch.Tensor]:
    return {f"{name}.{part}": torch.from_numpy(getattr(projection, part)) for part in PROJECTED}


def _take_projection(name: str, weights: dict[str, torch.Tensor]) -> Projection:
    return Projection(*(weights.pop(f"{name}.{part}").numpy() for part in PROJECTED))


def _genes(held: object) -> GeneSpace:
    if not isinstance(held, dict) or held.keys() != {"expressed", "selected", "target_sum"}:
        raise ValueError("genes must have the fields expressed, selected and target_sum")
    expressed, selected = (names_of(held[part], f"genes.{part}") for part in ("expressed", "selected"))
    if not set(selected) <= set(expressed):
        raise ValueError("genes.selected must be among genes.expressed")
    return GeneSpace(expressed, selected, number_of(held["target_sum"], "genes.target_sum", 1.0))


def _history(held: dict[str, list[float]]) -> History:
    return {name: [number_of(loss, f"history.{name}", float("-inf")) for loss in held[name]] for name in held}


def _due(config: IntegrationConfig, n_genes: int, n_batches: int, numbers: Numbers, folder: Path) -> Shapes:
    """Return the shapes of all weights; how many components and places there are is the choice of the file."""
    due = {f"networks.{name}": shape for name, shape in state_shapes(n_genes, n_batches, config.model).items()}
    guide = length_of(folder, "projection.axes", 1)
    due |= _projection_shapes("projection", config.model.n_latent, guide)
    axes, n_kinds = {"alignment": (guide, guide)}, None
    if _carries(config, numbers):
        n_components = length_of(folder, "components.axes", 1)
        due |= _projection_shapes("components", n_genes, n_components)
        due["carrying.weights"] = ((n_components,), torch.float32)
        axes |= {"carrying": (guide, n_components), "settling": (n_components, n_components)}
        n_kinds = n_kinds_of(numbers["carrying"], folder)
    elif numbers["carrying"] or numbers["settling"]:
        raise ValueError('rounds must be of the alignment alone where coordinates="latent"')
    for group, sizes in axes.items():
        due |= due_arrays(group, numbers[group], folder, n_batches, sizes, n_kinds if group == "settling" else None)
    return due


def _carries(config: IntegrationConfig, numbers: Numbers) -> bool:
    """Return whether components follow the map; of what was chosen in the fit, the rounds tell."""
    asked = config.embedding.coordinates
    return bool(numbers["carrying"]) if asked == "best" else asked == "components"


def _projection_shapes(name: str, n_from: int, n_to: int) -> Shapes:
    return {f"{name}.center": ((n_from,), torch.float32), f"{name}.axes": ((n_from, n_to), torch.float32)}
