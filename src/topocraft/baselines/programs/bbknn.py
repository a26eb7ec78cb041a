"""BBKNN, by the library of its authors, with its default parameters.

Polański et al. 2020, doi:10.1093/bioinformatics/btz625. Defaults: ``bbknn.matrix.bbknn``, which ``bbknn.bbknn`` calls.
It has no seed: its neighbour search always draws the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy import sparse


def integrate(adata: AnnData, seed: int) -> sparse.csr_matrix:
    """Return the connectivities of neighbours in every batch, (n_cells, n_cells); ``seed`` is not used."""
    import bbknn.matrix

    batch = adata.obs["batch"].to_numpy(dtype=str)
    _, connectivities, _ = bbknn.matrix.bbknn(adata.obsm["X_pca"], batch)
    return connectivities
