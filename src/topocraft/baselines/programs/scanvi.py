"""scANVI, by scvi-tools, on raw counts and cell types, with its default parameters.

Xu et al. 2021, doi:10.15252/msb.20209620. Defaults: ``scvi.model.SCANVI``, started from a trained scVI as in its
tutorials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

UNLABELLED = "unknown"


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the means of the latent representation, (n_cells, 10); it sees the cell types."""
    import scvi

    scvi.settings.seed = seed
    scvi.model.SCVI.setup_anndata(adata, layer="counts", batch_key="batch", labels_key="celltype")
    start = scvi.model.SCVI(adata)
    start.train(enable_progress_bar=False)
    model = scvi.model.SCANVI.from_scvi_model(start, unlabeled_category=UNLABELLED)
    model.train(enable_progress_bar=False)
    latent: np.ndarray = model.get_latent_representation()
    return latent
