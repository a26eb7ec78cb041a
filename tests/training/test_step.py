"""One step: who is updated by what, and losses against the same computed part by part in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from topocraft.config import Head, TrainingConfig
from topocraft.model.networks import Networks
from topocraft.model.triplets import choose_triplets
from topocraft.randomness import torch_stream
from topocraft.training import step as module
from topocraft.training.minibatch import Minibatch, gather
from topocraft.training.step import LOSS_NAMES, Step

CELLS = np.arange(0, 240, 3)


@pytest.fixture
def minibatch(planted: Any) -> Minibatch:
    batch, topology = planted.batch[CELLS], planted.topology
    triplets = choose_triplets(batch, topology.low[CELLS], topology.high[CELLS], np.random.default_rng(0))
    assert len(triplets.anchor) > 20
    return gather(planted.expression, planted.batch, CELLS, triplets, "cpu")


def _step(networks: Networks, config: TrainingConfig, precision: torch.dtype = torch.float32) -> Step:
    return Step(networks.train(), config, precision, torch_stream(0, "noise"))


def _weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def _moved(module: torch.nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, weight in module.named_parameters() if not torch.equal(weight, before[name])}


def test_a_classifier_update_leaves_no_gradient_in_the_encoder(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch
) -> None:
    networks = planted.networks()
    step, before = _step(networks, tiny()), _weights(networks.classifier)
    z, _ = networks.encoder(minibatch.expression)
    step._train_classifier(z, minibatch.batch)
    assert all(weight.grad is None for weight in networks.encoder.parameters())
    assert all(weight.grad is None for weight in networks.decoder.parameters())
    assert _moved(networks.classifier, before) == set(before)


def test_the_generative_update_leaves_the_classifier_alone(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = planted.networks()
    monkeypatch.setattr(Step, "_train_classifier", lambda *arguments: None)
    before = {name: _weights(getattr(networks, name)) for name in ("encoder", "decoder", "classifier")}
    _step(networks, tiny(lambda_adversary=5.0))(minibatch, warming_up=False)
    assert _moved(networks.classifier, before["classifier"]) == set()
    assert all(weight.grad is None for weight in networks.classifier.parameters())
    assert "hidden.0.weight" in _moved(networks.encoder, before["encoder"])
    assert "head.log_mean.weight" in _moved(networks.decoder, before["decoder"])


def test_the_encoder_learns_to_fool_the_classifier(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = planted.networks()
    _step(networks, tiny(classifier_steps=300))(minibatch, warming_up=True)
    monkeypatch.setattr(Step, "_train_classifier", lambda *arguments: None)
    config, confusion = tiny(lambda_adversary=1e6), LOSS_NAMES.index("confusion")
    fooled = [_step(networks, config)(minibatch, warming_up=False)[confusion].item() for _ in range(10)]
    assert fooled == sorted(fooled)
    assert fooled[-1] > 1.2 * fooled[0]


@pytest.mark.parametrize("updates", [1, 10])
def test_the_classifier_is_updated_as_often_as_configured(
    planted: Any,
    tiny: Callable[..., TrainingConfig],
    minibatch: Minibatch,
    monkeypatch: pytest.MonkeyPatch,
    updates: int,
) -> None:
    networks, seen, z_of_classifier, z_of_encoder = planted.networks(), [], [], []
    learn, fool = module.classifier_loss, module.confusion

    def counted(*arguments: Any) -> Tensor:
        seen.append(_weights(networks.classifier)["layers.0.weight"])
        z_of_classifier.append(arguments[1])
        return learn(*arguments)

    def noted(*arguments: Any) -> tuple[Tensor, Tensor]:
        z_of_encoder.append(arguments[1])
        return fool(*arguments)

    monkeypatch.setattr(module, "classifier_loss", counted)
    monkeypatch.setattr(module, "confusion", noted)
    _step(networks, tiny(classifier_steps=updates))(minibatch, warming_up=True)
    assert len(seen) == updates
    assert len({weight.numpy().tobytes() for weight in seen}) == updates  # each from where the last one left
    assert all(z is z_of_encoder[0] for z in z_of_classifier)
    assert TrainingConfig().classifier_steps == 10


def _slow_losses(networks: Networks, minibatch: Minibatch, noise: Tensor, config: TrainingConfig) -> list[float]:
    """Every loss from networks, formulas and triplets, in double precision; the classifier as it then stands."""
    double, x = networks.double(), minibatch.expression.double()
    mean, variance = double.encoder(x)
    mean, variance = mean.double(), variance.double()
    z = mean + variance.sqrt() * noise.double()
    log_mean, log_dispersion = double.decoder(z, minibatch.batch)
    likelihood = torch.distributions.NegativeBinomial(
        log_dispersion.exp(), logits=log_mean - log_dispersion, validate_args=False
    )
    prior = torch.distributions.Normal(0.0, 1.0)
    divergence = torch.distributions.kl_divergence(torch.distributions.Normal(mean, variance.sqrt()), prior)
    logits = double.classifier(z)
    chances = logits.softmax(dim=1)[torch.arange(len(z)), minibatch.batch]
    anchor, positive, negative = (z[getattr(minibatch.triplets, name)] for name in ("anchor", "positive", "negative"))
    near, far = (torch.linalg.vector_norm(anchor - other, dim=1) for other in (positive, negative))
    return [
        -likelihood.log_prob(x).mean().item(),
        divergence.sum(dim=1).mean().item(),
        1 - torch.cosine_similarity(x, log_mean.exp(), dim=1).mean().item(),
        -chances.log().mean().item(),
        (near - far + config.margin).clamp(min=0).mean().item(),
        (logits.argmax(dim=1) == minibatch.batch).double().mean().item(),
    ]


@pytest.mark.parametrize("head", ["trunk", "published", "per_gene"])
def test_losses_agree_with_the_parts_in_double_precision(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch, head: Head
) -> None:
    config = tiny()
    networks, twin = planted.networks(head), planted.networks(head).train()
    generative = {name: weight for name, weight in twin.state_dict().items() if "classifier" not in name}
    found = _step(networks, config)(minibatch, warming_up=False)
    trained = {name: weight for name, weight in networks.state_dict().items() if "classifier" in name}
    twin.load_state_dict(generative | trained)  # the classifier has moved before the losses were taken
    noise = torch.randn((len(CELLS), 6), generator=torch_stream(0, "noise"))
    expected = _slow_losses(twin, minibatch, noise, config)
    np.testing.assert_allclose(found, expected, rtol=1e-4, err_msg=str(LOSS_NAMES))


def test_bfloat16_is_close_to_single_precision(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch
) -> None:
    whole, half = (
        _step(planted.networks(), tiny(), precision)(minibatch, warming_up=False)
        for precision in (torch.float32, torch.bfloat16)
    )
    assert not torch.equal(whole, half)
    np.testing.assert_allclose(half[:-1], whole[:-1], rtol=0.02)


def test_weights_stay_in_single_precision(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch
) -> None:
    networks = planted.networks()
    _step(networks, tiny(), torch.bfloat16)(minibatch, warming_up=False)
    assert {weight.dtype for weight in networks.parameters()} == {torch.float32}


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_the_rate_sets_the_length_of_the_first_step(
    planted: Any, tiny: Callable[..., TrainingConfig], minibatch: Minibatch, share: float
) -> None:
    """Adam's first step is the learning rate, whatever the gradient."""
    networks = planted.networks()
    step, before = _step(networks, tiny(learning_rate=1e-3, classifier_steps=1)), _weights(networks)
    step.set_rate(share)
    step(minibatch, warming_up=True)
    for name in ("encoder.mean.weight", "decoder.head.log_mean.weight", "classifier.layers.4.weight"):
        length = (networks.get_parameter(name) - before[name]).abs().median().item()
        assert length == pytest.approx(share * 1e-3, rel=0.02), name
