"""Losses of the autoencoder against scipy, torch.distributions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import gammaln
from sklearn.metrics.pairwise import paired_cosine_distances
from torch import Tensor

from topocraft.model.likelihood import cosine_loss, gaussian_divergence, negative_binomial_loss


def _sparse_parts(x: np.ndarray) -> tuple[Tensor, Tensor]:
    where = np.flatnonzero(x)
    return torch.from_numpy(where), torch.from_numpy(x.ravel()[where].astype(np.float32))


def _loss(log_mean: Tensor, log_dispersion: Tensor, x: np.ndarray) -> Tensor:
    return negative_binomial_loss(log_mean, log_dispersion, *_sparse_parts(x))


def _logits(shape: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(2 * torch.randn(shape, generator=generator) for _ in range(2))


def _log_probability(x: np.ndarray, log_mean: np.ndarray, log_dispersion: np.ndarray) -> np.ndarray:
    mu, r = np.exp(np.float64(log_mean)), np.exp(np.float64(log_dispersion))
    gammas = gammaln(x + r) - gammaln(r) - gammaln(x + 1)
    return gammas + r * np.log(r / (r + mu)) + x * np.log(mu / (r + mu))


def _naive_gradients(log_mean: Tensor, log_dispersion: Tensor, x: np.ndarray) -> list[np.ndarray]:
    """Autograd of the dense formula in double precision, gamma functions at every entry."""
    a, b = (part.detach().double().requires_grad_() for part in (log_mean, log_dispersion))
    value, mu, r = torch.from_numpy(x), a.exp(), b.exp()
    log_p = torch.lgamma(value + r) - torch.lgamma(r) - torch.lgamma(value + 1)
    log_p = log_p + r * (r / (r + mu)).log() + value * (mu / (r + mu)).log()
    (-log_p.mean()).backward()
    return [a.grad.numpy(), b.grad.numpy()]


def _mostly_zero(shape: tuple[int, int], seed: int, whole: bool) -> np.ndarray:
    generator = np.random.default_rng(seed)
    x = generator.poisson(3, shape) if whole else generator.gamma(1.5, 2, shape)
    return np.where(generator.random(shape) < 0.6, 0, x).astype(np.float64)


def test_whole_counts_agree_with_scipy_nbinom() -> None:
    x = _mostly_zero((20, 30), seed=0, whole=True)
    log_mean, log_dispersion = _logits(x.shape, seed=1)
    mu, r = np.exp(log_mean.double().numpy()), np.exp(log_dispersion.double().numpy())
    expected = -stats.nbinom.logpmf(x.astype(int), n=r, p=r / (r + mu)).mean()
    assert _loss(log_mean, log_dispersion, x).item() == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("row", range(4))
def test_fractions_agree_with_the_gamma_function_formula(row: int) -> None:
    x = _mostly_zero((4, 30), seed=2, whole=False)[row : row + 1]
    log_mean, log_dispersion = _logits(x.shape, seed=3 + row)
    expected = -_log_probability(x, log_mean.numpy(), log_dispersion.numpy()).mean()
    assert _loss(log_mean, log_dispersion, x).item() == pytest.approx(expected, rel=2e-6)


def test_cells_without_any_count_need_no_gamma_function() -> None:
    x = np.zeros((3, 5))
    log_mean, log_dispersion = _logits(x.shape, seed=4)
    expected = -stats.nbinom.logpmf(
        0, n=log_dispersion.exp().numpy(), p=1 / (1 + (log_mean - log_dispersion).exp().numpy())
    ).mean()
    assert _loss(log_mean, log_dispersion, x).item() == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 1e-2)])
def test_gradients_agree_with_autograd_of_the_dense_formula(dtype: torch.dtype, tolerance: float, whole: bool) -> None:
    x = _mostly_zero((6, 9), seed=5, whole=whole)
    log_mean, log_dispersion = (part.to(dtype).requires_grad_() for part in _logits(x.shape, seed=6))
    _loss(log_mean, log_dispersion, x).backward()
    expected = _naive_gradients(log_mean, log_dispersion, x)
    for logits, gradient in zip((log_mean, log_dispersion), expected, strict=True):
        assert logits.grad.dtype == dtype
        np.testing.assert_allclose(
            logits.grad.double().numpy(), gradient, rtol=tolerance, atol=tolerance * np.abs(gradient).max()
        )


def test_gradients_agree_with_finite_differences_of_scipy() -> None:
    x = np.array([[0.0, 0.7, 3.0, 12.5]])
    log_mean, log_dispersion = _logits(x.shape, seed=7)
    log_mean.requires_grad_()
    log_dispersion.requires_grad_()
    (-3 * _loss(log_mean, log_dispersion, x)).backward()  # 3: the gradient that comes in is passed on
    a, b, h = log_mean.detach().double().numpy(), log_dispersion.detach().double().numpy(), 1e-5
    slopes = (
        (_log_probability(x, a + h, b) - _log_probability(x, a - h, b)) / (2 * h),
        (_log_probability(x, a, b + h) - _log_probability(x, a, b - h)) / (2 * h),
    )
    np.testing.assert_allclose(log_mean.grad.numpy(), 3 * slopes[0] / x.size, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(log_dispersion.grad.numpy(), 3 * slopes[1] / x.size, rtol=1e-4, atol=1e-6)


def test_the_sample_mean_is_the_maximum_likelihood_mean() -> None:
    x = np.random.default_rng(8).gamma(2, 3, (50, 1)) * (np.arange(50)[:, None] % 3 > 0)
    log_mean = torch.tensor(np.log(x.mean()), dtype=torch.float32).requires_grad_()
    _loss(log_mean.expand(50, 1), torch.full((50, 1), 0.3), x).backward()
    assert log_mean.grad.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("log_mean", [-1e4, 1e4])
@pytest.mark.parametrize("log_dispersion", [-1e4, 1e4])
def test_extreme_logits_are_read_at_the_ends_of_their_range(
    log_mean: float, log_dispersion: float, dtype: torch.dtype
) -> None:
    x = np.array([[0.0, 8.5, 50.0]])
    logits = [torch.full(x.shape, value, dtype=dtype).requires_grad_() for value in (log_mean, log_dispersion)]
    loss = _loss(*logits, x)
    loss.backward()
    ends = np.full(x.shape, np.clip(log_mean, -15, 15)), np.full(x.shape, np.clip(log_dispersion, -12, 7))
    assert loss.item() == pytest.approx(-_log_probability(x, *ends).mean(), rel=1e-3)
    assert all(torch.isfinite(part.grad).all() for part in logits)


def test_inputs_are_left_as_they_were() -> None:
    x = _mostly_zero((4, 5), seed=9, whole=True)
    logits = _logits(x.shape, seed=10)
    before = [part.clone() for part in logits]
    trainable = [part.requires_grad_() for part in logits]
    _loss(*trainable, x).backward()
    assert all(torch.equal(part.detach(), copy) for part, copy in zip(trainable, before, strict=True))


def test_cosine_agrees_with_scikit_learn() -> None:
    x = _mostly_zero((12, 20), seed=11, whole=False)
    log_mean, _ = _logits(x.shape, seed=12)
    expected = paired_cosine_distances(x, np.exp(log_mean.double().numpy())).mean()
    assert cosine_loss(log_mean, torch.from_numpy(x).float()).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 1e-2)])
def test_cosine_has_the_gradient_of_torchs_own(dtype: torch.dtype, tolerance: float) -> None:
    x = torch.from_numpy(_mostly_zero((12, 20), seed=15, whole=False))
    log_mean = _logits(tuple(x.shape), seed=16)[0].to(dtype).requires_grad_()
    naive = log_mean.detach().double().requires_grad_()
    (3 * cosine_loss(log_mean, x.float())).backward()
    (3 * (1 - torch.nn.functional.cosine_similarity(x, naive.exp(), dim=1).mean())).backward()
    assert log_mean.grad.dtype == dtype
    largest = naive.grad.abs().max().item()
    np.testing.assert_allclose(log_mean.grad.double(), naive.grad, rtol=tolerance, atol=tolerance * largest)


def test_cosine_is_zero_for_parallel_profiles_whatever_their_length() -> None:
    x = torch.rand(5, 7, generator=torch.Generator().manual_seed(13)) + 0.1
    assert cosine_loss((4 * x).log(), x).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_cosine_stays_finite_for_extreme_logits_and_empty_cells(logit: float) -> None:
    x = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    log_mean = torch.full((2, 3), logit).requires_grad_()
    loss = cosine_loss(log_mean, x)
    loss.backward()
    assert loss.item() == pytest.approx(0.5, abs=1e-5)  # 1 for the empty cell, 0 for the parallel one
    assert torch.isfinite(log_mean.grad).all()


def test_divergence_agrees_with_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(14)
    mean = torch.randn(9, 6, generator=generator)
    variance = torch.rand(9, 6, generator=generator) * 3 + 1e-4
    posterior = torch.distributions.Normal(mean, variance.sqrt())
    prior = torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(posterior, prior).sum(dim=1).mean()
    assert gaussian_divergence(mean, variance).item() == pytest.approx(expected.item(), rel=1e-5)


def test_divergence_of_the_prior_from_itself_is_zero() -> None:
    assert gaussian_divergence(torch.zeros(3, 4), torch.ones(3, 4)).item() == 0
