"""The game between the batch classifier and the encoder."""

from __future__ import annotations

from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from topocraft.model.networks import BatchClassifier


def classifier_loss(classifier: BatchClassifier, z: Tensor, batch: Tensor) -> Tensor:
    """Return the cross-entropy the classifier minimises; z is detached, so the encoder gets no gradient."""
    return functional.cross_entropy(classifier(z.detach()).float(), batch)


def confusion(classifier: BatchClassifier, z: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy that the encoder maximises, and the classifier's accuracy in [0, 1].

    The classifier's weights are held fixed: gradients reach z alone.
    """
    fixed = {name: weight.detach() for name, weight in classifier.named_parameters()}
    logits = functional_call(classifier, fixed, (z,)).float()
    accuracy = (logits.detach().argmax(dim=1) == batch).float().mean()
    return functional.cross_entropy(logits, batch), accuracy
