"""The copula's margins are the negative binomials that were fitted, and its correlation is the one that was planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse, special, stats

from topocraft.errors import ConfigError, InputError
from topocraft.simulate.copula import CopulaModel, fit_copula
from topocraft.simulate.copula_correlation import expected_scores
from topocraft.simulate.copula_sampling import LONGEST_TABLE, Quantiles

ALPHA = np.array([0.05, 0.5, 2.0, 8.0, 0.2, 1.0, 4.0, 40.0])
PHI = np.array([0.1, 2.0, 0.5, 1.5, 1e-6, 0.3, 1.0, 0.2])


@pytest.fixture(scope="module")
def model() -> CopulaModel:
    """Two batches and two types; genes 4 to 7 are joined by one factor."""
    return CopulaModel(
        batches=("a", "b"),
        types=("s", "t"),
        n_observed=np.array([[5, 5], [5, 0]]),
        type_mean=np.stack([ALPHA, ALPHA[::-1]]),
        batch_factor=np.stack([np.ones(8), np.linspace(0.5, 1.5, 8)]),
        dispersion=PHI,
        correlated=np.arange(4, 8),
        loadings=np.array([[0.9], [0.8], [-0.8], [0.7]]),
    )


@pytest.mark.parametrize("pair", [("a", "s"), ("b", "t")])
def test_samples_have_the_moments_and_zeros_of_their_margins(model: CopulaModel, pair: tuple[str, str]) -> None:
    n = 40_000
    counts = model.sample({pair: n}, seed=1)[0].toarray().astype(float)
    margin = stats.nbinom(1 / PHI, 1 / (1 + PHI * model.mean(*pair)))
    mean, variance, _, kurtosis = margin.stats("mvsk")
    assert np.all(np.abs(counts.mean(axis=0) - mean) < 4.5 * np.sqrt(variance / n))
    assert np.all(np.abs(counts.var(axis=0) - variance) < 5 * variance * np.sqrt((kurtosis + 2) / n))
    none = margin.pmf(0)
    assert np.all(np.abs((counts == 0).mean(axis=0) - none) < 4.5 * np.sqrt(none * (1 - none) / n))


def test_samples_have_the_whole_distribution_of_their_margins(model: CopulaModel) -> None:
    n = 40_000
    counts = model.sample({("a", "s"): n}, seed=2)[0].toarray()
    for gene in range(8):
        margin = stats.nbinom(1 / PHI[gene], 1 / (1 + PHI[gene] * ALPHA[gene]))
        edges = np.unique(np.concatenate([[-1], margin.ppf(np.linspace(0.1, 0.95, 8)), [1e6]]))
        expected = np.diff(margin.cdf(edges)) * n
        observed = np.histogram(counts[:, gene], edges + 0.5)[0]
        assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4


def test_quantiles_are_those_of_scipy_in_tables_and_beyond() -> None:
    mean, phi = np.array([0.0, 0.3, 7.0, 90.0, 5e4]), np.array([0.5, 4.0, 1e-6, 0.5, 0.3])
    uniform = np.concatenate([[1e-12, 1 - 1e-9], np.random.default_rng(0).random(3000)])
    quantiles = Quantiles(mean, phi)
    assert quantiles.long.tolist() == [4]
    assert len(quantiles.table) < 5 * LONGEST_TABLE
    found = quantiles(np.repeat(uniform[:, None], 5, axis=1))
    expected = stats.nbinom.ppf(uniform[:, None], 1 / phi[1:], 1 / (1 + phi[1:] * mean[1:]))
    np.testing.assert_array_equal(found[:, 1:], expected.astype(np.float32))
    assert not found[:, 0].any()


def test_scores_are_means_of_truncated_normals() -> None:
    mean, phi, counts = np.array([0.4, 3.0, 60.0]), np.array([1.0, 0.2, 0.6]), np.array([[0, 2, 75], [3, 0, 9]])
    margin = stats.nbinom(1 / phi, 1 / (1 + phi * mean))
    low, high = special.ndtri(margin.cdf(counts - 1)), special.ndtri(margin.cdf(counts))
    found = expected_scores(sparse.csr_matrix(counts.astype(float)), mean, phi)
    np.testing.assert_allclose(found, stats.truncnorm.mean(low, high), rtol=1e-6)


def _planted(rng: np.random.Generator, n_cells: int, weight: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of 60 genes in two batches and two types; the first 20 share a factor, ten of them with a minus."""
    normal = rng.standard_normal((n_cells, 60))
    sign = np.where(np.arange(20) < 10, 1.0, -1.0)
    normal[:, :20] = np.sqrt(1 - weight**2) * normal[:, :20] + weight * sign * rng.standard_normal((n_cells, 1))
    batch, label = rng.integers(0, 2, n_cells), rng.integers(0, 2, n_cells)
    mean = np.geomspace(0.4, 20, 60)[rng.permutation(60)] * np.where(batch == 1, 0.6, 1.0)[:, None]
    mean[label == 1] *= np.where(np.arange(60) % 2, 3.0, 1.0)
    return stats.nbinom.ppf(special.ndtr(normal), 2.0, 2.0 / (2.0 + mean)), batch, label


