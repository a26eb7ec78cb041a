"""The two sides of the game: who gets a gradient, and the numbers against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import Tensor, nn

from topocraft.config import ModelConfig
from topocraft.model.adversary import classifier_loss, confusion
from topocraft.model.networks import BatchClassifier

N_BATCHES = 3


@pytest.fixture
def classifier() -> BatchClassifier:
    network = BatchClassifier(N_BATCHES, ModelConfig(n_latent=4, classifier_widths=(6, 5)))
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        nn.init.normal_(weight, generator=generator)
    return network


@pytest.fixture
def cells() -> tuple[nn.Linear, Tensor, Tensor]:
    """An encoder in one layer, its z (through which gradients could flow), and the batches."""
    generator = torch.Generator().manual_seed(1)
    encoder = nn.Linear(7, 4)
    for weight in encoder.parameters():
        nn.init.normal_(weight, generator=generator)
    z = encoder(torch.randn(20, 7, generator=generator))
    z.retain_grad()
    return encoder, z, torch.arange(20) % N_BATCHES


def _logits(classifier: BatchClassifier, z: Tensor) -> np.ndarray:
    layers = [layer for layer in classifier.layers if isinstance(layer, nn.Linear)]
    hidden = z.detach().double().numpy()
    for depth, layer in enumerate(layers):
        hidden = hidden @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()
        hidden = hidden if depth == len(layers) - 1 else np.maximum(hidden, 0)
    return hidden


def _cross_entropy(logits: np.ndarray, batch: Tensor) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(batch)), batch.numpy()].mean())


def test_both_losses_are_the_cross_entropy(
    classifier: BatchClassifier, cells: tuple[nn.Linear, Tensor, Tensor]
) -> None:
    _, z, batch = cells
    logits = _logits(classifier, z)
    expected = _cross_entropy(logits, batch)
    fooled, accuracy = confusion(classifier, z, batch)
    assert classifier_loss(classifier, z, batch).item() == pytest.approx(expected, rel=1e-5)
    assert fooled.item() == pytest.approx(expected, rel=1e-5)
    assert accuracy.item() == pytest.approx((logits.argmax(axis=1) == batch.numpy()).mean())
    assert not accuracy.requires_grad


def test_a_classifier_step_leaves_no_gradient_in_the_encoder(
    classifier: BatchClassifier, cells: tuple[nn.Linear, Tensor, Tensor]
) -> None:
    encoder, z, batch = cells
    classifier_loss(classifier, z, batch).backward()
    assert z.grad is None
    assert all(weight.grad is None for weight in encoder.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in classifier.parameters())


def test_confusion_leaves_no_gradient_in_the_classifier(
    classifier: BatchClassifier, cells: tuple[nn.Linear, Tensor, Tensor]
) -> None:
    encoder, z, batch = cells
    confusion(classifier, z, batch)[0].backward()
    assert all(weight.grad is None for weight in classifier.parameters())
    assert all(weight.requires_grad for weight in classifier.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in encoder.parameters())


def test_confusion_has_the_gradient_of_finite_differences(
    classifier: BatchClassifier, cells: tuple[nn.Linear, Tensor, Tensor]
) -> None:
    _, z, batch = cells
    confusion(classifier, z, batch)[0].backward()
    h = 1e-5
    for cell, dimension in [(0, 0), (3, 2), (19, 3)]:
        nudge = torch.zeros(z.shape, dtype=torch.float64)
        nudge[cell, dimension] = h
        up, down = (_cross_entropy(_logits(classifier, z.detach().double() + sign * nudge), batch) for sign in (1, -1))
        assert z.grad[cell, dimension].item() == pytest.approx((up - down) / (2 * h), rel=1e-3, abs=1e-6)


def test_climbing_the_confusion_makes_the_classifier_wrong(
    classifier: BatchClassifier, cells: tuple[nn.Linear, Tensor, Tensor]
) -> None:
    z, batch = cells[1].detach().clone().requires_grad_(), cells[2]
    before, _ = confusion(classifier, z, batch)
    before.backward()
    after, _ = confusion(classifier, z.detach() + 0.1 * z.grad, batch)
    assert after.item() > before.item()
