"""One training step: two optimisers, explicit detach."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topocraft.config import TrainingConfig
from topocraft.model.adversary import classifier_loss, confusion
from topocraft.model.likelihood import cosine_loss, gaussian_divergence, negative_binomial_loss
from topocraft.model.networks import Networks
from topocraft.model.triplets import Triplets, triplet_loss
from topocraft.rows import Rows

LOSS_NAMES = ("reconstruction", "divergence", "cosine", "confusion", "triplet", "accuracy")


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Cells of one step on the device.

    ``expression`` (n, p) float32; ``where`` and ``values`` its non-zeros by flat position; ``batch`` (n,).
    """

    expression: Tensor
    where: Tensor
    values: Tensor
    batch: Tensor
    triplets: Triplets


def gather(expression: Rows, batch: np.ndarray, cells: np.ndarray, triplets: Triplets, device: str) -> Minibatch:
    """Take the rows of ``cells`` out of a sparse matrix, dense, without touching the rest of it."""
    rows = expression[cells]
    n_genes = rows.shape[1]
    where = np.repeat(np.arange(len(cells)), np.diff(rows.indptr)) * n_genes + rows.indices
    values = torch.from_numpy(rows.data).to(device)
    positions = torch.from_numpy(where.astype(np.int64)).to(device)
    dense = torch.zeros(len(cells) * n_genes, device=device)
    dense[positions] = values
    codes = torch.from_numpy(batch[cells]).to(device)
    return Minibatch(dense.view(len(cells), n_genes), positions, values, codes, triplets)


class Step:
    """Updates the networks by one minibatch at a time."""

    def __init__(
        self,
        networks: Networks,
        config: TrainingConfig,
        precision: torch.dtype,
        generator: torch.Generator,
    ) -> None:
        self._networks = networks
        self._config = config
        self._precision = precision
        self._generator = generator
        generative = [*networks.encoder.parameters(), *networks.decoder.parameters()]
        rate = config.learning_rate
        self._generative = torch.optim.Adam(generative, lr=rate, fused=True)
        self._adversary = torch.optim.Adam(networks.classifier.parameters(), lr=rate, fused=True)

    def set_rate(self, share: float) -> None:
        """Set both learning rates to a share of the configured one."""
        for optimiser in (self._generative, self._adversary):
            for group in optimiser.param_groups:
                group["lr"] = share * self._config.learning_rate

    def __call__(self, minibatch: Minibatch, warming_up: bool) -> Tensor:
        """Update all networks; return the losses, in the order of ``LOSS_NAMES``."""
        config, networks = self._config, self._networks
        with self._products():
            mean, variance = networks.encoder(minibatch.expression)
            z = mean + variance.sqrt() * self._noise(mean)
            log_mean, log_dispersion = networks.decoder(z, minibatch.batch)
        self._train_classifier(z, minibatch.batch)
        with self._products():
            fooled, accuracy = confusion(networks.classifier, z, minibatch.batch)
        parts = (
            negative_binomial_loss(log_mean, log_dispersion, minibatch.where, minibatch.values),
            gaussian_divergence(mean, variance),
            cosine_loss(log_mean, minibatch.expression),
            fooled,
            triplet_loss(z, minibatch.triplets, config.margin, config.distance),
        )
        adversarial = 0.0 if warming_up else -config.lambda_adversary
        weights = (1.0, config.kl_coefficient, config.lambda_cosine, adversarial, config.lambda_triplet)
        total = sum(weight * part for weight, part in zip(weights, parts, strict=True))
        self._generative.zero_grad()
        total.backward()  # type: ignore[union-attr]
        self._generative.step()
        return torch.stack([*(part.detach() for part in parts), accuracy])

    def _train_classifier(self, z: Tensor, batch: Tensor) -> None:
        for _ in range(self._config.classifier_steps):
            self._adversary.zero_grad()
            with self._products():
                loss = classifier_loss(self._networks.classifier, z, batch)
            loss.backward()
            self._adversary.step()

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._generator, device=like.device)

    def _products(self) -> AbstractContextManager[object]:
        device = next(self._networks.parameters()).device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self._precision == torch.bfloat16)
