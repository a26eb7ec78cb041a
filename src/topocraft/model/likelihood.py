"""The losses of the variational autoencoder: negative binomial, cosine, Gaussian divergence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

LOG_MEAN_RANGE = (-15.0, 15.0)
LOG_DISPERSION_RANGE = (-12.0, 7.0)
SMALLEST_NORM = 1e-8


def negative_binomial_loss(log_mean: Tensor, log_dispersion: Tensor, where: Tensor, values: Tensor) -> Tensor:
    """Return −log NB(x | μ, r), averaged over cells and genes, with x ≥ 0 not necessarily whole.

    log p = lgamma(x+r) − lgamma(r) − lgamma(x+1) + r·log(r/(r+μ)) + x·log(μ/(r+μ)). Where x = 0 only r·log(r/(r+μ))
    is left, so the gamma functions are taken at the non-zeros alone.

    Parameters
    ----------
    log_mean, log_dispersion
        log μ and log r, (n, p), any floating dtype; read within ±15 and −12 … 7.
    where
        Flat positions of the non-zeros in (n, p), each once, int64, (nnz,).
    values
        The non-zeros, float32, (nnz,).

    Returns
    -------
    Tensor
        A scalar, lower is better. Gradients are written by hand, in one pass over memory.
    """
    loss: Tensor = _NegativeBinomial.apply(log_mean, log_dispersion, where, values)  # type: ignore[no-untyped-call]
    return loss


class _NegativeBinomial(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, log_mean: Tensor, log_dispersion: Tensor, where: Tensor, values: Tensor) -> Tensor:
        log_mu = log_mean.float().clamp(*LOG_MEAN_RANGE)
        log_r = log_dispersion.float().clamp(*LOG_DISPERSION_RANGE)
        r = log_r.exp()
        gap = log_mu.sub_(log_r)
        surprise = functional.softplus(gap)
        at_zero = r * surprise
        r_seen, gap_seen, surprise_seen = (part.view(-1).index_select(0, where) for part in (r, gap, surprise))
        seen = (
            torch.lgamma(values + r_seen)
            - torch.lgamma(r_seen)
            - torch.lgamma(values + 1)
            + values * (gap_seen - surprise_seen)
        )
        ctx.save_for_backward(r, gap, at_zero, where, values)
        ctx.dtypes = (log_mean.dtype, log_dispersion.dtype)
        total = at_zero.sum() - seen.sum()
        return total / at_zero.numel()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        r, gap, at_zero, where, values = ctx.saved_tensors
        share = grad / at_zero.numel()
        odds = torch.sigmoid(gap)
        grad_gap = odds * r
        r_seen = r.view(-1).index_select(0, where)
        missed = values * (1 - odds.view(-1).index_select(0, where))
        grad_gap.view(-1).index_put_((where,), grad_gap.view(-1).index_select(0, where) - missed)
        grad_r = at_zero - grad_gap
        rise = (torch.digamma(values + r_seen) - torch.digamma(r_seen)) * r_seen
        grad_r.view(-1).index_put_((where,), grad_r.view(-1).index_select(0, where) - rise)
        mean_dtype, dispersion_dtype = ctx.dtypes
        return grad_gap.mul_(share).to(mean_dtype), grad_r.mul_(share).to(dispersion_dtype), None, None


def cosine_loss(log_mean: Tensor, expression: Tensor) -> Tensor:
    """Return 1 − cos(x, μ), averaged over cells: 0 for parallel profiles, at most 1 as both are non-negative.

    A cell without any expression counts as 1.
    """
    loss: Tensor = _Cosine.apply(log_mean, expression)  # type: ignore[no-untyped-call]
    return loss


class _Cosine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, log_mean: Tensor, expression: Tensor) -> Tensor:
        mean = log_mean.float().clamp(*LOG_MEAN_RANGE).exp_()
        norm = torch.linalg.vector_norm(mean, dim=1)
        scale = 1 / (torch.linalg.vector_norm(expression, dim=1) * norm).clamp_(min=SMALLEST_NORM)
        cosine = (expression * mean).sum(dim=1) * scale
        ctx.save_for_backward(mean, expression, scale, cosine / norm.square())
        ctx.dtype = log_mean.dtype
        loss: Tensor = 1 - cosine.mean()
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        mean, expression, scale, pull = ctx.saved_tensors
        share = grad / len(mean)
        slope = (mean * (pull * share)[:, None]).addcmul_(expression, (-scale * share)[:, None])
        return slope.mul_(mean).to(ctx.dtype), None


def gaussian_divergence(mean: Tensor, variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) ‖ N(0, I)), summed over dimensions, averaged over cells."""
    return 0.5 * (mean.square() + variance - 1 - variance.log()).sum(dim=1).mean()
