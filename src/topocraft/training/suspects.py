"""Which cells and genes a step's numbers broke down on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topocraft.errors import list_names
from topocraft.model.likelihood import LOG_DISPERSION_RANGE, LOG_MEAN_RANGE
from topocraft.model.networks import Networks
from topocraft.training.minibatch import Minibatch

SHOWN = 3


@dataclass(frozen=True, eq=False)
class Names:
    """Names of the cells trained on and of the genes the networks read, in their order."""

    cells: np.ndarray
    genes: np.ndarray


@torch.no_grad()
def suspects(networks: Networks, minibatch: Minibatch, cells: np.ndarray, names: Names | None) -> str:
    """Say on which cells and genes of a minibatch the numbers break down, in one sentence.

    Every cell is passed through the networks alone: without noise, and normalised by the running means and not by its
    neighbours in the minibatch. Cells whose numbers are not finite are named, or where there are none, those of the
    largest loss; then the genes in which they stand out.

    Parameters
    ----------
    networks
        As they were before the step; left in training mode.
    minibatch
        What the step was given.
    cells
        Which cells those are, (n,).
    names
        ``None`` names cells and genes by their number.
    """
    networks.eval()
    of_entries, of_cells = _losses(networks, minibatch)
    networks.train()
    broken = ~of_cells.isfinite()
    if broken.all():
        return "Every cell of it leaves the finite numbers: the learning rate is too high, or a loss weighs too much."
    worst = broken.nonzero().ravel() if broken.any() else of_cells.topk(min(SHOWN, len(cells))).indices
    genes = _stand_out(of_entries[worst], minibatch.expression[worst])
    cells = np.unique(cells[worst.cpu().numpy()])
    called = cells if names is None else names.cells[cells]
    told = genes if names is None else names.genes[genes]
    which = "Not finite in" if broken.any() else "Its largest losses are in"
    return f"{which} cells {list_names(called, SHOWN)}, above all in genes {list_names(told, SHOWN)}."


def _losses(networks: Networks, minibatch: Minibatch) -> tuple[Tensor, Tensor]:
    """Return −log NB of every cell and gene, (n, p), and of every cell with its divergence, (n,)."""
    mean, variance = networks.encoder(minibatch.expression)
    log_mean, log_dispersion = networks.decoder(mean, minibatch.batch)
    log_mean, log_dispersion = log_mean.clamp(*LOG_MEAN_RANGE), log_dispersion.clamp(*LOG_DISPERSION_RANGE)
    chance = torch.distributions.NegativeBinomial(
        log_dispersion.exp(), logits=log_mean - log_dispersion, validate_args=False
    )
    of_entries = -chance.log_prob(minibatch.expression)
    return of_entries, of_entries.sum(dim=1) + (mean.square() + variance - 1 - variance.log()).sum(dim=1) / 2


def _stand_out(losses: Tensor, expression: Tensor) -> np.ndarray:
    """Return the genes of the largest losses; where a cell has none that is finite, of the largest values."""
    lost = ~losses.isfinite().any(dim=1, keepdim=True)
    score = torch.where(lost, expression, losses).nan_to_num(torch.inf, torch.inf).sum(dim=0)
    found: np.ndarray = score.topk(min(SHOWN, len(score))).indices.cpu().numpy()
    return found
