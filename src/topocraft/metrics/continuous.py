"""Is a continuous covariate, a pseudotime or an age, still readable from the neighbours? Arrays in, a number out."""

from __future__ import annotations

import numpy as np

from topocraft.errors import InputError, UndefinedScore, first_line, list_names
from topocraft.metrics.arrays import Space, as_neighbors, checked_embedding, codes_of, n_cells_of
from topocraft.topology.neighbors import NeighborGraph


def knn_r2(space: Space, covariate: np.ndarray, k: int = 15) -> float:
    """Return how well a cell's nearest others predict its covariate: R² of leave-one-out kNN regression.

    1 − Σ (y − ŷ)² / Σ (y − ȳ)², with ŷ the mean covariate of the k nearest others.

    Parameters
    ----------
    space
        The embedding, (n_cells, d), finite, or a neighbour graph with at least ``k`` neighbours.
    covariate
        Number of every cell, (n_cells,), finite: leave cells without one out beforehand.
    k
        Neighbours of a cell, itself not counted.

    Returns
    -------
    float
        At most 1; higher is better, about 0 by chance, below 0 where the mean of all cells predicts better.

    Raises
    ------
    InputError
        The arrays are not usable, or ``k`` is below 1 or above what the graph holds.
    UndefinedScore
        The covariate is the same in all cells.

    Notes
    -----
    A covariate that differs between batches is predicted well where batches stay apart: read it beside
    :func:`cross_batch_r2`.

    References
    ----------
    Kernel and nearest-neighbour regression: Altman 1992, doi:10.1080/00031305.1992.10475879.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.continuous import knn_r2
    >>> knn_r2(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([5.0, 5.0, 8.0, 8.0]), k=1)
    1.0
    """
    space, values = _checked(space, covariate)
    _, spread = _centre_and_spread(values)
    return 1 - float(np.square(_errors(space, values, k)).mean()) / spread


def knn_error(space: Space, covariate: np.ndarray, k: int = 15) -> float:
    """Return the root mean squared error of leave-one-out kNN regression, in the covariate's own unit.

    sqrt(mean (y − ŷ)²), with ŷ the mean covariate of the k nearest others.

    Parameters
    ----------
    space
        The embedding, (n_cells, d), finite, or a neighbour graph with at least ``k`` neighbours.
    covariate
        Number of every cell, (n_cells,), finite: leave cells without one out beforehand.
    k
        Neighbours of a cell, itself not counted.

    Returns
    -------
    float
        At least 0; lower is better. The covariate's standard deviation is about what chance gives.

    Raises
    ------
    InputError
        The arrays are not usable, or ``k`` is below 1 or above what the graph holds.
    UndefinedScore
        The covariate is the same in all cells.

    Notes
    -----
    Squared errors let the few cells at the ends of a covariate's range weigh most.

    References
    ----------
    Kernel and nearest-neighbour regression: Altman 1992, doi:10.1080/00031305.1992.10475879.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.continuous import knn_error
    >>> knn_error(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([4.0, 6.0, 8.0, 10.0]), k=1)
    2.0
    """
    space, values = _checked(space, covariate)
    _centre_and_spread(values)
    return float(np.sqrt(np.square(_errors(space, values, k)).mean()))


def cross_batch_r2(embedding: np.ndarray, covariate: np.ndarray, batch: np.ndarray, k: int = 15) -> float:
    """Return how well the nearest cells of *other* batches predict a cell's covariate, as R².

    1 − Σ (y − ŷ)² / Σ (y − ȳ)², with ŷ the mean covariate of the k nearest cells of other batches, found
    exactly.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite.
    covariate
        Number of every cell, (n_cells,), finite: leave cells without one out beforehand.
    batch
        Batch of every cell, (n_cells,).
    k
        Neighbours of a cell, or all cells of other batches where they are fewer.

    Returns
    -------
    float
        At most 1; higher is better, below 0 where the mean of all cells predicts better.

    Raises
    ------
    InputError
        The arrays are not usable, or ``k`` is below 1.
    UndefinedScore
        The covariate is the same in all cells, or there is one batch only.

    Notes
    -----
    Where the covariate goes with the batch, as an age does with its donor, no method can score high: compare
    methods, not data sets. Time grows with the square of the number of cells, memory linearly.

    References
    ----------
    Kernel and nearest-neighbour regression: Altman 1992, doi:10.1080/00031305.1992.10475879.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.continuous import cross_batch_r2
    >>> points, batch = np.array([[0.0], [9.0], [1.0], [10.0]]), np.array([1, 1, 2, 2])
    >>> cross_batch_r2(points, np.array([5.0, 8.0, 5.0, 8.0]), batch, k=1)
    1.0
    """
    if k < 1:
        raise InputError(f"k must be at least 1 neighbour; got {k!r}.")
    points = checked_embedding(embedding)
    values = _checked_covariate(covariate, len(points))
    names, codes = codes_of(batch, len(points), "batch")
    if len(names) == 1:
        raise UndefinedScore(f"Cells of other batches are needed; every cell is of batch '{names[0]}'.")
    centre, spread = _centre_and_spread(values)
    residuals = values - centre
    for code in range(len(names)):
        own = codes == code
        residuals[own] -= _predicted(points[~own], values[~own] - centre, points[own], k)
    return 1 - float(np.square(residuals).mean()) / spread


def _checked(space: Space, covariate: np.ndarray) -> tuple[Space, np.ndarray]:
    space = space if isinstance(space, NeighborGraph) else checked_embedding(space)
    return space, _checked_covariate(covariate, n_cells_of(space))


def _errors(space: Space, values: np.ndarray, k: int) -> np.ndarray:
    centred = values - values.mean()
    errors: np.ndarray = centred[as_neighbors(space, k).indices].mean(axis=1) - centred
    return errors


def _predicted(points: np.ndarray, values: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(k, len(points)), algorithm="brute").fit(points)
    nearest = search.kneighbors(wanted, return_distance=False)
    predicted: np.ndarray = values[nearest].mean(axis=1)
    return predicted


def _centre_and_spread(values: np.ndarray) -> tuple[float, float]:
    if values.min() == values.max():
        raise UndefinedScore(f"The covariate is {values[0]:g} in all cells, so there is nothing to predict.")
    return float(values.mean()), float(values.var())


def _checked_covariate(covariate: np.ndarray, n_cells: int) -> np.ndarray:
    try:
        values = np.asarray(covariate, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"covariate must be numbers; it is not: {first_line(error)}. Convert it first.") from error
    if values.shape != (n_cells,):
        raise InputError(f"covariate must have one number for each of {n_cells:,} cells; got shape {values.shape}.")
    missing = np.flatnonzero(~np.isfinite(values))
    if len(missing):
        raise InputError(
            f"covariate must be finite; {len(missing):,} of {n_cells:,} cells have none, in rows "
            f"{list_names(missing, 5)}. Leave those cells out."
        )
    return values