def test_a_planted_correlation_is_found_and_sampled() -> None:
    counts, batch, label = _planted(np.random.default_rng(3), 3000, 0.8)
    model = fit_copula(sparse.csr_matrix(counts), batch.astype(str), label.astype(str))
    assert model.loadings.shape == (60, 1)
    truth = 0.64 * np.outer(np.repeat([1, -1], 10), np.repeat([1, -1], 10))
    apart = ~np.eye(20, dtype=bool)
    found = model.correlation()
    assert np.abs(found[:20, :20] - truth)[apart].mean() < 0.05
    assert np.abs(found[20:, :20]).max() < 0.15
    assert np.linalg.eigvalsh(found).min() > 0
    pair = (batch == 0) & (label == 1)
    sampled = model.sample({("0", "1"): 3000}, seed=1)[0].toarray()
    there, here = stats.spearmanr(counts[pair])[0], stats.spearmanr(sampled)[0]
    assert np.abs(there[:20, :20] - here[:20, :20])[apart].mean() < 0.06
    assert np.abs(here[:20, :20])[apart].mean() > 0.3


def test_genes_without_anything_in_common_stay_independent() -> None:
    counts, batch, label = _planted(np.random.default_rng(4), 2000, 0.0)
    model = fit_copula(sparse.csr_matrix(counts), batch.astype(str), label.astype(str))
    assert model.loadings.shape == (60, 0)
    sampled = model.sample({("0", "0"): 2000}, seed=1)[0].toarray()
    rho = stats.spearmanr(sampled)[0][np.triu_indices(60, 1)]
    assert np.abs(rho).max() < 4.5 / np.sqrt(2000)


def test_margins_are_found_again() -> None:
    rng = np.random.default_rng(6)
    alpha, beta, phi = rng.lognormal(0.5, 1, (3, 80)), rng.lognormal(0, 0.5, (2, 80)), rng.uniform(0.1, 1.5, 80)
    batch, label = rng.integers(0, 2, 4000), rng.choice(3, 4000, p=[0.6, 0.3, 0.1])
    mean = alpha[label] * beta[batch]
    counts = rng.negative_binomial(1 / phi, 1 / (1 + phi * mean))
    model = fit_copula(sparse.csr_matrix(counts), batch.astype(str), label.astype(str), n_correlated=0)
    for b, t in np.ndindex(2, 3):
        error = model.mean(str(b), str(t)) / (alpha[t] * beta[b]) - 1
        assert np.sqrt(np.mean(error**2)) < 0.12
    assert np.abs(model.dispersion / phi - 1).mean() < 0.08


def test_fitted_means_reproduce_the_counts_of_every_type() -> None:
    """The score equations of a log-linear model; the batches' hold up to the one count of the prior."""
    rng = np.random.default_rng(7)
    counts = rng.poisson(3.0, (300, 20)) * rng.integers(0, 4, (300, 1))
    batch, label = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    model = fit_copula(sparse.csr_matrix(counts), batch.astype(str), label.astype(str), n_correlated=0)
    fitted = model.type_mean[label] * model.batch_factor[batch]
    for t in range(2):
        np.testing.assert_allclose(fitted[label == t].sum(axis=0), counts[label == t].sum(axis=0))
    for b in range(3):
        assert np.abs(fitted[batch == b].sum(axis=0) - counts[batch == b].sum(axis=0)).max() < 1


