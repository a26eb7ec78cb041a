"""How well clusters of the embedding match labels: Leiden at several resolutions, NMI and ARI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.arrays import Space, as_neighbors, codes_of, n_cells_of

if TYPE_CHECKING:
    import igraph

RESOLUTIONS = tuple(round(0.2 * step, 1) for step in range(1, 11))
NEIGHBORS = 14
ITERATIONS = 2
SEEDS = 3


@dataclass(frozen=True, eq=False)
class Clusterings:
    """Leiden communities of one neighbour graph: ``codes`` (n_resolutions, n_cells), int64, found with ``seed``."""

    network: igraph.Graph
    resolutions: tuple[float, ...]
    codes: np.ndarray
    seed: int

    def with_other_seeds(self, which: int, n_seeds: int) -> np.ndarray:
        """Return the communities at resolution number ``which`` for ``n_seeds`` seeds, the own one first."""
        others = [_leiden(self.network, self.resolutions[which], self.seed + draw) for draw in range(1, n_seeds)]
        return np.array([self.codes[which], *others])


@dataclass(frozen=True)
class Match:
    """Agreement of clusters with labels at the resolution that is best by NMI.

    ``nmi`` and ``ari`` are means over seeds, ``nmi_spread`` and ``ari_spread`` the largest minus the smallest.
    """

    nmi: float
    ari: float
    resolution: float
    nmi_spread: float
    ari_spread: float


def leiden_clusterings(space: Space, resolutions: tuple[float, ...] = RESOLUTIONS, seed: int = 0) -> Clusterings:
    """Cluster the cells by Leiden at every resolution.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or its neighbours (at least 14 others of every cell).
    resolutions
        Of the modularity, each above 0.
    seed
        Of all randomness.

    References
    ----------
    Traag, Waltman, van Eck 2019, doi:10.1038/s41598-019-41695-z. Fuzzy neighbour weights: arXiv:1802.03426.
    """
    from topocraft.topology.graph import as_network, connectivities

    return cluster_network(as_network(connectivities(as_neighbors(space, NEIGHBORS, seed))), resolutions, seed)


def cluster_network(network: igraph.Graph, resolutions: tuple[float, ...] = RESOLUTIONS, seed: int = 0) -> Clusterings:
    """Cluster a weighted graph of cells, as it is, by Leiden at every resolution."""
    codes = np.array([_leiden(network, resolution, seed) for resolution in resolutions])
    return Clusterings(network, resolutions, codes, seed)


def match_labels(clusterings: Clusterings, labels: np.ndarray, n_seeds: int = SEEDS) -> Match:
    """Compare every clustering with the labels; at the best resolution by NMI, once more with other seeds.

    Raises
    ------
    UndefinedScore
        There is one label only.
    """
    codes = _several_labels(labels, clusterings.codes.shape[1])
    best = int(np.argmax([agreement(codes, found)[0] for found in clusterings.codes]))
    scores = np.array([agreement(codes, found) for found in clusterings.with_other_seeds(best, n_seeds)])
    nmi, ari = scores.mean(axis=0).tolist()
    nmi_spread, ari_spread = np.ptp(scores, axis=0).tolist()
    return Match(nmi, ari, clusterings.resolutions[best], nmi_spread, ari_spread)


def agreement(codes: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Return NMI (arithmetic mean of the entropies) and ARI of two groupings."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return float(normalized_mutual_info_score(codes, clusters)), float(adjusted_rand_score(codes, clusters))


def nmi(space: Space, labels: np.ndarray, seed: int = 0) -> float:
    """Return the normalised mutual information of Leiden clusters and labels, at the best of ten resolutions.

    NMI = 2 I(clusters, labels) / (H(clusters) + H(labels)); resolutions 0.2, 0.4 … 2.0, three seeds each, averaged.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or its neighbours (at least 14 others of every cell).
    labels
        Cell type of every cell, (n_cells,), at least two different ones.
    seed
        Of the clustering.

    Returns
    -------
    float
        0 … 1, higher is better.

    Raises
    ------
    InputError
        The arrays do not fit together.
    UndefinedScore
        There is one label only.

    Notes
    -----
    The resolution is chosen by the labels, so the score is an upper bound of what clustering without them finds, and
    small types hardly weigh. NMI grows with the number of clusters.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics import nmi
    >>> points = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([0, 50], 30)[:, None]
    >>> round(nmi(points, np.repeat(["a", "b"], 30)), 3)
    1.0
    """
    _several_labels(labels, n_cells_of(space))
    return match_labels(leiden_clusterings(space, seed=seed), labels).nmi


def ari(space: Space, labels: np.ndarray, seed: int = 0) -> float:
    """Return the adjusted Rand index of Leiden clusters and labels, at the resolution that is best by NMI.

    Parameters
    ----------
    space
        Embedding, (n_cells, d), or its neighbours (at least 14 others of every cell).
    labels
        Cell type of every cell, (n_cells,), at least two different ones.
    seed
        Of the clustering.

    Returns
    -------
    float
        −0.5 … 1, higher is better; 0 is chance.

    Raises
    ------
    InputError
        The arrays do not fit together.
    UndefinedScore
        There is one label only.

    Notes
    -----
    Pairs of cells of the largest types decide it: one large type that falls into its subtypes costs half the score.

    References
    ----------
    Hubert, Arabie 1985, doi:10.1007/BF01908075.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics import ari
    >>> points = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([0, 50], 30)[:, None]
    >>> round(ari(points, np.repeat(["a", "b"], 30)), 3)
    1.0
    """
    _several_labels(labels, n_cells_of(space))
    return match_labels(leiden_clusterings(space, seed=seed), labels).ari


def _several_labels(labels: np.ndarray, n_cells: int) -> np.ndarray:
    names, codes = codes_of(labels, n_cells, "labels")
    if len(names) < 2:
        raise UndefinedScore("All cells have one label, so that clusters have nothing to match.")
    return codes


def _leiden(network: igraph.Graph, resolution: float, seed: int) -> np.ndarray:
    from topocraft.topology.clusters import communities

    return communities(network, resolution, "leiden", seed, ITERATIONS)
