"""What every metric asks of its arrays, and the neighbour searches that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topocraft.errors import InputError, first_line, list_names
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors

Space = np.ndarray | NeighborGraph
LARGEST = 1e15
"""Of coordinates: the squares of larger ones leave single precision, and with them distances."""


def checked_embedding(embedding: np.ndarray, name: str = "embedding") -> np.ndarray:
    """Return an embedding as float32, (n_cells, d), C-ordered.

    Raises
    ------
    InputError
        It is not a matrix of at least two cells and one dimension, holds NaN or infinity, or numbers beyond ±1e15.
    """
    points = _as_numbers(embedding, name)
    if points.ndim != 2 or points.shape[0] < 2 or points.shape[1] < 1:
        raise InputError(
            f"{name} must be cells × dimensions, with at least two cells and one dimension; got shape {points.shape}."
        )
    broken = np.flatnonzero(~(np.abs(points) <= LARGEST).all(axis=1))
    if len(broken):
        held = "more" if np.isfinite(points).all() else "NaN or infinity"
        raise InputError(
            f"{name} must be finite, within ±{LARGEST:g}; {len(broken):,} of {len(points):,} cells hold {held}, in "
            f"rows {list_names(broken, 5)}. Leave those cells out, or {'rescale' if held == 'more' else 'repair'} them."
        )
    return points


def _as_numbers(embedding: np.ndarray, name: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(embedding, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} must be a dense matrix of numbers, cells × dimensions; got {type(embedding).__name__}: "
            f"{first_line(error)}. Convert it: np.asarray(…, dtype='float32')."
        ) from error


def codes_of(values: np.ndarray, n_cells: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted distinct values of a column, (m,), and the code 0 … m−1 of every cell, (n_cells,), int64.

    Raises
    ------
    InputError
        The column does not have one entry per cell, or entries are missing (``None`` or NaN).
    """
    column = np.asarray(values)
    if column.shape != (n_cells,):
        raise InputError(f"{name} must have one entry for each of {n_cells:,} cells; got shape {column.shape}.")
    missing = np.flatnonzero([value is None or value != value for value in column.tolist()])
    if len(missing):
        raise InputError(
            f"{name} must be set for every cell; {len(missing):,} have none, in rows {list_names(missing, 5)}. "
            "Leave those cells out."
        )
    names, codes = np.unique(column.astype(str) if column.dtype == object else column, return_inverse=True)
    return names, codes.astype(np.int64)


def n_cells_of(space: Space) -> int:
    """Return the number of cells behind an embedding or a neighbour graph."""
    return len(space.indices) if isinstance(space, NeighborGraph) else len(space)


def as_neighbors(space: Space, k: int, seed: int = 0) -> NeighborGraph:
    """Return the ``k`` nearest others of every cell: searched in an embedding, or the first ``k`` of a graph.

    All other cells where there are no more than ``k``.

    Raises
    ------
    InputError
        ``k`` is below 1, the embedding is not usable, or a given graph has fewer than ``k`` neighbours.
    """
    if k < 1:
        raise InputError(f"k must be at least 1 neighbour; got {k!r}.")
    k = min(k, n_cells_of(space) - 1)
    if not isinstance(space, NeighborGraph):
        return nearest_neighbors(checked_embedding(space), k, seed)
    if space.indices.shape[1] < k:
        raise InputError(f"The neighbour graph must hold at least {k} neighbours; it holds {space.indices.shape[1]}.")
    return space.first(k)


@dataclass(frozen=True, eq=False)
class TypeNeighbors:
    """One cell type: its cells, (m,), positions in the embedding; and their neighbours among themselves.

    The graph's indices count within the type, 0 … m−1.
    """

    name: str
    cells: np.ndarray
    neighbors: NeighborGraph


def neighbors_within_types(
    embedding: np.ndarray, labels: np.ndarray, k: int = 90, seed: int = 0
) -> tuple[TypeNeighbors, ...]:
    """Search the ``k`` nearest others of every cell inside its own type (all there are, if fewer).

    Types of a single cell have no neighbours: a graph of shape (1, 0). Types come in sorted order.
    """
    points = checked_embedding(embedding)
    names, codes = codes_of(labels, len(points), "labels")
    return tuple(_one_type(str(name), points, codes == code, k, seed) for code, name in enumerate(names))


def _one_type(name: str, points: np.ndarray, members: np.ndarray, k: int, seed: int) -> TypeNeighbors:
    cells = np.flatnonzero(members)
    if len(cells) == 1:
        return TypeNeighbors(name, cells, NeighborGraph(np.empty((1, 0), np.int64), np.empty((1, 0), np.float32)))
    return TypeNeighbors(name, cells, as_neighbors(points[cells], k, seed))


Typed = np.ndarray | tuple[TypeNeighbors, ...]


def as_types(space: Typed, labels: np.ndarray | None) -> tuple[TypeNeighbors, ...]:
    """Return the neighbours within types: searched in an embedding with its labels, or given already.

    Raises
    ------
    InputError
        An embedding comes without labels, or neighbours within types with them.
    """
    if isinstance(space, tuple):
        if labels is not None:
            raise InputError("labels must be left out where neighbours within types are given; they hold them already.")
        return space
    if labels is None:
        raise InputError("labels must be given with an embedding: the cell type of every cell.")
    return neighbors_within_types(space, labels)
