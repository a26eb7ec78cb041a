"""Do the types stand apart, and the batches inside a type not? Arrays in, silhouette widths out."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from topocraft.errors import InputError, UndefinedScore, list_names
from topocraft.metrics.arrays import checked_embedding, codes_of
from topocraft.metrics.silhouette_blocks import unit_rows, widths

Metric = Literal["euclidean", "cosine"]
Between = Literal["nearest", "mean_other"]


def silhouette_samples(
    embedding: np.ndarray, labels: np.ndarray, *, metric: Metric = "euclidean", between: Between = "nearest"
) -> np.ndarray:
    """Return the silhouette width of every cell, exact.

    s = (b − a) / max(a, b), with a the mean distance to the other cells of the own label and b the distance to
    the other labels: ``"nearest"``, the smallest of their mean distances; ``"mean_other"``, the mean over all of
    their cells. s = 0 for the only cell of a label, and where a = b = 0.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    labels
        Label of every cell, (n_cells,).
    metric
        ``"euclidean"`` or ``"cosine"``, 1 − the cosine.
    between
        ``"nearest"``, the silhouette proper, or ``"mean_other"``.

    Returns
    -------
    ndarray
        (n_cells,), float64, in −1 … 1; higher where a cell sits deeper within its own label.

    Raises
    ------
    InputError
        The embedding or the labels are not usable, or an option is unknown.
    UndefinedScore
        There is one label only, no label has two cells, or the cosine is asked of a cell at the origin.

    Notes
    -----
    Time grows with the square of the number of cells, memory linearly; compact round groups are rewarded.

    References
    ----------
    Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.silhouette import silhouette_samples
    >>> silhouette_samples(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array(["a", "a", "b", "b"])).round(3)
    array([0.778, 0.714, 0.714, 0.778])
    """
    _require_known("metric", metric, get_args(Metric))
    _require_known("between", between, get_args(Between))
    points = checked_embedding(embedding)
    names, codes = codes_of(labels, len(points), "labels")
    if len(names) == 1:
        raise UndefinedScore(f"The silhouette needs two labels; every cell is '{names[0]}'.")
    if len(names) == len(points):
        raise UndefinedScore("The silhouette needs a label of at least two cells; every cell has a label of its own.")
    # On the unit sphere half the squared distance is 1 − the cosine, and the half cancels from the width.
    points = unit_rows(points) if metric == "cosine" else points
    return widths(points, codes, root=metric == "euclidean", nearest=between == "nearest")


def asw_label(embedding: np.ndarray, labels: np.ndarray, *, samples: np.ndarray | None = None) -> float:
    """Return the average silhouette width of the labels, from 0 to 1: (mean s + 1) / 2.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    labels
        Label, such as the cell type, of every cell, (n_cells,).
    samples
        The widths, where :func:`silhouette_samples` has given them already, (n_cells,).

    Returns
    -------
    float
        In 0 … 1; higher is better, 0.5 where the labels overlap.

    Raises
    ------
    InputError
        The arrays are not usable.
    UndefinedScore
        There is one label only, or no label has two cells.

    Notes
    -----
    It rewards compact round types, which real types seldom are, and weighs a type by its size: low weight in
    any summary.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; the weakness: Rautenstrauch and Ohler 2025,
    doi:10.1038/s41587-025-02743-4.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.silhouette import asw_label
    >>> round(asw_label(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array(["a", "a", "b", "b"])), 3)
    0.873
    """
    found = silhouette_samples(embedding, labels) if samples is None else checked_samples(samples, len(embedding))
    return float((found.mean() + 1) / 2)


def asw_batch(embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> float:
    """Return how little the batches stand apart inside each type, by the silhouette.

    The mean over types of the mean of 1 − |s|, with s the width of a cell's batch among the cells of its type.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    batch, labels
        Batch and type of every cell, (n_cells,).

    Returns
    -------
    float
        In 0 … 1; higher is better. Types in one batch, or with as many batches as cells, are left out.

    Raises
    ------
    InputError
        The arrays are not usable.
    UndefinedScore
        No type is left.

    Notes
    -----
    Only the nearest batch counts: once some batches overlap in pairs, it no longer sees that the pairs stand
    apart. Prefer :func:`bras`. The only cell of a batch in its type counts as mixed.

    References
    ----------
    Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; the weakness: Rautenstrauch and Ohler 2025,
    doi:10.1038/s41587-025-02743-4.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.silhouette import asw_batch
    >>> points = np.array([[0.0], [1.0], [0.0], [1.0]])
    >>> asw_batch(points, np.array([1, 1, 2, 2]), np.array(["t"] * 4))
    0.5
    """
    return _mean_mixing(embedding, batch, labels, "euclidean", "nearest")


def bras(embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray) -> float:
    """Return the batch removal adapted silhouette: a cell's batch against *all* others of its type.

    As :func:`asw_batch`, with the cosine distance and, on the other side, the mean over all cells of the other
    batches in place of the nearest batch.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    batch, labels
        Batch and type of every cell, (n_cells,).

    Returns
    -------
    float
        In 0 … 1; higher is better. Types in one batch, or with as many batches as cells, are left out.

    Raises
    ------
    InputError
        The arrays are not usable.
    UndefinedScore
        No type is left, or a cell that counts lies at the origin, where the cosine has no value.

    Notes
    -----
    Angles are taken at the origin: moving the whole embedding changes the score. Of the other batches the large
    ones count most, and the only cell of a batch in its type counts as mixed.

    References
    ----------
    Rautenstrauch and Ohler 2025, doi:10.1038/s41587-025-02743-4.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.silhouette import bras
    >>> points = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> bras(points, np.array([1, 1, 2, 2]), np.array(["t"] * 4))
    0.5
    """
    return _mean_mixing(embedding, batch, labels, "cosine", "mean_other")


def checked_samples(samples: np.ndarray, n_cells: int) -> np.ndarray:
    """Return silhouette widths handed in by the caller, one per cell, or raise ``InputError``."""
    found = np.asarray(samples, dtype=float)
    if found.shape != (n_cells,) or not (np.abs(found) <= 1).all():
        raise InputError(
            f"samples must be the silhouette width, −1 … 1, of each of {n_cells:,} cells; got shape {found.shape}. "
            "Take them from silhouette_samples, for the same cells."
        )
    return found


def _mean_mixing(
    embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray, metric: Metric, between: Between
) -> float:
    points = checked_embedding(embedding)
    _, batches = codes_of(batch, len(points), "batch")
    names, types = codes_of(labels, len(points), "labels")
    mixing = []
    for code in range(len(names)):
        members = np.flatnonzero(types == code)
        if 1 < len(np.unique(batches[members])) < len(members):
            found = silhouette_samples(points[members], batches[members], metric=metric, between=between)
            mixing.append(1 - np.abs(found).mean())
    if not mixing:
        raise UndefinedScore("No type lies in several batches with at least two cells in one of them.")
    return float(np.mean(mixing))


def _require_known(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} must be one of {list_names(allowed)}; got '{value}'.")
