"""Work for several processes: what a minibatch comes to, and the pieces of which that is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn

from topocraft.config import ModelConfig, TrainingConfig
from topocraft.model.networks import Networks
from topocraft.model.triplets import choose_triplets
from topocraft.randomness import torch_stream
from topocraft.training.job import Job
from topocraft.training.minibatch import gather
from topocraft.training.ranks import Ranks
from topocraft.training.step import Step

N_ROWS, N_COLUMNS = 7, 3
"""Rows that three processes cannot share evenly."""
ROWS = np.random.default_rng(0).normal(3.0, 2.0, (N_ROWS, N_COLUMNS))
TOWARDS = np.random.default_rng(1).normal(size=(N_ROWS, N_COLUMNS))


def norm_of_columns() -> nn.BatchNorm1d:
    """Return batch normalisation in double precision with gains of its own."""
    norm = nn.BatchNorm1d(N_COLUMNS, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(1.0, N_COLUMNS + 1))
    return norm


def pieces(job: Job) -> dict[str, Any]:
    """Use everything that processes share."""
    return _normalised(job) | _gathered(job) | _averaged(job) | {"told": job.send_json({"by": job.rank})["by"]}


def _own(job: Job) -> torch.Tensor:
    return torch.from_numpy(job.own(ROWS).copy()).requires_grad_()


def _normalised(job: Job) -> dict[str, Any]:
    own, norm = _own(job), norm_of_columns()
    networks = nn.Sequential(norm)
    job.adopt(networks)
    placed = networks(own)
    (placed * torch.from_numpy(job.own(TOWARDS).copy())).sum().backward()
    job.add_gradients(networks.parameters())
    return {
        "normal": placed.detach(),
        "slopes": own.grad,
        "weight": norm.weight.grad,
        "bias": norm.bias.grad,
        "mean": norm.running_mean,
        "variance": norm.running_var,
        "evaluated": networks.eval()(torch.from_numpy(ROWS)).detach(),
    }


def _gathered(job: Job) -> dict[str, Any]:
    own = _own(job)
    whole = job.gather(own, N_ROWS)
    (whole * torch.from_numpy(TOWARDS)).sum().backward()
    return {"whole": whole.detach(), "gathered_slopes": own.grad}


def _averaged(job: Job) -> dict[str, Any]:
    own = _own(job)
    mean, square = job.averaged((own.mean(), own.square().mean()), len(own) / N_ROWS)
    (mean + 2 * square).backward()
    return {"means": torch.stack([mean, square]).detach(), "averaged_slopes": own.grad}


def one_step(ranks: Ranks) -> dict[str, Any]:
    """Return losses, gradients and all that moved in one step on 75 of 200 cells in two batches."""
    draws = np.random.default_rng(2)
    expression = sparse.csr_matrix(np.log1p(draws.poisson(1.5, (200, 24))).astype(np.float32))
    batch, low, high = draws.integers(2, size=200), draws.integers(2, size=200), draws.integers(3, size=200)
    cells = draws.choice(200, 75)
    triplets = choose_triplets(batch[cells], low[cells], high[cells], draws)
    shapes = ModelConfig(n_latent=6, encoder_widths=(16, 12), decoder_widths=(12, 16), classifier_widths=(10, 10))
    networks = Networks(24, 2, shapes, torch_stream(0, "weights")).train()
    ranks.adopt(networks)
    step = Step(networks, TrainingConfig(), torch.float32, torch_stream(0, "noise"), ranks)
    minibatch = gather(expression, batch, cells, triplets, "cpu", ranks)
    found = {"losses": step(minibatch, warming_up=False), "n_cells": len(minibatch.batch)}
    found |= {f"state.{name}": tensor for name, tensor in networks.state_dict().items()}
    generative = [*networks.encoder.named_parameters(), *networks.decoder.named_parameters()]
    return found | {f"slope.{name}": weight.grad for name, weight in generative}
