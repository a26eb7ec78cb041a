"""Epochs, warm-up, history: the only loop over time."""

from __future__ import annotations

import math

import numpy as np
import torch

from topocraft.config import TrainingConfig
from topocraft.errors import TrainingError
from topocraft.model.networks import Networks
from topocraft.model.triplets import choose_triplets
from topocraft.progress import Progress
from topocraft.randomness import numpy_stream, torch_stream
from topocraft.rows import Rows
from topocraft.topology.clusters import Topology
from topocraft.training.sampler import BalancedSampler, epochs_for
from topocraft.training.step import LOSS_NAMES, Step, gather

History = dict[str, list[float]]


def train(
    networks: Networks,
    expression: Rows,
    batch: np.ndarray,
    topology: Topology,
    config: TrainingConfig,
    *,
    precision: str,
    seed: int,
    progress: Progress,
) -> History:
    """Train the networks in place and return the mean of every loss per epoch.

    Parameters
    ----------
    networks
        Encoder, decoder and classifier, on the device to train on.
    expression
        Log-normalised values, (n_cells, n_genes): CSR, or rows that lie on disk.
    batch
        Batch codes 0 … S−1, (n_cells,).
    topology
        What is reliably known inside each batch.

    Raises
    ------
    TrainingError
        A loss became NaN or infinite.
    """
    device = next(networks.parameters()).device.type
    sampler = BalancedSampler(batch, config, numpy_stream(seed, "sampler"))
    draws = numpy_stream(seed, "triplets")
    step = Step(networks, config, getattr(torch, precision), torch_stream(seed, "noise", device))
    n_epochs = epochs_for(len(batch), int(batch.max()) + 1, config)
    history: History = {name: [] for name in LOSS_NAMES}
    networks.train()
    progress.phase("train", n_epochs)
    for epoch in range(n_epochs):
        step.set_rate(rate_share(epoch, n_epochs, config))
        losses = torch.zeros(len(LOSS_NAMES), device=device)
        for cells in sampler.epoch():
            codes = batch[cells], topology.low[cells], topology.high[cells]
            triplets = choose_triplets(*codes, draws, config.triplets_per_cluster, topology.separation)
            minibatch = gather(expression, batch, cells, triplets, device)
            losses += step(minibatch, warming_up=epoch < config.warmup_epochs)
        _record(history, (losses / sampler.n_steps).tolist(), epoch)
        progress.advance(f"accuracy {history['accuracy'][-1]:.2f}")
    networks.eval()
    return history


def rate_share(epoch: int, n_epochs: int, config: TrainingConfig) -> float:
    """Return the learning rate of an epoch as a share of the first: 1 in the warm-up, then a cosine's fall."""
    done = max(0.0, (epoch - config.warmup_epochs) / max(1, n_epochs - config.warmup_epochs))
    return config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * done))


def _record(history: History, losses: list[float], epoch: int) -> None:
    for name, loss in zip(LOSS_NAMES, losses, strict=True):
        history[name].append(loss)
    if not np.isfinite(losses).all():
        broken = [name for name, loss in zip(LOSS_NAMES, losses, strict=True) if not np.isfinite(loss)]
        raise TrainingError(
            f"Training left the finite numbers in epoch {epoch + 1}: {', '.join(broken)}. "
            "Lower learning_rate (--set learning_rate=1e-4), or train in single precision (--set precision=float32)."
        )
