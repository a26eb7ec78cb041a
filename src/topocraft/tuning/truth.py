"""The true composite, for the table alone: it chooses nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from topocraft.metrics.searched import Reference
from topocraft.metrics.suite import score_embedding
from topocraft.topology.components import principal_components

COMPONENTS = 50
SUMMARY = ("composite", "bio", "batch")


@dataclass(frozen=True, eq=False)
class Truth:
    """The cells with a type, ``known`` of all (n_cells,), and what their embeddings are held against."""

    known: np.ndarray
    reference: Reference


def make_truth(expression: sparse.csr_matrix, batch: np.ndarray, labels: np.ndarray, seed: int = 0) -> Truth:
    """Return what true scores need; ``labels`` holds ``None`` for cells without a type, (n_cells,)."""
    known = np.array([label is not None for label in labels])
    nothing = np.full(int(known.sum()), -1, dtype=np.int64)
    before = principal_components(expression[known], COMPONENTS)
    types = labels[known].astype(str)
    return Truth(known, Reference(batch[known], types, before=before, within_batch=nothing, seed=seed))


def true_scores(embedding: np.ndarray, truth: Truth) -> dict[str, float]:
    """Return composite, bio-conservation and batch mixing of an embedding, (n_cells, d), as ``evaluate`` has them.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(80, 3)) + np.repeat([0, 50], 40)[:, None]
    >>> types = np.repeat(np.array(["a", "b"], dtype=object), 40)
    >>> truth = make_truth(sparse.csr_matrix(points), np.tile([0, 1], 40), types)
    >>> sorted(true_scores(points, truth))
    ['batch', 'bio', 'composite']
    """
    found = {one.name: one.value for one in score_embedding(embedding[truth.known], truth.reference) if not one.part}
    return {name: found[name] for name in SUMMARY}
