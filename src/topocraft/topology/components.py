"""Principal components of log-normalised cells."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def principal_components(expression: sparse.csr_matrix, n_components: int) -> np.ndarray:
    """Return the leading principal components, (n_cells, ≤ n_components), float32.

    Where cells are fewer than genes, Lanczos iterations on the cells cost a fraction of a genes × genes decomposition.
    """
    from sklearn.decomposition import PCA

    n_components = min(n_components, min(expression.shape) - 1)
    solver = "arpack" if expression.shape[0] < expression.shape[1] else "covariance_eigh"
    fit = PCA(n_components=n_components, svd_solver=solver, random_state=0)
    components: np.ndarray = fit.fit_transform(expression).astype(np.float32)
    return components
