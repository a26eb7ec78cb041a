"""LISI of the batch inside each cell type, so that mixing across types is not rewarded."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from topocraft.errors import InputError
from topocraft.metrics.arrays import Typed, as_types, codes_of
from topocraft.metrics.lisi import lisi
from topocraft.metrics.per_type import MixedType, mixed_types
from topocraft.metrics.perplexity import neighbor_weights

PERPLEXITY = 30
Best = Literal["batches", "expected"]


def lisi_per_type(
    space: Typed, batch: np.ndarray, labels: np.ndarray | None = None, *, normalised: Best = "batches"
) -> dict[str, float]:
    """Score, per cell type, how well its batches mix: (mean LISI − 1) / (best − 1) inside the type.

    Parameters
    ----------
    space
        Embedding, (n_cells, d); or the types with their neighbours among themselves, from
        ``neighbors_within_types``, which take the place of ``labels``.
    batch
        Batch of every cell, (n_cells,).
    labels
        Cell type of every cell, (n_cells,); only with an embedding.
    normalised
        What the best is: ``"batches"``, the number of batches that the type is found in; ``"expected"``, what
        random order of its cells would give (``expected_lisi``), with harmonic means in place of means.

    Returns
    -------
    dict
        From the name of each type of at least 10 cells in at least two batches to a number in 0 … 1; higher is
        better. Other types are left out.

    Raises
    ------
    InputError
        An array or a word is not usable.
    UndefinedScore
        There is no such type.

    Notes
    -----
    ``"batches"`` does not reach 1: two batches in random order score about 0.87 in equal shares and 0.47 at
    80 to 20, and less in types of under 100 cells. A
    perplexity of 30, over 89 neighbours, is that of LISI; types of fewer than 90 cells are judged at a sixth of
    their cells, at least 3. ``"expected"`` does, and is capped there, as chance alone may
    exceed it; harmonic means, since the expectation is exact for 1 / LISI. Where a type's cells differ between
    batches for biological reasons, both reward the removal of that.

    References
    ----------
    CiLISI: Andreatta et al. 2024, doi:10.1038/s41467-024-45240-z.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.arrays import neighbors_within_types
    >>> from topocraft.metrics.lisi_types import lisi_per_type
    >>> within = neighbors_within_types(np.array([[0.0], [99.0]]).repeat(50, axis=0), np.repeat("t", 100))
    >>> lisi_per_type(within, np.repeat(["a", "b"], 50))
    {'t': 0.0}
    """
    if normalised not in get_args(Best):
        raise InputError(f"normalised must be 'batches' or 'expected'; got {normalised!r}.")
    return {one.within.name: _score(one, normalised) for one in mixed_types(space, batch, labels)}


def _score(one: MixedType, normalised: Best) -> float:
    perplexity = _perplexity(one.n_cells)
    neighbors = one.within.neighbors.first(3 * perplexity - 1)
    weights = neighbor_weights(neighbors, perplexity)
    reached = lisi(neighbors, one.batch, k=neighbors.indices.shape[1], weights=weights)
    if normalised == "batches":
        return float((reached.mean() - 1) / (one.n_batches - 1))
    best = _harmonic_mean(expected_lisi(weights, one.batch))
    return min(1.0, (_harmonic_mean(reached) - 1) / (best - 1))


def _perplexity(n_cells: int) -> int:
    """Return 30, or for types of fewer than 90 cells a sixth of them, so that half the type is looked at, not all."""
    return PERPLEXITY if n_cells >= 3 * PERPLEXITY else max(3, n_cells // 6)


def _harmonic_mean(values: np.ndarray) -> float:
    return float(1 / (1 / values).mean())


def expected_lisi(weights: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Return, per cell, the LISI to expect if the batches of all cells were dealt out at random.

    1 / E[Σ_b s_b²] with E[Σ_b s_b²] = q + (1 − q) Σ_j w_j², where q = Σ_b m_b (m_b − 1) / (m (m − 1)) is the
    chance that two cells are of the same batch. The expectation is exact; its inverse is a little below the
    expected LISI. For many cells and neighbours it tends to 1 / Σ_b π_b².

    Parameters
    ----------
    weights
        Of every cell's neighbours, itself left out, (n_cells, k), rows adding up to 1.
    batch
        Batch of every cell, (n_cells,).

    Returns
    -------
    np.ndarray
        (n_cells,), from 1 to the number of batches.

    Raises
    ------
    InputError
        The lengths differ, or batches are missing.

    Notes
    -----
    All cells are exchanged with all others: compute it inside one type, where that is what mixing means.

    References
    ----------
    Simpson 1949, doi:10.1038/163688a0, for q.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.lisi_types import expected_lisi
    >>> expected_lisi(np.full((4, 2), 0.5), np.array(["a", "a", "b", "b"])).round(2)
    array([1.5, 1.5, 1.5, 1.5])
    """
    names, codes = codes_of(batch, len(weights), "batch")
    sizes = np.bincount(codes, minlength=len(names)).astype(float)
    same = (sizes * (sizes - 1)).sum() / (len(codes) * (len(codes) - 1))
    expected: np.ndarray = 1 / (same + (1 - same) * np.square(weights, dtype=np.float64).sum(axis=1))
    return expected


