"""Counts against the closed forms of the negative binomial, and against a mixture that scipy draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, stats

from topocraft.simulate import counts as counts_module
from topocraft.simulate.counts import Dropout, Model, draw_counts, expected_counts, gamma_poisson

N_CELLS = 40_000
MEANS = np.array([0.003, 0.05, 0.3, 1.0, 4.0, 30.0, 400.0])
DISPERSION = np.array([1.0, 2.0, 0.7, 1.3, 0.9, 1.1, 0.8])


def _bcv(common: float) -> np.ndarray:
    return (common + 1 / np.sqrt(MEANS)) * np.sqrt(DISPERSION)


def _negative_binomial(common: float) -> stats.rv_frozen:
    size = 1 / np.square(_bcv(common))
    return stats.nbinom(size, size / (size + MEANS))


def _drawn(common: float, seed: int = 0) -> np.ndarray:
    mean = np.tile(MEANS, (N_CELLS, 1))
    places, counts, _ = gamma_poisson(mean, DISPERSION, common, np.random.default_rng(seed))
    dense = np.zeros(mean.size)
    dense[places] = counts
    return dense.reshape(mean.shape)


@pytest.mark.parametrize("common", [0.0, 0.448, 2.0])
def test_mean_variance_and_zeros_are_those_of_the_closed_forms(common: float) -> None:
    drawn, bcv = _drawn(common), _bcv(common)
    variance = MEANS + np.square(MEANS * bcv)
    zeros = (1 + MEANS * np.square(bcv)) ** (-1 / np.square(bcv))
    assert np.abs((drawn.mean(axis=0) - MEANS) / np.sqrt(variance / N_CELLS)).max() < 4
    assert np.abs(((drawn == 0).mean(axis=0) - zeros) / np.sqrt(zeros * (1 - zeros) / N_CELLS + 1e-12)).max() < 4
    kurtosis = np.asarray(_negative_binomial(common).stats("k"), dtype=float)
    error = variance * np.sqrt((kurtosis + 2) / N_CELLS)
    assert (np.abs(drawn.var(axis=0) - variance) < 5 * error).all()


@pytest.mark.parametrize("common", [0.0, 0.448])
def test_every_number_of_counts_is_as_frequent_as_scipy_says(common: float) -> None:
    drawn, law = _drawn(common, seed=1), _negative_binomial(common)
    for gene in range(len(MEANS)):
        size = law.args[0][gene], law.args[1][gene]
        edges = np.unique(stats.nbinom.ppf([0, 0.2, 0.5, 0.8, 0.95, 0.999], *size))
        shares = np.diff(stats.nbinom.cdf(np.append(edges, np.inf), *size), prepend=0.0)
        observed = np.bincount(np.searchsorted(edges, drawn[:, gene]), minlength=len(shares))
        kept = shares * N_CELLS > 5
        assert stats.chisquare(observed[kept], shares[kept] / shares[kept].sum() * observed[kept].sum()).pvalue > 1e-4


def test_the_means_beside_the_counts_are_those_that_the_mixture_drew() -> None:
    """Given a count, the mean behind it is Gamma(shape + count): compared with pairs drawn as the model is written."""
    generator = np.random.default_rng(3)
    for level in (0.2, 20.0):
        mean = np.full((200_000, 1), level)
        _, counts, means = gamma_poisson(mean, np.ones(1), 0.5, generator)
        square = (0.5 + level**-0.5) ** 2
        written = stats.gamma.rvs(1 / square, scale=level * square, size=200_000, random_state=generator)
        seen = generator.poisson(written)
        for count in (1, 2, 5):
            compared = stats.ks_2samp(means[counts == count], written[seen == count])
            assert compared.pvalue > 1e-4, (level, count)


def _model(n_cells: int, n_genes: int, dropout: Dropout | None = None) -> Model:
    generator = np.random.default_rng(0)
    effects = ((generator.lognormal(size=(2, n_genes)), np.arange(n_cells) % 2),)
    library = generator.lognormal(6.0, 0.5, n_cells)
    return Model(generator.gamma(0.5, size=n_genes), np.ones(n_genes), 0.3, library, effects, dropout)


def test_expected_counts_sum_to_the_library_in_the_proportions_of_the_factors() -> None:
    model = _model(6, 40)
    expected = expected_counts(model, slice(1, 5))
    np.testing.assert_allclose(expected.sum(axis=1), model.library[1:5])
    raw = model.mean * model.effects[0][0][1]
    np.testing.assert_allclose(expected[2], raw / raw.sum() * model.library[3])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts_module, "ENTRIES_PER_BLOCK", 700)
    model = _model(90, 100)
    drawn = draw_counts(model, np.random.default_rng(5), threads)
    again = draw_counts(model, np.random.default_rng(5), 2)
    assert drawn.dtype == np.float32
    assert drawn.has_canonical_format
    assert (drawn != again).nnz == 0
    assert drawn.shape == (90, 100)


def test_blocks_are_of_streams_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts_module, "ENTRIES_PER_BLOCK", 100)
    model = _model(2, 100)
    alike = Model(model.mean, model.dispersion, 0.3, np.full(2, 500.0), ((np.ones((1, 100)), np.zeros(2, int)),))
    first, second = draw_counts(alike, np.random.default_rng(5)).toarray()
    assert (first != second).any()


def test_dropout_loses_counts_with_the_logistic_of_their_mean() -> None:
    n_cells = 30_000
    means = np.array([2.0, 10.0, 50.0])
    dropout = Dropout(np.full(n_cells, np.log(5.0)), np.full(n_cells, -2.0))
    effects = ((np.ones((1, 3)), np.zeros(n_cells, int)),)
    model = Model(means, np.full(3, 1e-9), 0.0, np.full(n_cells, means.sum()), effects, dropout)
    drawn = draw_counts(model, np.random.default_rng(1)).toarray()
    lost = 1 / (1 + np.exp(2.0 * (np.log(means) - np.log(5.0))))
    kept = (1 - lost) * -np.expm1(-means)
    np.testing.assert_allclose((drawn > 0).mean(axis=0), kept, atol=4 * 0.5 / np.sqrt(n_cells))


def test_a_gene_that_is_not_measured_has_no_counts() -> None:
    effects = ((np.array([[0.0, 1.0]]), np.zeros(50, int)),)
    drawn = draw_counts(Model(np.ones(2), np.ones(2), 0.1, np.full(50, 20.0), effects), np.random.default_rng(0))
    assert isinstance(drawn, sparse.csr_matrix)
    assert drawn[:, 0].nnz == 0
    assert drawn[:, 1].sum() > 0
