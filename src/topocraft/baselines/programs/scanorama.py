"""Scanorama, by the library of its authors, with its default parameters.

Hie, Bryson, Berger 2019, doi:10.1038/s41587-019-0113-3. Defaults: ``scanorama.integrate``, which ``integrate_scanpy``
calls; the embedding has up to 100 dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the aligned components, (n_cells, ≤ 100)."""
    import scanorama

    batches = [np.flatnonzero(adata.obs["batch"] == name) for name in adata.obs["batch"].cat.categories]
    values = [adata.X[rows] for rows in batches]
    genes = [list(adata.var_names)] * len(batches)
    parts, _ = scanorama.integrate(values, genes, seed=seed, verbose=False)
    aligned = np.empty((adata.n_obs, parts[0].shape[1]), dtype=np.float32)
    for rows, part in zip(batches, parts, strict=True):
        aligned[rows] = part
    return aligned
