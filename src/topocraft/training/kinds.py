"""Near one another is not yet the same: which batches have cells of the same kinds at a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ENOUGH = 0.2
"""Share of their kinds that two batches must have in common at a place to count in full for one another there."""


@dataclass(frozen=True, eq=False)
class Company:
    """What the batches of a fit had at each place.

    Parameters
    ----------
    weight
        How many cells, (k, S), float32.
    means
        Where they lay, (k, S, d), float32.
    kinds
        How many of each kind, (k, S, n_kinds), float32.
    """

    weight: np.ndarray
    means: np.ndarray
    kinds: np.ndarray

    def targets(self, mine: np.ndarray, prior: float) -> tuple[np.ndarray, np.ndarray]:
        """Return where cells of some kinds, (k, n_kinds), have their like, (k, d), and how far they have any, (k,).

        The mean of the batches, each weighed by N / (N + λ) and by how far it is alike; and how far that one is alike
        which is most so.
        """
        alike = known_alike(mine[:, None], self.kinds)
        counts = alike * self.weight / (self.weight + prior)
        total = np.maximum(counts.sum(axis=1), np.finfo(float).tiny)
        return np.einsum("ks,ksd->kd", counts, self.means) / total[:, None], alike.max(axis=1)


def own_targets(means: np.ndarray, trust: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return where each batch is to lie at each place, (k, S, d).

    The mean of the batches' ``means``, (k, S, d), itself one of them, each weighed by its ``trust``, (k, S), and each
    other one by how far its kinds, ``found`` (k, S, n_kinds), are those of the batch.
    """
    targets = np.empty_like(means)
    for code in range(found.shape[1]):
        counts = known_alike(found[:, [code]], found)
        counts[:, code] = 1.0
        counts *= trust
        total = np.maximum(counts.sum(axis=1), np.finfo(float).tiny)
        targets[:, code] = np.einsum("ks,ksd->kd", counts, means) / total[:, None]
    return targets


def known_alike(mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how far cells of some kinds, (…, n_kinds), have their like among others, (…, n_kinds): 0 to 1, (…,).

    With p and q the shares of each kind in the two, Σ min(p, q) / ``ENOUGH``, at most 1: 0 where no kind is in both.

    Examples
    --------
    >>> known_alike(np.array([[8.0, 2, 0], [0, 0, 5]]), np.array([[0.0, 1, 9], [3, 3, 0]])).round(2)
    array([0.5, 0. ])
    """
    shares = [
        np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
        for part in (mine, others)
        for whole in [part.sum(axis=-1, keepdims=True)]
    ]
    alike: np.ndarray = np.minimum(1.0, np.minimum(*shares).sum(axis=-1) / ENOUGH)
    return alike
