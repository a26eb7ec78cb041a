"""Near one another is not yet the same: which batches have cells of the same kinds at a place."""

from __future__ import annotations

import numpy as np

ENOUGH = 0.2
"""Share of its kinds that a batch must have in common with the others at a place to be shifted there in full."""


def own_targets(means: np.ndarray, trust: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return where each batch is to lie at each place, (k, S, d), given its kinds there, (k, S, n_kinds)."""
    targets = np.empty_like(means)
    for code in range(found.shape[1]):
        counts = known_alike(found[:, [code]], found)
        counts[:, code] = 1.0
        counts *= trust[:, :, 0]
        total = np.maximum(counts.sum(axis=1), np.finfo(float).tiny)
        targets[:, code] = np.einsum("ks,ksd->kd", counts, means) / total[:, None]
    return targets


def known_alike(mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how far cells of some kinds, (…, n_kinds), have their like among others, (…, n_kinds): 0 to 1, (…,).

    The share of kinds that both have in common, Σ min(p, q), over ``ENOUGH``, and 1 from there on: 0 where no kind is
    in both.

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
