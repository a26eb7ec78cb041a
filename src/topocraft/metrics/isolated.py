"""Do the types that few batches share stay apart from the rest? Arrays in, a number out."""

from __future__ import annotations

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.arrays import Space, codes_of
from topocraft.metrics.clustering import Clusterings, leiden_clusterings
from topocraft.metrics.silhouette import checked_samples, silhouette_samples


def isolated_labels(batch: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the labels that are found in the fewest batches.

    Parameters
    ----------
    batch, labels
        Batch and type of every cell, (n_cells,).

    Returns
    -------
    ndarray
        The names, sorted; at least one.

    Raises
    ------
    InputError
        The lengths differ, or entries are missing.
    UndefinedScore
        Every label is in every batch, so that none is isolated.

    Notes
    -----
    scIB then calls every label isolated, and its score turns into the mean silhouette of all types; here it is
    undefined instead. One stray mislabelled cell is enough to put a type into one more batch.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.isolated import isolated_labels
    >>> isolated_labels(np.array([1, 1, 2, 2]), np.array(["t", "rare", "t", "t"])).tolist()
    ['rare']
    """
    names, types = codes_of(labels, np.size(labels), "labels")
    batch_names, batches = codes_of(batch, len(types), "batch")
    present = np.zeros((len(names), len(batch_names)), dtype=bool)
    present[types, batches] = True
    n_batches = present.sum(axis=1)
    if not len(names) or n_batches.min() == len(batch_names):
        raise UndefinedScore("No type is isolated: every type is in every batch.")
    isolated: np.ndarray = names[n_batches == n_batches.min()]
    return isolated


def isolated_label_asw(
    embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray, *, samples: np.ndarray | None = None
) -> float:
    """Return how well the isolated labels stand apart: the mean over them of the mean of (s + 1) / 2.

    s is the silhouette width of a cell among all cells and labels.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    batch, labels
        Batch and type of every cell, (n_cells,).
    samples
        The widths, where ``silhouette_samples(embedding, labels)`` has given them already, (n_cells,).

    Returns
    -------
    float
        In 0 … 1; higher is better.

    Raises
    ------
    InputError
        The arrays are not usable.
    UndefinedScore
        Every label is in every batch, there is one label only, or no label has two cells.

    Notes
    -----
    It often rests on one small type, whose only cell would score 0.5; where it is undefined it must stay out of
    a summary rather than count as 0.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.isolated import isolated_label_asw
    >>> points = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> round(isolated_label_asw(points, np.array([1, 2, 1, 1]), np.array(["t", "t", "rare", "rare"])), 3)
    0.944
    """
    isolated = isolated_labels(batch, labels)
    found = silhouette_samples(embedding, labels) if samples is None else checked_samples(samples, len(embedding))
    names, types = codes_of(labels, len(found), "labels")
    scores = [(found[types == code].mean() + 1) / 2 for code in np.searchsorted(names, isolated)]
    return float(np.mean(scores))


def isolated_label_f1(clusterings: Clusterings | Space, batch: np.ndarray, labels: np.ndarray) -> float:
    """Return how well a single cluster catches each isolated type: best F1 over clusters, averaged over types.

    Isolated types are those found in the fewest batches (``isolated_labels``); F1 = 2 |c ∩ t| / (|c| + |t|) for
    cluster c and type t, the best over all clusters at all ten resolutions.

    Parameters
    ----------
    clusterings
        Of the embedding, from ``leiden_clusterings``; or the embedding itself, (n_cells, d), or its neighbours.
    batch, labels
        Batch and cell type of every cell, (n_cells,).

    Returns
    -------
    float
        0 … 1, higher is better.

    Raises
    ------
    InputError
        The arrays do not fit together.
    UndefinedScore
        Every type is found in every batch: none is isolated.

    Notes
    -----
    The resolution is chosen by the labels, for each type by itself. With few isolated types the score hangs on them.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.isolated import isolated_label_f1
    >>> points = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([0, 50], 30)[:, None]
    >>> batch = np.where(np.arange(60) < 30, np.arange(60) % 2, 0)
    >>> isolated_label_f1(points, batch, np.repeat(["everywhere", "one batch"], 30))
    1.0
    """
    isolated = isolated_labels(batch, labels)
    if not isinstance(clusterings, Clusterings):
        clusterings = leiden_clusterings(clusterings)
    names, codes = codes_of(labels, clusterings.codes.shape[1], "labels")
    types = [int(np.flatnonzero(names == name)[0]) for name in isolated]
    best = np.max([_f1(codes, found)[types] for found in clusterings.codes], axis=0)
    return float(best.mean())


def _f1(codes: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Return the best F1 of any cluster, for every label."""
    shared = np.zeros((codes.max() + 1, clusters.max() + 1))
    np.add.at(shared, (codes, clusters), 1)
    sizes = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True)
    best: np.ndarray = (2 * shared / sizes).max(axis=1)
    return best
