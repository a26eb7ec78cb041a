"""Silhouette widths in blocks that fit the processor's cache: no matrix of distances is ever whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.hardware import granted_cores

# OpenBLAS gives a product of at most this many multiplications to the calling thread alone. Larger ones start its
# own threads, which then wait for one another when several of ours multiply at a time.
PRODUCT_ON_ONE_THREAD = 2**18
ROW_STACK, COLUMN_STACK = 4, 8


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells sorted by label, and what the blocks share.

    ``columns`` holds the points once more, as a stack of tiles, (n_tiles, d, tile), the last one filled up with
    zeros; ``codes`` are the labels of those, the filling with a label of its own.
    """

    points: np.ndarray
    columns: np.ndarray
    codes: np.ndarray
    sizes: np.ndarray
    root: bool
    nearest: bool


def widths(points: np.ndarray, codes: np.ndarray, *, root: bool, nearest: bool) -> np.ndarray:
    """Return the silhouette width of every cell, (n_cells,), in the order of ``points``, float64.

    Parameters
    ----------
    points
        Finite coordinates, (n_cells, d), float32.
    codes
        Label of every cell, 0 … m−1, each of them used, m at least 2.
    root
        Whether the distance is Euclidean; otherwise it is the square of that.
    nearest
        Whether the other side is the label with the smallest mean distance; otherwise it is every cell of any
        other label alike.
    """
    order = np.argsort(codes, kind="stable")
    cells = _sorted_cells(points[order], codes[order], root, nearest)
    found = np.zeros(len(points))
    with ThreadPoolExecutor(granted_cores()) as pool:
        parts = pool.map(lambda block: _widths_of_block(cells, *block), blocks := list(_row_blocks(cells)))
        for (start, stop, _), part in zip(blocks, parts, strict=True):
            found[order[start:stop]] = part
    return found


def _sorted_cells(points: np.ndarray, codes: np.ndarray, root: bool, nearest: bool) -> _Cells:
    sizes = np.bincount(codes)
    tile = max(1, min(len(points), math.isqrt(PRODUCT_ON_ONE_THREAD // (points.shape[1] + 2))))
    padding = -len(points) % tile
    tiles = np.pad(points, ((0, padding), (0, 0))).reshape(-1, tile, points.shape[1]).swapaxes(1, 2)
    codes = np.pad(codes, (0, padding), constant_values=len(sizes))
    return _Cells(points, np.ascontiguousarray(tiles), codes, sizes, root, nearest)


def _row_blocks(cells: _Cells) -> Iterator[tuple[int, int, int]]:
    """Yield first row, end and label of blocks of rows that hold one label each; lone cells keep the width 0."""
    start = 0
    for label, size in enumerate(cells.sizes.tolist()):
        step = ROW_STACK * cells.columns.shape[2]
        if size > 1:
            yield from ((row, min(row + step, start + size), label) for row in range(start, start + size, step))
        start += size


def _widths_of_block(cells: _Cells, start: int, stop: int, label: int) -> np.ndarray:
    sums = _summed_distances(cells, start, stop)
    within = sums[:, label] / (cells.sizes[label] - 1)
    if cells.nearest:
        means = sums / cells.sizes
        means[:, label] = np.inf
        between = means.min(axis=1)
    else:
        sums[:, label] = 0
        between = sums.sum(axis=1) / (cells.sizes.sum() - cells.sizes[label])
    larger: np.ndarray = np.maximum(within, between)
    found = np.zeros_like(larger)
    np.divide(between - within, larger, out=found, where=larger > 0)
    return found


def _summed_distances(cells: _Cells, start: int, stop: int) -> np.ndarray:
    """Return the summed distances of some cells to every label, (n_rows, n_labels), float64.

    Distances come from |a|² + |b|² − 2ab, counted from the middle of the rows: these share a label, so that what
    the difference loses to rounding stays below their own spread, however far apart the labels lie.
    """
    rows = cells.points[start:stop]
    middle = rows.mean(axis=0)
    tile = cells.columns.shape[2]
    left = _left_factors(rows - middle, tile)
    sums = np.zeros((len(rows), len(cells.sizes) + 1))
    for number in range(0, len(cells.columns), COLUMN_STACK):
        columns = cells.columns[number : number + COLUMN_STACK]
        first, last = number * tile, (number + len(columns)) * tile
        distances = _products(left, _right_factors(columns - middle[:, None]))[: len(rows)]
        np.maximum(distances, 0, out=distances)
        if cells.root:
            np.sqrt(distances, out=distances)
        own = np.arange(max(start, first), min(stop, last))
        distances[own - start, own - first] = 0
        codes = cells.codes[first:last]
        label_starts = np.flatnonzero(np.diff(codes, prepend=-1))
        sums[:, codes[0] : codes[-1] + 1] += np.add.reduceat(distances, label_starts, axis=1)
    of_labels: np.ndarray = sums[:, :-1]
    return of_labels


def _left_factors(rows: np.ndarray, tile: int) -> np.ndarray:
    """Return −2a, |a|² and 1 of every row, as a stack of equal tiles: (n_tiles, 1, height, d + 2)."""
    n_rows, d = rows.shape
    n_tiles = -(-n_rows // tile)
    height = -(-n_rows // n_tiles)
    factors = np.zeros((n_tiles * height, d + 2), np.float32)
    np.multiply(rows, -2, out=factors[:n_rows, :d])
    factors[:n_rows, d] = np.einsum("ij,ij->i", rows, rows)
    factors[:n_rows, d + 1] = 1
    return factors.reshape(n_tiles, 1, height, d + 2)


def _right_factors(columns: np.ndarray) -> np.ndarray:
    """Return b, 1 and |b|² of every column, as a stack of tiles: (1, n_tiles, d + 2, tile)."""
    n_tiles, d, tile = columns.shape
    factors = np.empty((1, n_tiles, d + 2, tile), np.float32)
    factors[0, :, :d] = columns
    factors[0, :, d] = 1
    factors[0, :, d + 1] = np.einsum("tij,tij->tj", columns, columns)
    return factors


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Multiply tile by tile into one matrix, (n_row_tiles · height, n_column_tiles · tile)."""
    (n_rows, _, height, _), (_, n_columns, _, width) = left.shape, right.shape
    product = np.empty((n_rows * height, n_columns * width), np.float32)
    np.matmul(left, right, out=product.reshape(n_rows, height, n_columns, width).swapaxes(1, 2))
    return product


def unit_rows(points: np.ndarray) -> np.ndarray:
    """Return points on the unit sphere, (n_cells, d), float32; one at the origin has no place there."""
    lengths = np.linalg.norm(points.astype(float), axis=1, keepdims=True)
    at_origin = np.flatnonzero(lengths == 0)
    if len(at_origin):
        raise UndefinedScore(f"The cosine has no value at the origin, where {len(at_origin):,} of these cells lie.")
    units: np.ndarray = (points / lengths).astype(np.float32)
    return units
