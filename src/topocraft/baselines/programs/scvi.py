"""scVI, by scvi-tools, on raw counts, with its default parameters.

Lopez et al. 2018, doi:10.1038/s41592-018-0229-2. Defaults: ``scvi.model.SCVI`` and its ``train``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the means of the latent representation, (n_cells, 10)."""
    import scvi

    scvi.settings.seed = seed
    scvi.model.SCVI.setup_anndata(adata, layer="counts", batch_key="batch")
    model = scvi.model.SCVI(adata)
    model.train(enable_progress_bar=False)
    latent: np.ndarray = model.get_latent_representation()
    return latent
