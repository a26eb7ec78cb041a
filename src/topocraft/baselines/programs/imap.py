"""iMAP, by the library of its authors, with the parameters that its documentation gives.

Wang, Hou, Zhang, Wang, Liu, Zhang 2021, doi:10.1186/s13059-021-02280-8. Defaults: ``imap.stage1.iMAP_fast`` and
``imap.stage2.integrate_data`` of imap 1.0.0. Its result is corrected values of all genes; as in its tutorials, they
are reduced to 30 principal components.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData

N_COMPONENTS = 30
FEWEST_CELLS_FOR_AUTOMATIC_NEIGHBOURS = 100


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the principal components of iMAP's corrected values, (n_cells, ≤ 30)."""
    import imap.stage1
    import imap.stage2

    cells = _dense(adata)
    n_epochs = epochs(cells.n_obs)
    _, content = imap.stage1.iMAP_fast(cells, key="batch", n_epochs=n_epochs, seed=seed)
    names = sorted(set(cells.obs["batch"]))
    parts, order = imap.stage1.extract_data(cells, "batch", names)
    k1, k2 = neighbours([len(parts[place]) for place in order])
    corrected = imap.stage2.integrate_data(cells, content, key="batch", n_epochs=n_epochs, k1=k1, k2=k2, seed=seed)
    return principal_components(corrected, N_COMPONENTS)


def epochs(n_cells: int) -> int:
    """Return the epochs of either stage, by the authors' advice in their tutorial.

    150, the default, for around 10,000 cells and more; 100 below 5,000; 50 for sets as small as theirs of 541 cells.
    """
    if n_cells >= 5_000:
        return 150
    return 100 if n_cells >= 1_000 else 50


def neighbours(sizes: Sequence[int]) -> tuple[int, int] | tuple[None, None]:
    """Return the neighbours between and within batches, from the sizes of the batches in the order of merging.

    None lets iMAP choose a hundredth of the smaller of the first two batches. Where that is none, 1 and 5, which its
    tutorial gives for small sets.
    """
    return (None, None) if min(sizes[:2]) >= FEWEST_CELLS_FOR_AUTOMATIC_NEIGHBOURS else (1, 5)


def principal_components(values: np.ndarray, n_components: int) -> np.ndarray:
    """Return the first principal components of dense values (n_cells, n_genes), as (n_cells, ≤ n_components)."""
    centred = values - values.mean(axis=0)
    # Eigenvectors of the genes' covariance: exact, and cheap for 2,000 genes however many the cells.
    _, directions = np.linalg.eigh(centred.T @ centred)
    components: np.ndarray = centred @ directions[:, ::-1][:, :n_components]
    return components.astype(np.float32)


def _dense(adata: AnnData) -> AnnData:
    """Return values and batches alone; iMAP wants dense values, and names of batches as text."""
    import pandas as pd
    from anndata import AnnData

    names = pd.Index(np.arange(adata.n_obs).astype(str))
    batch = adata.obs["batch"].to_numpy(dtype=str)
    return AnnData(adata.X.toarray(), obs=pd.DataFrame({"batch": batch}, index=names))
