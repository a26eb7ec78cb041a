"""Planted cells so few, and networks so small, that training takes no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse

from topocraft.config import Head, ModelConfig, TrainingConfig
from topocraft.hardware import processor
from topocraft.model.networks import Networks
from topocraft.randomness import torch_stream
from topocraft.topology.clusters import Topology

N_GENES = 24


@dataclass(frozen=True, eq=False)
class Planted:
    """Three types in two batches, 40 cells of each, in no order, and the topology that is true of them."""

    expression: sparse.csr_matrix
    batch: np.ndarray
    topology: Topology

    def networks(self, head: Head = "trunk", seed: int = 0) -> Networks:
        shapes = ModelConfig(
            n_latent=6, encoder_widths=(16, 12), decoder_widths=(12, 16), classifier_widths=(10, 10), head=head
        )
        return Networks(N_GENES, 2, shapes, torch_stream(seed, "weights"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with processor(1):
        yield


@pytest.fixture(scope="session")
def planted() -> Planted:
    generator = np.random.default_rng(1)
    batch, types, half = (part.ravel() for part in np.indices((2, 3, 40)))
    rates = np.where(np.arange(N_GENES) // 8 == types[:, None], 6.0, 0.5)
    rates = rates * np.where((np.arange(N_GENES) % 2 == 0) & (batch[:, None] == 1), 2.5, 1.0)
    order = generator.permutation(len(batch))
    expression = np.log1p(generator.poisson(rates)).astype(np.float32)
    high = 2 * types + half % 2
    names = [tuple(map(str, range(n))) for n in (3, 6)]
    topology = Topology(types[order].astype(np.int64), high[order].astype(np.int64), *names, 1 - np.eye(3))
    return Planted(sparse.csr_matrix(expression[order]), batch[order].astype(np.int64), topology)


@pytest.fixture(scope="session")
def tiny() -> Callable[..., TrainingConfig]:
    """Return a short training configuration, with fields changed by name."""

    def build(**values: object) -> TrainingConfig:
        short = {"epochs": 6, "warmup_epochs": 2, "cells_per_batch": 64, "cells_per_step": 64, "precision": "float32"}
        return TrainingConfig(**{**short, **values})  # type: ignore[arg-type]

    return build
