"""One training step: two optimisers, explicit detach, and no trace of a step that left the finite numbers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from topocraft.config import TrainingConfig
from topocraft.model.adversary import classifier_loss, confusion
from topocraft.model.likelihood import cosine_loss, gaussian_divergence, negative_binomial_loss
from topocraft.model.networks import Networks
from topocraft.model.triplets import triplet_loss
from topocraft.training.minibatch import Minibatch
from topocraft.training.ranks import Ranks

LOSS_NAMES = ("reconstruction", "divergence", "cosine", "confusion", "triplet", "accuracy")
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What Adam keeps of every parameter, by its own names."""


class NotFinite(ArithmeticError):
    """A loss or a gradient was NaN or infinite; networks and optimisers are as they were before the step."""


class Step:
    """Updates the networks by one minibatch at a time."""

    def __init__(
        self,
        networks: Networks,
        config: TrainingConfig,
        precision: torch.dtype,
        generator: torch.Generator,
        ranks: Ranks | None = None,
    ) -> None:
        self._networks = networks
        self._config = config
        self._precision = precision
        self._generator = generator
        self._ranks = ranks or Ranks()
        generative = [*networks.encoder.parameters(), *networks.decoder.parameters()]
        self._generative = _adam(generative, config.learning_rate)
        self._adversary = _adam(networks.classifier.parameters(), config.learning_rate)
        self._early = [*networks.buffers(), *networks.classifier.parameters(), *_moments(self._adversary)]
        self._before = [tensor.detach().clone() for tensor in self._early]

    def set_rate(self, share: float) -> None:
        """Set both learning rates to a share of the configured one."""
        for optimiser in (self._generative, self._adversary):
            for group in optimiser.param_groups:
                group["lr"] = share * self._config.learning_rate

    def tensors(self) -> dict[str, Tensor]:
        """Return, by name, all that steps change: networks, moments of the optimisers. Not copies."""
        found = {f"networks.{name}": tensor for name, tensor in self._networks.state_dict().items()}
        states = self._generative.state | self._adversary.state
        for name, weight in self._networks.named_parameters():
            found |= {f"adam.{name}.{moment}": states[weight][moment] for moment in MOMENTS}
        return found

    def __call__(self, minibatch: Minibatch, warming_up: bool) -> Tensor:
        """Update all networks; return the losses, in the order of ``LOSS_NAMES``.

        Raises
        ------
        NotFinite
            A loss or gradient was NaN or infinite, or so large that its square is; nothing has changed.
        """
        _copy(self._early, self._before)
        parts, accuracy, total = self._losses(minibatch, warming_up)
        self._generative.zero_grad()
        total.backward()
        self._ranks.add_gradients(weight for group in self._generative.param_groups for weight in group["params"])
        if not self._is_finite(total):
            _copy(self._before, self._early)
            names = [name for name, part in zip(LOSS_NAMES, parts, strict=False) if not part.isfinite()]
            raise NotFinite(f"loss ({', '.join(names)})" if names else "gradient")
        self._generative.step()
        return torch.stack([*(part.detach() for part in parts), accuracy])

    def _losses(self, minibatch: Minibatch, warming_up: bool) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        config, networks, ranks = self._config, self._networks, self._ranks
        batches = minibatch.batches
        with self._products():
            mean, variance = networks.encoder(minibatch.expression)
            z = mean + variance.sqrt() * ranks.own(self._noise(len(batches), mean))
            log_mean, log_dispersion = networks.decoder(z, minibatch.batch)
        of_all = ranks.gather(z, len(batches))
        self._train_classifier(of_all, batches)
        with self._products():
            fooled, accuracy = confusion(networks.classifier, of_all, batches)
        own = (
            negative_binomial_loss(log_mean, log_dispersion, minibatch.where, minibatch.values),
            gaussian_divergence(mean, variance),
            cosine_loss(log_mean, minibatch.expression),
        )
        parts = (
            *ranks.averaged(own, len(minibatch.batch) / len(batches)),
            fooled,
            triplet_loss(of_all, minibatch.triplets, config.margin, config.distance),
        )
        adversarial = 0.0 if warming_up else -config.lambda_adversary
        weights = (1.0, config.kl_coefficient, config.lambda_cosine, adversarial, config.lambda_triplet)
        total: Tensor = sum(weight * part for weight, part in zip(weights, parts, strict=True))  # type: ignore[assignment]
        return parts, accuracy, total

    def _is_finite(self, total: Tensor) -> bool:
        """Tell whether losses, gradients, and what has moved already are finite, by one norm over all of them."""
        gradients = (weight.grad for group in self._generative.param_groups for weight in group["params"])
        moved = (tensor for tensor in self._early if tensor.is_floating_point())
        every = [total.detach(), *(grad for grad in gradients if grad is not None), *(t.detach() for t in moved)]
        return bool(torch.nn.utils.get_total_norm(every).isfinite())

    def _train_classifier(self, z: Tensor, batch: Tensor) -> None:
        for _ in range(self._config.classifier_steps):
            self._adversary.zero_grad()
            with self._products():
                loss = classifier_loss(self._networks.classifier, z, batch)
            loss.backward()
            self._adversary.step()

    def _noise(self, n_cells: int, like: Tensor) -> Tensor:
        return torch.randn((n_cells, *like.shape[1:]), generator=self._generator, device=like.device)

    def _products(self) -> AbstractContextManager[object]:
        device = next(self._networks.parameters()).device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self._precision == torch.bfloat16)


def _adam(weights: Iterable[Tensor], rate: float) -> torch.optim.Adam:
    """Return Adam with its moments at zero already, as it would set them in its first step."""
    optimiser = torch.optim.Adam(weights, lr=rate, fused=True)
    for group in optimiser.param_groups:
        for weight in group["params"]:
            start = (torch.zeros((), device=weight.device), torch.zeros_like(weight), torch.zeros_like(weight))
            optimiser.state[weight] = dict(zip(MOMENTS, (part.detach() for part in start), strict=True))
    return optimiser


def _moments(optimiser: torch.optim.Adam) -> list[Tensor]:
    return [state[moment] for state in optimiser.state.values() for moment in MOMENTS]


@torch.no_grad()
def _copy(source: Iterable[Tensor], target: Iterable[Tensor]) -> None:
    for one, other in zip(source, target, strict=True):
        other.copy_(one)
