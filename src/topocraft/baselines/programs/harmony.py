"""Harmony, by harmonypy 2, with its default parameters.

Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0. Defaults: ``harmonypy.run_harmony``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the corrected principal components, (n_cells, n_components)."""
    import harmonypy

    # Components × cells: given the other way round, a square array would be ambiguous.
    components = adata.obsm["X_pca"].T
    fit = harmonypy.run_harmony(
        components, adata.obs, "batch", random_state=seed, ncores=int(adata.uns["threads"]), verbose=False
    )
    corrected: np.ndarray = fit.Z_corr
    return corrected
