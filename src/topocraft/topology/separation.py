"""How clearly two clusters are apart: the resolution at which they would be one."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def separations(graph: sparse.csr_matrix, clusters: np.ndarray, n_clusters: int, resolution: float) -> np.ndarray:
    """Return how clearly every two clusters of a graph are apart, (n_clusters, n_clusters), float32.

    Joining clusters a and b gains modularity at every resolution below ρ = w · 2m / (d_a · d_b), where w is the weight
    of the links between them, d the sum of the weights at their cells, and 2m that sum over all cells. What a much
    lower resolution would join already is hardly two things. Hence max(0, 1 − ρ / ``resolution``): 1 where nothing
    links the two, 0 where the resolution itself would join them.

    Parameters
    ----------
    graph
        Symmetric weights, CSR, (n_cells, n_cells).
    clusters
        Codes from 0, (n_cells,); cells of code −1 are left out.
    n_clusters
        Number of codes; one that no cell has is wholly apart from the others.
    resolution
        At which the clusters were found, above 0.

    References
    ----------
    Modularity with a resolution: Reichardt and Bornholdt 2006, doi:10.1103/PhysRevE.74.016110.

    Examples
    --------
    Three pairs of cells in a chain, joined by a weak link and a strong one.

    >>> links = [(0, 1, 1.0), (2, 3, 1.0), (4, 5, 1.0), (1, 2, 0.1), (3, 4, 0.5)]
    >>> rows, columns, weights = zip(*links)
    >>> half = sparse.csr_matrix((weights, (rows, columns)), shape=(6, 6))
    >>> separations((half + half.T).tocsr(), np.repeat([0, 1, 2], 2), 3, 0.5)[0].round(2)
    array([0.  , 0.74, 1.  ], dtype=float32)
    """
    decided = np.flatnonzero(clusters >= 0)
    belongs = sparse.csr_matrix(
        (np.ones(len(decided)), (decided, clusters[decided])), shape=(len(clusters), n_clusters)
    )
    between = np.asarray((belongs.T @ graph @ belongs).todense(), dtype=np.float64)
    weight = between.sum(axis=1)
    by_chance = np.outer(weight, weight) / max(weight.sum(), np.finfo(float).tiny)
    joins_below = np.divide(between, by_chance, out=np.zeros_like(between), where=by_chance > 0)
    apart: np.ndarray = np.clip(1 - joins_below / resolution, 0.0, 1.0).astype(np.float32)
    np.fill_diagonal(apart, 0.0)
    return apart
