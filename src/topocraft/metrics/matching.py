"""Clusters of different batches that are the same population, as far as their genes tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy import sparse

ALIKE = 0.3
"""Correlation of mean profiles below which clusters are taken for different populations."""


class Clustered(Protocol):
    """A batch with clusters of its own: its cells, as indices, and the code of each, both (m,)."""

    @property
    def cells(self) -> np.ndarray:
        """Indices of the cells."""

    @property
    def clusters(self) -> np.ndarray:
        """Codes 0, 1, … of their clusters."""


def matched_clusters(expression: sparse.csr_matrix, own: Sequence[Clustered]) -> np.ndarray:
    """Return codes of clusters matched across batches, (n_cells,), the largest 0; −1 in batches without clusters.

    A cluster's profile is its mean expression less the mean of the cluster means of its batch, which takes out what
    the batch adds everywhere. Clusters of two batches that are each other's most correlated are joined; a cluster left
    alone joins its most correlated one, so that a population that one batch cuts in two stays one. A batch of a single
    cluster has no profile, and matches nothing.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> values = np.random.default_rng(0).normal(size=(160, 8)) + 9 * np.eye(8)[np.tile([0, 1], 80)]
    >>> own = [SimpleNamespace(cells=cells, clusters=cells % 2) for cells in np.split(np.arange(160), 2)]
    >>> matched_clusters(sparse.csr_matrix(values), own)[:4].tolist()
    [0, 1, 0, 1]
    """
    groups = np.full(expression.shape[0], -1, dtype=np.int64)
    profiles, owner = _profiles(expression, own)
    if not len(profiles):
        return groups
    joined = _components(_alike(profiles), owner)
    first = 0
    for one in own:
        groups[one.cells] = joined[first + one.clusters]
        first += int(one.clusters.max()) + 1
    sizes = np.bincount(groups[groups >= 0])
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    groups[groups >= 0] = rank[groups[groups >= 0]]
    return groups


def _profiles(expression: sparse.csr_matrix, own: Sequence[Clustered]) -> tuple[np.ndarray, np.ndarray]:
    profiles, owner = [], []
    for position, one in enumerate(own):
        n_clusters = int(one.clusters.max()) + 1
        member = sparse.csr_matrix((np.ones(len(one.cells)), (one.clusters, np.arange(len(one.cells)))))
        means = (member @ expression[one.cells]).toarray() / np.bincount(one.clusters)[:, None]
        profiles.append(means - means.mean(axis=0))
        owner += [position] * n_clusters
    return (np.vstack(profiles) if profiles else np.empty((0, 1))), np.array(owner, dtype=np.int64)


def _alike(profiles: np.ndarray) -> np.ndarray:
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred / np.where(lengths > 0, lengths, 1.0)
    alike: np.ndarray = unit @ unit.T
    return alike


def _components(alike: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Join best hits that are mutual, then lonely clusters to their best hit; return a code per cluster."""
    n_clusters = len(owner)
    best = np.full((n_clusters, owner.max() + 1), -1, dtype=np.int64)
    for other in range(owner.max() + 1):
        there = np.flatnonzero(owner == other)
        best[:, other] = there[alike[:, there].argmax(axis=1)]
    edges = np.zeros((n_clusters, n_clusters), dtype=bool)
    for cluster in range(n_clusters):
        for hit in best[cluster, np.arange(owner.max() + 1) != owner[cluster]]:
            mutual = best[hit, owner[cluster]] == cluster
            edges[cluster, hit] = mutual and alike[cluster, hit] >= ALIKE
    for lonely in np.flatnonzero(~(edges | edges.T).any(axis=1)):
        candidates = np.where(owner == owner[lonely], -np.inf, alike[lonely])
        edges[lonely, candidates.argmax()] = candidates.max() >= ALIKE
    codes: np.ndarray = sparse.csgraph.connected_components(sparse.csr_matrix(edges), directed=False)[1]
    return codes
