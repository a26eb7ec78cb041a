"""All that changes while networks are trained: what a checkpoint must hold, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from topocraft.config import TrainingConfig
from topocraft.model.networks import Networks
from topocraft.randomness import numpy_stream, torch_stream
from topocraft.training.ranks import Ranks
from topocraft.training.step import LOSS_NAMES, Step

History = dict[str, list[float]]


@dataclass(eq=False)
class Course:
    """Where training stands after ``epoch`` whole epochs.

    Parameters
    ----------
    step
        Networks and optimisers.
    noise, sampler, triplets
        The random streams.
    epoch
        Epochs that are done.
    undone
        Steps that were undone; each has halved the learning rate.
    history
        Mean of every loss per epoch.
    """

    step: Step
    noise: torch.Generator
    sampler: np.random.Generator
    triplets: np.random.Generator
    epoch: int = 0
    undone: int = 0
    history: History = field(default_factory=lambda: {name: [] for name in LOSS_NAMES})

    @classmethod
    def begin(
        cls, networks: Networks, config: TrainingConfig, *, precision: str, seed: int, ranks: Ranks | None = None
    ) -> Course:
        """Return the start of a training; its streams go by the seed."""
        noise = torch_stream(seed, "noise", next(networks.parameters()).device.type)
        step = Step(networks, config, getattr(torch, precision), noise, ranks)
        return cls(step, noise, numpy_stream(seed, "sampler"), numpy_stream(seed, "triplets"))

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor by name; those of the networks and optimisers are not copies."""
        return self.step.tensors() | {"noise": self.noise.get_state()}

    def facts(self) -> dict[str, Any]:
        """Return the rest, in forms that JSON can hold."""
        streams = {name: getattr(self, name).bit_generator.state for name in ("sampler", "triplets")}
        return {"epoch": self.epoch, "undone": self.undone, "history": self.history, "streams": streams}

    def align(self, ranks: Ranks) -> None:
        """Go to where the first of the processes stands."""
        tensors, facts = ranks.from_first(self.tensors(), self.facts())
        if ranks.rank:
            self.restore(tensors, facts)

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go to where ``tensors`` and ``facts`` were taken.

        Raises
        ------
        ValueError
            They are of another training, or not whole; networks and streams may have changed then.
        """
        here = self.tensors()
        if tensors.keys() != here.keys():
            raise ValueError(f"tensors are missing or too many: {sorted(tensors.keys() ^ here.keys())[:3]}")
        for name, tensor in here.items():
            if (tensors[name].shape, tensors[name].dtype) != (tensor.shape, tensor.dtype):
                raise ValueError(f"'{name}' is of another shape or kind")
        self.noise.set_state(tensors.pop("noise").clone())
        with torch.no_grad():
            for name, tensor in tensors.items():
                here[name].copy_(tensor)
        for name in ("sampler", "triplets"):
            getattr(self, name).bit_generator.state = facts["streams"][name]
        self.epoch, self.undone = _count(facts["epoch"]), _count(facts["undone"])
        self.history = {name: _numbers(facts["history"][name], self.epoch) for name in LOSS_NAMES}


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"a count is {value!r}")
    return value


def _numbers(values: object, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count or any(type(value) is not float for value in values):
        raise ValueError("the history is not one number for every loss and epoch")
    return values
