"""Neighbours weighted by distance, so that every cell counts as many of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from topocraft.errors import InputError
from topocraft.hardware import granted_cores
from topocraft.topology.neighbors import NeighborGraph

ROWS = 4096
STEPS = 60
NEWTON_STEPS = 15
TOLERANCE = 1e-5
LOWEST, HIGHEST = -20.0, 60.0  # of log beta, with distances in units of the farthest neighbour's
FARTHEST = 80.0  # exp(-80) is still a float32


def neighbor_weights(neighbors: NeighborGraph, perplexity: float | None = None) -> np.ndarray:
    """Weight each cell's neighbours by exp(−β d), with β such that exp(entropy of the weights) = perplexity.

    They depend on the distances only: compute them once, and pass them for every column of labels.

    Parameters
    ----------
    neighbors
        The k nearest others of every cell, nearest first, with their distances.
    perplexity
        The effective number of neighbours, at least 1. A third of the neighbours and the cell itself,
        ``max(1, (k + 1) // 3)``, if not given.

    Returns
    -------
    np.ndarray
        (n_cells, k), float32; every row adds up to 1.

    Raises
    ------
    InputError
        The perplexity is below 1, or there are no neighbours.

    Notes
    -----
    Where a perplexity cannot be reached the weights are those it comes closest to: equal over all neighbours
    if the perplexity is k or more; equal over those tied for the nearest if they are more than the perplexity,
    as among duplicated cells.

    References
    ----------
    Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0; the perplexity is that of t-SNE, van der Maaten and
    Hinton 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.perplexity import neighbor_weights
    >>> from topocraft.topology.neighbors import NeighborGraph
    >>> graph = NeighborGraph(np.array([[1, 2], [0, 2], [1, 0]]), np.array([[1.0, 1.0], [0.0, 9.0], [1.0, 2.0]]))
    >>> neighbor_weights(graph, perplexity=1).tolist()
    [[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]
    """
    n_cells, k = neighbors.distances.shape
    if k < 1:
        raise InputError("neighbors must hold at least 1 neighbour of every cell; got none.")
    wanted = max(1, (k + 1) // 3) if perplexity is None else perplexity
    if not wanted >= 1:
        raise InputError(f"perplexity must be at least 1 neighbour; got {perplexity!r}.")
    if wanted >= k:
        return np.full((n_cells, k), 1 / k, dtype=np.float32)
    weights = np.empty((n_cells, k), dtype=np.float32)

    def fill(start: int) -> None:
        block = np.asarray(neighbors.distances[start : start + ROWS], dtype=np.float32)
        weights[start : start + ROWS] = _weights_of(block - block.min(axis=1, keepdims=True), wanted)

    with ThreadPoolExecutor(granted_cores()) as threads:
        list(threads.map(fill, range(0, n_cells, ROWS)))
    return weights


def _weights_of(distances: np.ndarray, perplexity: float) -> np.ndarray:
    nearest = distances == 0
    n_nearest = nearest.sum(axis=1, keepdims=True)
    weights: np.ndarray = (nearest / n_nearest).astype(np.float32)
    rows = np.flatnonzero(n_nearest < perplexity)
    scaled = distances[rows] / distances[rows].max(axis=1, keepdims=True)
    weights[rows] = _solved(scaled, np.float32(np.log(perplexity)))
    return weights


def _solved(distances: np.ndarray, entropy: np.float32) -> np.ndarray:
    """Newton's steps on log beta, and bisection where they leave the bracket; rows that are done drop out."""
    found = np.empty_like(distances)
    rows = np.arange(len(distances))
    search = np.repeat(np.array([[1.0], [LOWEST], [HIGHEST]], dtype=np.float32), len(rows), axis=1)
    for step in range(STEPS):
        weights, reached, spread = _state(distances, search[0])
        excess = reached - entropy
        found[rows] = weights
        left = np.flatnonzero(np.abs(excess) >= TOLERANCE)
        if not len(left):
            break
        if len(left) < len(rows):
            rows, distances, search = rows[left], distances[left], search[:, left]
        search = _next(search, excess[left], spread[left], by_newton=step < NEWTON_STEPS)
    return found


def _next(search: np.ndarray, excess: np.ndarray, spread: np.ndarray, by_newton: bool) -> np.ndarray:
    """Return the next log beta to try, and the bracket around it, (3, rows)."""
    at, low, high = search
    low, high = np.where(excess > 0, at, low), np.where(excess > 0, high, at)
    newton = at + excess / np.maximum(spread, np.float32(1e-12))
    inside = (newton > low) & (newton < high) & by_newton
    return np.stack([np.where(inside, newton, (low + high) / 2), low, high])


def _state(distances: np.ndarray, log_beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights, and their entropy with its slope, −d entropy / d log beta."""
    energy = np.exp(log_beta)[:, None] * distances
    np.minimum(energy, np.float32(FARTHEST), out=energy)
    weights = np.exp(-energy)
    total = weights.sum(axis=1)
    weights /= total[:, None]
    mean = np.einsum("ij,ij->i", weights, energy)
    spread = np.einsum("ij,ij,ij->i", weights, energy, energy) - mean * mean
    return weights, np.log(total) + mean, spread
