"""Posterior means in blocks, and their principal components against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from topocraft.training import embed
from topocraft.training.embed import fit_projection, posterior_means


def _means(n: int = 60, d: int = 8) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (generator.normal(size=(n, d)) * np.geomspace(5, 0.1, d) + 3).astype(np.float32)


def test_blocks_give_what_one_pass_gives(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = planted.networks().eval().encoder
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(planted.expression.toarray()))[0].numpy()
    for block in (240, 50, 80, 1):
        monkeypatch.setattr(embed, "BLOCK", block)
        found = posterior_means(encoder, planted.expression)
        assert (found.dtype, found.shape) == (np.float32, (240, 6))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_no_cell_has_no_mean(planted: Any) -> None:
    assert posterior_means(planted.networks().eval().encoder, planted.expression[:0]).shape == (0, 6)


@pytest.mark.parametrize("k", [2, 5, 8])
def test_the_projection_agrees_with_scikit_learn(k: int) -> None:
    means = _means()
    found = fit_projection(means, k).apply(means)
    expected = PCA(k, svd_solver="full").fit_transform(means.astype(np.float64))
    signs = np.sign((found * expected).sum(axis=0))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found * signs, expected, atol=1e-4)


def test_new_means_are_projected_with_the_centre_of_the_fitted_ones() -> None:
    projection = fit_projection(_means(), 3)
    point = projection.center + 2 * projection.axes[:, 1]
    np.testing.assert_allclose(projection.apply(point[None]), [[0, 2, 0]], atol=1e-5)


@pytest.mark.parametrize(("n", "d", "k"), [(60, 8, 8), (5, 8, 5), (60, 4, 4)])
def test_components_are_at_most_what_the_means_have(n: int, d: int, k: int) -> None:
    assert fit_projection(_means(n, d), 50).apply(_means(n, d)).shape == (n, k)


def test_without_components_the_means_come_back() -> None:
    means = _means()
    assert np.array_equal(fit_projection(means, None).apply(means), means)
