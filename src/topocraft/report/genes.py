"""The genes that tell the groups of cells apart, to colour the map by."""

from __future__ import annotations

import numpy as np
from scipy import sparse

PER_GROUP, MOST = 2, 20


def top_genes(values: sparse.csr_matrix, groups: np.ndarray, most: int = MOST) -> list[int]:
    """Return the columns of the genes that stand out most in each group, the largest group's first.

    A gene stands out by its mean in the group minus its mean elsewhere, in standard deviations over all cells. Each
    group in turn gives its best gene, then each its second best, until ``most`` are found.

    Parameters
    ----------
    values
        Log-normalised values, (n_cells, n_genes).
    groups
        Group of every cell, ``None`` where it has none, (n_cells,).
    most
        How many genes at most, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from topocraft.report.genes import top_genes
    >>> values = sparse.csr_matrix(np.array([[5.0, 0, 1], [5, 0, 1], [0, 3, 1], [0, 4, 1]]))
    >>> top_genes(values, np.array(["a", "a", "b", "b"]), most=2)
    [0, 1]
    """
    known = np.array([group is not None for group in groups])
    names, codes, sizes = np.unique(groups[known].astype(str), return_inverse=True, return_counts=True)
    if len(names) < 2:
        return []
    scores = _standing_out(values[known], codes, sizes)
    order = np.argsort(-sizes, kind="stable")
    ranked = np.argsort(-scores[order], axis=1, kind="stable")[:, :PER_GROUP]
    found = [int(gene) for place in ranked.T for group, gene in enumerate(place) if scores[order[group], gene] > 0]
    return list(dict.fromkeys(found))[:most]


def _standing_out(values: sparse.csr_matrix, codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return groups × genes: how far a group's mean stands above the mean of all others."""
    member = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    sums = (member @ values).toarray()
    total, squares = sums.sum(axis=0), np.asarray(values.power(2).sum(axis=0)).ravel()
    n_cells = len(codes)
    spread = np.sqrt(np.maximum(squares / n_cells - (total / n_cells) ** 2, 0))
    above = sums / sizes[:, None] - (total - sums) / (n_cells - sizes)[:, None]
    scores: np.ndarray = np.divide(above, spread, out=np.zeros_like(above), where=spread > 0)
    return scores
