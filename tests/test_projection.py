"""A centred linear map gives the same of dense and of sparse points, and what scikit-learn gives."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA

from topocraft.projection import Projection
from topocraft.topology.components import fit_components


def _values() -> sparse.csr_matrix:
    return sparse.random(80, 30, density=0.3, format="csr", dtype=np.float32, random_state=0)


def test_sparse_points_go_where_dense_ones_go() -> None:
    draws = np.random.default_rng(0)
    projection = Projection(draws.normal(size=30).astype(np.float32), draws.normal(size=(30, 4)).astype(np.float32))
    values = _values()
    expected = (values.toarray().astype(float) - projection.center) @ projection.axes
    np.testing.assert_allclose(projection.apply(values), expected, atol=1e-4)
    np.testing.assert_allclose(projection.apply(values.toarray()), expected, atol=1e-4)


def test_components_and_their_map_are_those_of_scikit_learn() -> None:
    values = _values()
    found = fit_components(values, 5)
    expected = PCA(5, svd_solver="full").fit_transform(values.toarray().astype(float))
    np.testing.assert_allclose(np.abs(found.coordinates), np.abs(expected), atol=1e-4)
    np.testing.assert_allclose(found.projection.apply(values), found.coordinates, atol=1e-4)


def test_cells_that_are_alike_have_components_of_zeros() -> None:
    alike = sparse.csr_matrix(np.ones((6, 3), dtype=np.float32))
    found = fit_components(alike, 50)
    assert found.coordinates.shape == (6, 2)
    assert not found.projection.apply(alike).any()
