"""How clearly two clusters are apart: the resolution at which they would be one."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def separations(graph: sparse.csr_matrix, clusters: np.ndarray, n_clusters: int, resolution: float) -> np.ndarray:
    """Return how clearly every two clusters of a graph are apart, (n_clusters, n_clusters), float32.

    Clusters are joined one by one, the resolution falling, as soon as joining gains modularity; ρ is the resolution at
    which two of them come together, be it through others. What only a much lower resolution joins is reliably two
    things. Hence 1 − √(ρ / ``resolution``), at least 0: 1 where nothing ever joins the two, 0 where the resolution
    itself would.

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
    Modularity with a resolution: Reichardt and Bornholdt 2006, doi:10.1103/PhysRevE.74.016110. Joining by falling
    resolution: Bonald, Charpentier, Galland, Hollocou 2018, arXiv:1806.01664.

    Examples
    --------
    Three pairs of cells in a chain, joined by a weak link and a strong one.

    >>> links = [(0, 1, 1.0), (2, 3, 1.0), (4, 5, 1.0), (1, 2, 0.1), (3, 4, 0.5)]
    >>> rows, columns, weights = zip(*links)
    >>> half = sparse.csr_matrix((weights, (rows, columns)), shape=(6, 6))
    >>> separations((half + half.T).tocsr(), np.repeat([0, 1, 2], 2), 3, 0.5)[0].round(2)
    array([0.  , 0.63, 0.63], dtype=float32)
    """
    decided = np.flatnonzero(clusters >= 0)
    present, codes = np.unique(clusters[decided], return_inverse=True)
    belongs = sparse.csr_matrix((np.ones(len(decided)), (decided, codes)), shape=(len(clusters), len(present)))
    links = np.asarray((belongs.T @ graph @ belongs).todense(), dtype=np.float64)
    apart = np.ones((n_clusters, n_clusters), dtype=np.float32)
    apart[np.ix_(present, present)] = np.maximum(1 - np.sqrt(joining_resolutions(links) / resolution), 0.0)
    np.fill_diagonal(apart, 0.0)
    return apart


def joining_resolutions(links: np.ndarray) -> np.ndarray:
    """Return the resolution at which every two clusters come together, (k, k), infinite on the diagonal.

    Clusters a and b gain modularity by joining at every resolution below w · 2m / (d_a · d_b), where w is the weight of
    the links between them, d the sum of the weights at their cells, and 2m that sum over all cells. Those whose number
    is highest join first; what is joined counts as one.

    Parameters
    ----------
    links
        Weights between clusters, symmetric, (k, k), float64; on the diagonal twice what a cluster holds inside.
    """
    links, total = links.copy(), max(float(links.sum()), np.finfo(float).tiny)
    groups = [np.array([cluster]) for cluster in range(len(links))]
    joined = np.full(links.shape, np.inf)
    while len(groups) > 1:
        weight = links.sum(axis=1)
        by_chance = np.outer(weight, weight) / total
        below = np.divide(links, by_chance, out=np.zeros_like(links), where=by_chance > 0)
        np.fill_diagonal(below, -1.0)
        one, other = sorted(np.unravel_index(below.argmax(), below.shape))
        for these, those in ((one, other), (other, one)):
            joined[np.ix_(groups[these], groups[those])] = below[one, other]
        groups[one] = np.concatenate([groups[one], groups.pop(other)])
        links[one] += links[other]
        links[:, one] += links[:, other]
        links = np.delete(np.delete(links, other, axis=0), other, axis=1)
    return joined