def test_a_gene_unseen_in_a_small_batch_follows_its_depth() -> None:
    rng = np.random.default_rng(8)
    counts = rng.poisson(5.0, (1010, 50))
    counts[1000:] = rng.poisson(20.0, (10, 50))
    counts[:, 0] = np.arange(1010) < 20
    model = fit_copula(sparse.csr_matrix(counts), np.repeat(["a", "b"], [1000, 10]), ["t"] * 1010, n_correlated=0)
    assert 1.5 < model.mean("b", "t")[0] / model.mean("a", "t")[0] < 4.0  # four times the depth, not seen in ten cells


def test_cells_come_as_asked_and_a_pair_does_not_depend_on_the_others(model: CopulaModel) -> None:
    asked = {("b", "t"): 2500, ("a", "s"): 0, ("a", "t"): 7}
    counts, batch, label = model.sample(asked, seed=5)
    assert counts.shape == (2507, 8)
    assert counts.dtype == np.float32
    assert counts.has_canonical_format
    assert counts.data.min() > 0
    assert list(zip(batch, label, strict=True)) == [("b", "t")] * 2500 + [("a", "t")] * 7
    alone = model.sample({("a", "t"): 7}, seed=5)[0]
    assert (alone != counts[2500:]).nnz == 0
    assert (model.sample({("a", "t"): 7}, seed=6)[0] != alone).nnz > 0


def test_neither_fit_nor_sample_touches_the_global_generator(model: CopulaModel) -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[union-attr]
    model.sample({("a", "s"): 5}, seed=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_deep_data_are_drawn_in_small_blocks(model: CopulaModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topocraft.simulate.copula_sampling.EVENTS", 50)
    counts = model.sample({("a", "s"): 400}, seed=0)[0].toarray()
    assert counts.mean(axis=0) == pytest.approx(ALPHA, rel=0.4, abs=0.05)


def test_a_gene_that_is_silent_stays_silent() -> None:
    counts = np.random.default_rng(0).poisson(2.0, (200, 6))
    counts[:, 2] = 0
    model = fit_copula(sparse.csr_matrix(counts), ["a"] * 200, ["t"] * 200)
    assert 2 not in model.correlated
    assert model.sample({("a", "t"): 100})[0][:, 2].nnz == 0


GOOD: dict[str, Any] = {"counts": sparse.csr_matrix(np.ones((4, 3))), "batch": list("aabb"), "labels": list("stst")}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"counts": sparse.csr_matrix(-np.ones((4, 3)))}, InputError, "whole numbers of 0 or more.*got -1"),
        (
            {"counts": sparse.csr_matrix(np.full((4, 3), 0.5))},
            InputError,
            r"got 0\.5\. Name the layer",
        ),
        ({"counts": sparse.csr_matrix(np.full((4, 3), np.nan))}, InputError, "got nan"),
        ({"counts": sparse.csr_matrix((4, 3))}, InputError, "must hold counts"),
        ({"counts": np.ones((4, 3))}, InputError, "must be a sparse matrix"),
        ({"batch": list("aab")}, InputError, r"batch must hold one name for each of the 4 cells; got shape \(3,\)"),
        ({"labels": ["s", None, "s", "t"]}, InputError, "labels must name every cell"),
        ({"labels": ["s", float("nan"), "s", "t"]}, InputError, "labels must name every cell"),
        ({"n_correlated": -1}, ConfigError, "n_correlated must be 0 or more; got -1"),
    ],
)
def test_cells_that_cannot_be_fitted_are_refused(change: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fit_copula(**(GOOD | change))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({("c", "s"): 5}, "batch must be one of 'a', 'b'; got 'c'"),
        ({("a", "tt"): 5}, "type must be one of 's', 't'; got 'tt'. Did you mean 't'?"),
        ({("a", "s"): -2}, "n_cells must be 0 or more .* got -2"),
        ({("a", "s"): 0}, "at least one cell"),
        ({}, "at least one cell"),
    ],
)
def test_cells_that_cannot_be_drawn_are_refused(model: CopulaModel, asked: dict[Any, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        model.sample(asked)


def test_a_model_without_joined_genes_samples(model: CopulaModel) -> None:
    alone = replace(model, correlated=np.arange(0), loadings=np.zeros((0, 0)))
    check: Callable[..., Any] = alone.sample
    assert check({("a", "s"): 3})[0].shape == (3, 8)
