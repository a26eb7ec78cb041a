"""Processes that train together: what each takes of a minibatch, and how many come to what one would.

All draw the same cells, triplets and noise from the same streams, and each takes every ``size``-th row, so that each
has its share of every batch. Losses, gradients and the statistics of batch normalisation are those of the whole
minibatch; the classifier, which needs a latent row per cell only, is trained by each on all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from topocraft.errors import ConfigError, ProcessLost

if TYPE_CHECKING:
    from topocraft.training.place import Place

Tensors: TypeAlias = dict[str, Tensor]
Facts: TypeAlias = dict[str, Any]

ByRow = TypeVar("ByRow")


class Ranks:
    """One process alone: it takes everything, and there is nobody to ask."""

    rank, size = 0, 1

    def threads(self, granted: int) -> int:
        """Return how many of the threads of a machine are this process's while it trains."""
        return granted

    def require(self, n_cells: int) -> None:
        """Refuse minibatches of fewer cells than there are processes."""

    def adopt(self, networks: nn.Module) -> None:
        """Let batch normalisation read the whole minibatch."""

    def from_first(self, tensors: Tensors, facts: Facts) -> tuple[Tensors, Facts]:
        """Return what the first process has in their place."""
        return tensors, facts

    def own(self, rows: ByRow) -> ByRow:
        """Return this process's rows of an array of the whole minibatch."""
        return rows

    def gather(self, own: Tensor, n_cells: int) -> Tensor:  # noqa: ARG002
        """Return the rows of all processes, (n_cells, d), in the order of the minibatch; gradients reach one's own."""
        return own

    def averaged(self, parts: Sequence[Tensor], share: float) -> Sequence[Tensor]:  # noqa: ARG002
        """Return means over the whole minibatch from means over one's own ``share`` of it."""
        return parts

    def add_gradients(self, weights: Iterable[Tensor]) -> None:
        """Add up the gradients of all."""


class Group(Ranks):
    """Several processes, joined by ``torch.distributed``.

    Raises
    ------
    ProcessLost
        From every method that speaks to the others: one of them has ended, or does not answer.
    """

    def __init__(self, place: Place) -> None:
        self.rank, self.size = place.rank, place.size
        self._local_size = place.local_size

    def threads(self, granted: int) -> int:
        """Divide the threads of a machine among its processes."""
        return max(1, granted // self._local_size)

    def require(self, n_cells: int) -> None:
        """Refuse minibatches of fewer cells than there are processes.

        Raises
        ------
        ConfigError
            They are.
        """
        if n_cells < self.size:
            raise ConfigError(
                f"A minibatch must have a cell for every process; it has {n_cells} for {self.size} processes. Start "
                "fewer (--nproc-per-node), or raise cells_per_step."
            )

    def adopt(self, networks: nn.Module) -> None:
        """Put ``SharedNorm`` in the place of every batch normalisation; it has the same weights."""
        for parent in list(networks.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, nn.BatchNorm1d):
                    setattr(parent, name, SharedNorm.like(child))

    def from_first(self, tensors: Tensors, facts: Facts) -> tuple[Tensors, Facts]:
        """Return what the first process has in their place: tensors of the same names and shapes, and facts as JSON."""
        facts = self.send_json(facts)
        return {name: self.send(tensor.detach().clone()) for name, tensor in tensors.items()}, facts

    def own(self, rows: Any) -> Any:
        """Return every ``size``-th row, from ``rank`` on."""
        return rows[self.rank :: self.size]

    def gather(self, own: Tensor, n_cells: int) -> Tensor:
        """Return the rows of all processes; backwards, each takes the gradient of its own from a loss of all."""
        whole: Tensor = _Gather.apply(own, self.rank, self.size, n_cells)  # type: ignore[no-untyped-call]
        return whole

    def averaged(self, parts: Sequence[Tensor], share: float) -> Sequence[Tensor]:
        """Return means over the whole minibatch; backwards, each keeps to its own share."""
        means: Tensor = _Average.apply(torch.stack([*parts]), share)  # type: ignore[no-untyped-call]
        return means.unbind()

    def add_gradients(self, weights: Iterable[Tensor]) -> None:
        """Add up the gradients of all, in one message."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        whole = _added(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(gradients, whole.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def send(self, tensor: Tensor) -> Tensor:
        """Return the first process's tensor, in the place of one of the same shape and kind."""
        with together():
            dist.broadcast(tensor, 0)
        return tensor

    def send_json(self, value: Any) -> Any:
        """Return the first process's value, as JSON holds it."""
        text = json.dumps(value).encode() if self.rank == 0 else b""
        length = self.send(torch.tensor([len(text)]))
        sent = (
            torch.frombuffer(bytearray(text), dtype=torch.uint8)
            if text
            else torch.empty(int(length), dtype=torch.uint8)
        )
        return json.loads(self.send(sent).numpy().tobytes())


class SharedNorm(nn.BatchNorm1d):
    """Batch normalisation whose mean and variance are those of all processes' rows together."""

    @classmethod
    def like(cls, norm: nn.BatchNorm1d) -> SharedNorm:
        """Return one with the very weights and running statistics of another."""
        shared = cls(norm.num_features, norm.eps, norm.momentum)
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked", "training"):
            setattr(shared, name, getattr(norm, name))
        return shared

    def forward(self, values: Tensor) -> Tensor:
        """Normalise; in evaluation by the running statistics, as one process would."""
        if not self.training:
            return super().forward(values)
        rows = values.to(self.weight.dtype)
        sums = _sum(torch.cat([rows.sum(dim=0), rows.new_tensor([len(rows)])]))
        mean, count = sums[:-1] / sums[-1], sums[-1].detach()
        centred = rows - mean
        variance = _sum(centred.square().sum(dim=0)) / count
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scaled: Tensor = centred * (variance + self.eps).rsqrt() * self.weight + self.bias
        return scaled.to(values.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked += 1


@contextmanager
def together() -> Iterator[None]:
    """Say what it means that a message did not come through.

    Raises
    ------
    ProcessLost
        It did not.
    """
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost(
            "A process of this job ended, or did not answer in time; the others cannot go on without it."
        ) from error


def _added(tensor: Tensor) -> Tensor:
    """Add up, in place, the tensors of all."""
    with together():
        dist.all_reduce(tensor)
    return tensor


def _sum(tensor: Tensor) -> Tensor:
    added: Tensor = _Sum.apply(tensor)  # type: ignore[no-untyped-call]
    return added


class _Sum(torch.autograd.Function):
    """The sum over processes of a tensor, which the losses of all depend on."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:  # noqa: ARG004
        return _added(own.clone())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        return _added(grad.clone())


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, rank: int, size: int, n_cells: int) -> Tensor:
        ctx.which = slice(rank, None, size)
        whole = own.new_zeros((n_cells, *own.shape[1:]))
        whole[ctx.which] = own
        return _added(whole)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return grad[ctx.which].contiguous(), None, None, None


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, means: Tensor, share: float) -> Tensor:
        ctx.share = share
        return _added(means * share)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.share, None
