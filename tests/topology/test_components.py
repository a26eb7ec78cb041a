"""Components of more cells than the axes are fitted on, against scikit-learn's on the same cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

from topocraft.randomness import numpy_stream, some_of
from topocraft.topology import components
from topocraft.topology.components import principal_components

VALUES = sparse.random(120, 20, 0.4, format="csr", dtype="float32", rng=np.random.default_rng(0))


@pytest.mark.parametrize("block", [16, 120, 1000])
def test_the_rest_is_projected_onto_the_axes_of_those_drawn(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "FITTED_CELLS", 50)
    monkeypatch.setattr(components, "BLOCK", block)
    drawn = some_of(120, 50, numpy_stream(3, "components"))
    assert drawn is not None
    fit = PCA(n_components=5, svd_solver="arpack", random_state=0).fit(VALUES[drawn])
    found = principal_components(VALUES, 5, seed=3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, fit.transform(VALUES), rtol=1e-4, atol=1e-4)


def test_of_few_cells_all_are_fitted() -> None:
    dense = VALUES.toarray()
    expected = PCA(n_components=4, svd_solver="full").fit_transform(dense)
    np.testing.assert_allclose(np.abs(principal_components(VALUES, 4)), np.abs(expected), rtol=1e-3, atol=1e-4)
