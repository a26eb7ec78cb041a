"""Encoder, decoder and batch classifier: tensors in, tensors out, never a loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from topocraft.config import Head, ModelConfig


class Encoder(nn.Module):
    """From expression (n, p) to the mean and variance of the posterior, both (n, d). Blind to the batch."""

    def __init__(self, n_genes: int, config: ModelConfig) -> None:
        super().__init__()
        widths = [n_genes, *config.encoder_widths]
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [nn.Linear(width_in, width_out), nn.BatchNorm1d(width_out), nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.mean = nn.Linear(widths[-1], config.n_latent)
        self.log_variance = nn.Linear(widths[-1], config.n_latent)
        self.variance_floor = config.variance_floor

    def forward(self, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance, float32."""
        hidden = self.hidden(expression)
        variance = self.log_variance(hidden).float().exp() + self.variance_floor
        return self.mean(hidden).float(), variance


class Decoder(nn.Module):
    """From z (n, d) and batch codes (n,) to log mean and log dispersion of every gene, both (n, p).

    Ẑ = ReLU(G1(z, v) + G2(v)). G2 sees the batch alone, so it runs on one row per batch, not per cell.
    """

    def __init__(self, n_genes: int, n_batches: int, config: ModelConfig) -> None:
        super().__init__()
        widths = [*config.decoder_widths] if config.head == "trunk" else [*config.decoder_widths, n_genes]
        self.cell = _perceptron([config.n_latent + n_batches, *widths])
        self.shift = _perceptron([n_batches, *widths])
        self.head = _head(config.head, widths[-1], n_genes, n_batches)
        self.n_batches = n_batches

    def forward(self, z: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Decode."""
        one_hot = functional.one_hot(batch, self.n_batches).to(z.dtype)
        shift = self.shift(torch.eye(self.n_batches, dtype=z.dtype, device=z.device))
        combined = torch.relu(self.cell(torch.cat([z, one_hot], dim=1)) + shift[batch])
        log_mean, log_dispersion = self.head(combined, batch)
        return log_mean, log_dispersion


class PublishedHead(nn.Module):
    """Two square linear layers (p × p): half of the published network's arithmetic."""

    def __init__(self, n_genes: int) -> None:
        super().__init__()
        self.log_mean = nn.Linear(n_genes, n_genes)
        self.log_dispersion = nn.Linear(n_genes, n_genes)

    def forward(self, combined: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return log mean and log dispersion."""
        return self.log_mean(combined), self.log_dispersion(combined)


class TrunkHead(nn.Module):
    """One linear layer from the decoder's last width to the means; a dispersion per gene and batch."""

    def __init__(self, width: int, n_genes: int, n_batches: int) -> None:
        super().__init__()
        self.log_mean = nn.Linear(width, n_genes)
        self.log_dispersion = nn.Embedding(n_batches, n_genes)

    def forward(self, combined: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return log mean and log dispersion."""
        return self.log_mean(combined), self.log_dispersion(batch)


class PerGeneHead(nn.Module):
    """One slope and one offset per gene for the mean, and for the dispersion."""

    def __init__(self, n_genes: int) -> None:
        super().__init__()
        self.slopes = nn.Parameter(torch.empty(2, n_genes))
        self.offsets = nn.Parameter(torch.empty(2, n_genes))

    def forward(self, combined: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return log mean and log dispersion."""
        slopes, offsets = self.slopes, self.offsets
        return combined * slopes[0] + offsets[0], combined * slopes[1] + offsets[1]


def _head(kind: Head, width: int, n_genes: int, n_batches: int) -> nn.Module:
    if kind == "trunk":
        return TrunkHead(width, n_genes, n_batches)
    return PublishedHead(n_genes) if kind == "published" else PerGeneHead(n_genes)


class BatchClassifier(nn.Module):
    """From z (n, d) to one logit per batch, (n, S)."""

    def __init__(self, n_batches: int, config: ModelConfig) -> None:
        super().__init__()
        self.layers = _perceptron([config.n_latent, *config.classifier_widths, n_batches])

    def forward(self, z: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.layers(z)
        return logits


class Networks(nn.Module):
    """The three networks of one model, initialised from a generator of their own."""

    def __init__(self, n_genes: int, n_batches: int, config: ModelConfig, generator: torch.Generator) -> None:
        super().__init__()
        with torch.device("meta"):
            self.encoder = Encoder(n_genes, config)
            self.decoder = Decoder(n_genes, n_batches, config)
            self.classifier = BatchClassifier(n_batches, config)
        self.to_empty(device="cpu")
        initialise(self, generator)


def state_shapes(n_genes: int, n_batches: int, config: ModelConfig) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Return shape and type of every array of ``Networks``, by name, without taking memory for them."""
    with torch.device("meta"):
        parts = {
            "encoder": Encoder(n_genes, config),
            "decoder": Decoder(n_genes, n_batches, config),
            "classifier": BatchClassifier(n_batches, config),
        }
    return {
        f"{part}.{name}": (tuple(array.shape), array.dtype)
        for part, network in parts.items()
        for name, array in network.state_dict().items()
    }


def initialise(networks: nn.Module, generator: torch.Generator) -> None:
    """Fill all weights: PyTorch's rule for linear layers, N(1, 0.02) for the gains of batch normalisation."""
    for module in networks.modules():
        if isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm1d):
            module.reset_running_stats()
            nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.zeros_(module.weight)
        elif isinstance(module, PerGeneHead):
            nn.init.ones_(module.slopes)
            nn.init.zeros_(module.offsets)


def _perceptron(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(widths):
        layers += [nn.Linear(width_in, width_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
