"""Networks against a slow computation in NumPy, cell by cell, and the rules of their first weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from topocraft.config import Head, ModelConfig
from topocraft.model.networks import Networks, PerGeneHead, TrunkHead
from topocraft.randomness import torch_stream

HEADS: tuple[Head, ...] = ("published", "trunk", "per_gene")
N_GENES, N_BATCHES, N_CELLS = 11, 3, 7


def _config(head: Head = "published") -> ModelConfig:
    return ModelConfig(
        n_latent=4,
        encoder_widths=(8, 6),
        decoder_widths=(5, 9),
        classifier_widths=(6, 6),
        head=head,
        variance_floor=0.25,
    )


def _networks(head: Head = "published", seed: int = 0) -> Networks:
    return Networks(N_GENES, N_BATCHES, _config(head), torch_stream(seed, "weights"))


def _randomised(head: Head) -> Networks:
    """Weights away from the first ones, so that no slope is 1 and no offset 0."""
    networks, generator = _networks(head), torch.Generator().manual_seed(1)
    for weight in networks.parameters():
        nn.init.normal_(weight, generator=generator)
    return networks.eval()


def _inputs() -> tuple[Tensor, Tensor]:
    z = torch.randn(N_CELLS, 4, generator=torch.Generator().manual_seed(2))
    return z, torch.tensor([0, 2, 1, 1, 0, 2, 2])


def _linear(layer: nn.Linear, x: np.ndarray) -> np.ndarray:
    return layer.weight.detach().double().numpy() @ x + layer.bias.detach().double().numpy()


def _perceptron(layers: nn.Sequential, x: np.ndarray) -> np.ndarray:
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    for depth, layer in enumerate(linear):
        x = _linear(layer, x)
        x = x if depth == len(linear) - 1 else np.maximum(x, 0)
    return x


def _slow_head(head: nn.Module, combined: np.ndarray, batch: int) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(head, PerGeneHead):
        (a, c), (b, d) = (part.detach().double().numpy() for part in (head.slopes, head.offsets))
        return a * combined + b, c * combined + d
    if isinstance(head, TrunkHead):
        return _linear(head.log_mean, combined), head.log_dispersion.weight[batch].detach().double().numpy()
    return _linear(head.log_mean, combined), _linear(head.log_dispersion, combined)


@pytest.mark.parametrize("head", HEADS)
def test_decoder_agrees_with_a_loop_over_cells(head: Head) -> None:
    decoder, (z, batch) = _randomised(head).decoder, _inputs()
    log_mean, log_dispersion = decoder(z, batch)
    for cell in range(N_CELLS):
        one_hot = np.eye(N_BATCHES)[batch[cell]]
        g1 = _perceptron(decoder.cell, np.concatenate([z[cell].double().numpy(), one_hot]))
        g2 = _perceptron(decoder.shift, one_hot)
        expected = _slow_head(decoder.head, np.maximum(g1 + g2, 0), int(batch[cell]))
        np.testing.assert_allclose(log_mean[cell].detach(), expected[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(log_dispersion[cell].detach(), expected[1], rtol=1e-4, atol=1e-4)


def test_the_batch_branch_runs_on_one_row_per_batch() -> None:
    decoder, seen = _networks().decoder, []
    decoder.shift.register_forward_hook(lambda module, inputs, output: seen.append(tuple(inputs[0].shape)))
    decoder(*_inputs())
    assert seen == [(N_BATCHES, N_BATCHES)]


@pytest.mark.parametrize(
    ("head", "shapes"),
    [
        ("published", [(N_GENES, N_GENES), (N_GENES,)] * 2),
        ("trunk", [(N_GENES, 9), (N_GENES,), (N_BATCHES, N_GENES)]),
        ("per_gene", [(2, N_GENES)] * 2),
    ],
)
def test_heads_have_the_documented_shapes(head: Head, shapes: list[tuple[int, ...]]) -> None:
    decoder = _networks(head).decoder
    assert [tuple(weight.shape) for weight in decoder.head.parameters()] == shapes
    assert [tuple(part.shape) for part in decoder(*_inputs())] == [(N_CELLS, N_GENES)] * 2


def test_default_networks_have_the_published_widths() -> None:
    published = Networks(40, 5, ModelConfig(head="published"), torch_stream(0, "weights"))
    widths = {
        "encoder.hidden.0": (1024, 40),
        "encoder.hidden.3": (512, 1024),
        "encoder.mean": (256, 512),
        "encoder.log_variance": (256, 512),
        "decoder.cell.0": (512, 256 + 5),
        "decoder.cell.2": (1024, 512),
        "decoder.cell.4": (40, 1024),
        "decoder.shift.0": (512, 5),
        "decoder.shift.4": (40, 1024),
        "decoder.head.log_mean": (40, 40),
        "classifier.layers.0": (128, 256),
        "classifier.layers.2": (128, 128),
        "classifier.layers.4": (5, 128),
    }
    assert {name: tuple(published.get_submodule(name).weight.shape) for name in widths} == widths


@pytest.mark.parametrize("training", [True, False])
def test_encoder_agrees_with_numpy(training: bool) -> None:
    encoder = _randomised("published").encoder.train(training)
    x = torch.randn(N_CELLS, N_GENES, generator=torch.Generator().manual_seed(3))
    hidden = x.double().numpy()
    for linear, norm in ((encoder.hidden[0], encoder.hidden[1]), (encoder.hidden[3], encoder.hidden[4])):
        hidden = np.stack([_linear(linear, cell) for cell in hidden])
        mean, variance = (hidden.mean(axis=0), hidden.var(axis=0)) if training else (0, 1)
        gain, offset = norm.weight.detach().double().numpy(), norm.bias.detach().double().numpy()
        hidden = np.maximum((hidden - mean) / np.sqrt(variance + 1e-5) * gain + offset, 0)
    mean, variance = encoder(x)
    np.testing.assert_allclose(mean.detach(), [_linear(encoder.mean, cell) for cell in hidden], rtol=1e-4, atol=1e-4)
    log_variance = np.array([_linear(encoder.log_variance, cell) for cell in hidden])
    np.testing.assert_allclose(variance.detach(), np.exp(log_variance) + 0.25, rtol=1e-3)


@pytest.mark.parametrize("head", HEADS)
def test_the_generator_alone_decides_the_weights(head: Head) -> None:
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (_networks(head, seed).state_dict() for seed in (5, 5, 6))
    assert all(first[name].numpy().tobytes() == again[name].numpy().tobytes() for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_linear_layers_start_uniform_within_their_bound() -> None:
    networks = Networks(300, 2, ModelConfig(), torch_stream(0, "weights"))
    for module in networks.modules():
        if isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            for weight in (module.weight.detach(), module.bias.detach()):
                assert weight.abs().max() <= bound
            if module.weight.numel() > 10_000:
                assert module.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)


def test_normalisation_starts_near_the_identity() -> None:
    networks = Networks(30, 2, ModelConfig(), torch_stream(0, "weights"))
    norms = [module for module in networks.modules() if isinstance(module, nn.BatchNorm1d)]
    assert [norm.num_features for norm in norms] == [1024, 512]
    for norm in norms:
        assert norm.weight.mean().item() == pytest.approx(1, abs=0.003)
        assert norm.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert not any(part.any() for part in (norm.bias, norm.running_mean, norm.num_batches_tracked))
        assert (norm.running_var == 1).all()


def test_the_per_gene_head_starts_as_the_identity() -> None:
    combined = torch.rand(2, N_GENES, generator=torch.Generator().manual_seed(4))
    assert all(
        torch.equal(part, combined) for part in _networks("per_gene").decoder.head(combined, torch.tensor([0, 1]))
    )


def test_the_trunk_head_starts_with_a_dispersion_of_one_and_no_square_layer() -> None:
    decoder = Networks(40, 5, ModelConfig(), torch_stream(0, "weights")).decoder
    widths = ("cell.0", "cell.2", "shift.0", "shift.2", "head.log_mean")
    shapes = [tuple(decoder.get_submodule(name).weight.shape) for name in widths]
    assert shapes == [(512, 256 + 5), (1024, 512), (512, 5), (1024, 512), (40, 1024)]
    assert decoder.head.log_dispersion.weight.shape == (5, 40)
    assert not decoder.head.log_dispersion.weight.any()
