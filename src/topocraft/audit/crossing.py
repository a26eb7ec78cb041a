"""Whether levels of a condition meet inside batches: only there can they be told from batch effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from topocraft.audit.records import Verdict
from topocraft.errors import list_names

FEWEST_TO_MEET = 10
"""Cells that a batch needs of a level to hold it; the batch with the most of them holds it in any case."""


def crossing(cells: pd.DataFrame) -> tuple[Verdict, str]:
    """Return whether levels can be told from batch effects, and why.

    Two levels meet where a batch holds both, and through others that they meet. "ok" where all meet; "bad" where one
    meets none and is in a single batch; else "warning".

    Parameters
    ----------
    cells
        How many, levels × batches.

    Examples
    --------
    >>> inside = pd.DataFrame([[50, 40], [50, 60]], ["sick", "well"], ["x", "y"])
    >>> crossing(inside)
    ('ok', 'it varies inside batches, so that integration need not touch it')
    >>> crossing(pd.DataFrame([[50, 0], [0, 60]], ["sick", "well"], ["x", "y"]))[0]
    'bad'
    """
    counts = cells.to_numpy()
    held = counts >= np.minimum(FEWEST_TO_MEET, counts.max(axis=1, keepdims=True))
    meeting = _meeting(held)
    if meeting.max() == 0:
        return "ok", "it varies inside batches, so that integration need not touch it"
    alone = (np.bincount(meeting)[meeting] == 1) & (held.sum(axis=1) == 1)
    if alone.any():
        names = list_names(cells.index[alone].astype(str))
        return "bad", (
            f"{names} {'is' if alone.sum() == 1 else 'are'} found in one batch only, beside no other level, so that no "
            "method can tell what it does from what the batch does"
        )
    apart = " | ".join(list_names(cells.index[meeting == group].astype(str)) for group in range(meeting.max() + 1))
    return "warning", f"no batch holds levels of two groups, {apart}: only averages over batches can tell these apart"


def _meeting(held: np.ndarray) -> np.ndarray:
    """Return the group of every level, (n_levels,): levels of one group meet."""
    n_levels = len(held)
    links = sparse.csr_matrix(held)
    graph = sparse.bmat([[None, links], [links.T, None]])
    return np.unique(connected_components(graph, directed=False)[1][:n_levels], return_inverse=True)[1]