def cilisi(space: Typed, batch: np.ndarray, labels: np.ndarray | None = None, *, normalised: Best = "batches") -> float:
    """Score how well batches mix inside the cell types, every type counting alike: the mean of ``lisi_per_type``.

    Parameters
    ----------
    space, batch, labels, normalised
        As in ``lisi_per_type``.

    Returns
    -------
    float
        0 … 1; higher is better.

    Raises
    ------
    InputError, UndefinedScore
        As in ``lisi_per_type``.

    Notes
    -----
    This is the mean of type means, ``CiLISI_means`` of the authors' package scIntegrationMetrics; what that
    calls ``CiLISI``, the mean over all cells, is ``blisi`` here. Theirs takes as many neighbours as its
    perplexity (30), which leaves them nearly equal weights; ours are 89 at perplexity 30, as in LISI itself. A
    type of ten cells counts as much as one of thousands.

    References
    ----------
    Andreatta et al. 2024, doi:10.1038/s41467-024-45240-z.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.lisi_types import cilisi
    >>> points, labels = np.arange(60.0)[:, None], np.repeat(["t", "u"], 30)
    >>> round(cilisi(points, np.tile(["a", "b"], 30), labels), 1)
    0.6
    """
    return float(np.mean(list(lisi_per_type(space, batch, labels, normalised=normalised).values())))


def blisi(space: Typed, batch: np.ndarray, labels: np.ndarray | None = None, *, normalised: Best = "batches") -> float:
    """Score how well batches mix inside the cell types, every cell counting alike: ``lisi_per_type`` by type size.

    Parameters
    ----------
    space, batch, labels, normalised
        As in ``lisi_per_type``.

    Returns
    -------
    float
        0 … 1; higher is better.

    Raises
    ------
    InputError, UndefinedScore
        As in ``lisi_per_type``.

    Notes
    -----
    Rare types hardly count: see ``cilisi``, where they do.

    References
    ----------
    ``CiLISI`` of Andreatta et al. 2024, doi:10.1038/s41467-024-45240-z, is the same mean over cells.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.lisi_types import blisi
    >>> points = np.concatenate([np.arange(30.0), [200.0] * 5, [300.0] * 5])[:, None]
    >>> batch = np.concatenate([np.tile(["a", "b"], 15), np.repeat(["a", "b"], 5)])
    >>> round(blisi(points, batch, np.repeat(["t", "u"], [30, 10])), 2)
    0.46
    """
    within = as_types(space, labels)
    scores = lisi_per_type(within, batch, normalised=normalised)
    sizes = {one.name: len(one.cells) for one in within}
    return float(np.average(list(scores.values()), weights=[sizes[name] for name in scores]))
