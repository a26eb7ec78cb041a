"""The principal components that every method starts from, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the principal components; ``seed`` is not used."""
    components: np.ndarray = adata.obsm["X_pca"]
    return components
