"""Cells among their own type, and among its batches in fair shares: iMAP's positive and true-positive cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topocraft.errors import UndefinedScore
from topocraft.metrics.arrays import as_neighbors, checked_embedding, codes_of
from topocraft.metrics.counting import neighbor_counts
from topocraft.topology.neighbors import NeighborGraph

NEAREST = 20
JUDGED = 100  # the cell itself one of them
DEVIATIONS = 3


@dataclass(frozen=True, eq=False)
class PositiveCells:
    """Which cells are positive, and which of those truly, (n_cells,), bool; with their types.

    ``mixable`` marks the cells whose type is found in several batches: only there can mixing be asked for.
    """

    positive: np.ndarray
    true_positive: np.ndarray
    mixable: np.ndarray
    labels: np.ndarray

    def rates(self) -> dict[str, float]:
        """Return shares: ``"positive"`` of all cells, ``"true_positive"`` of the mixable ones, if there are any."""
        found = {"positive": float(self.positive.mean())}
        if self.mixable.any():
            found["true_positive"] = float(self.true_positive[self.mixable].mean())
        return found

    def rates_per_type(self) -> dict[str, dict[str, float]]:
        """Return the shares of each type's cells, as ``rates`` does; the types are sorted."""
        return {str(name): self._only(self.labels == name).rates() for name in np.unique(self.labels)}

    def _only(self, cells: np.ndarray) -> PositiveCells:
        return PositiveCells(self.positive[cells], self.true_positive[cells], self.mixable[cells], self.labels[cells])


def positive_cells(embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray, seed: int = 0) -> PositiveCells:
    """Find the cells that lie among their own type, and those around which its batches are in fair shares.

    A cell of a type of m cells is *positive* if more than half of its min(20, m) nearest others share its type.
    It is *true positive* if, further, of the n cells of its type among its min(100, m) nearest, itself one of
    them, every batch b has a count within 3 √(n π_b (1 − π_b)) of n π_b, where π_b is b's share of the type.

    Parameters
    ----------
    embedding
        Coordinates of the cells, (n_cells, d), finite. Nearest is meant by the cosine, so that only the
        direction from the origin counts.
    batch, labels
        Batch and cell type of every cell, (n_cells,).
    seed
        Of the approximate neighbour search, which only more than 50,000 cells need.

    Returns
    -------
    PositiveCells
        Two yes or no per cell; ``rates`` and ``rates_per_type`` give their shares, higher is better.

    Raises
    ------
    InputError
        An array is not usable.

    Notes
    -----
    A type of one or two cells has too few others for any of its cells to be positive. A type in one batch is
    in fair shares everywhere. A cell at the origin, without direction, lies at 60° from every other.

    References
    ----------
    Wang et al. 2021, iMAP, doi:10.1186/s13059-021-02280-8, on distances in a two-dimensional map and within 1
    standard deviation by default; on the cosine and within 3 as in scCRAFT's evaluation. iMAP's program counts
    the batches of *all* nearest cells, ours those of the cell's type, as the text says.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.positive import positive_cells
    >>> angles = np.linspace(0, 0.5, 40) + np.repeat([0.0, 2.0], 20)
    >>> points = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> positive_cells(points, np.tile(["a", "b"], 20), np.repeat(["t", "u"], 20)).rates()
    {'positive': 1.0, 'true_positive': 1.0}
    """
    points = checked_embedding(embedding)
    batches, batch_codes = codes_of(batch, len(points), "batch")
    names, codes = codes_of(labels, len(points), "labels")
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    neighbors = as_neighbors(points / np.where(lengths > 0, lengths, 1), JUDGED - 1, seed)
    shares = np.zeros((len(names), len(batches)))
    np.add.at(shares, (codes, batch_codes), 1)
    sizes = shares.sum(axis=1)
    same = _among_own(neighbors, codes)
    positive = _majority(same, sizes[codes])
    balanced = _balanced(neighbors, same, batch_codes, sizes[codes], (shares / sizes[:, None])[codes])
    mixable = ((shares > 0).sum(axis=1) > 1)[codes]
    return PositiveCells(positive, positive & balanced, mixable, names[codes])


def positive_rate(embedding: np.ndarray, labels: np.ndarray, seed: int = 0) -> float:
    """Score how many cells lie among their own type: the share of positive cells.

    Parameters
    ----------
    embedding, labels, seed
        As in ``positive_cells``.

    Returns
    -------
    float
        0 … 1; higher is better.

    Raises
    ------
    InputError
        An array is not usable.
    UndefinedScore
        There is one type only.

    Notes
    -----
    It saturates near 1 wherever the types are apart at all, and large types outweigh rare ones.

    References
    ----------
    Wang et al. 2021, doi:10.1186/s13059-021-02280-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.positive import positive_rate
    >>> angles = np.linspace(0, 0.5, 40) + np.repeat([0.0, 2.0], 20)
    >>> positive_rate(np.column_stack([np.cos(angles), np.sin(angles)]), np.repeat(["t", "u"], 20))
    1.0
    """
    names, _ = codes_of(labels, len(embedding), "labels")
    if len(names) < 2:
        raise UndefinedScore("All cells are of one type, so that there is nothing to keep apart.")
    return positive_cells(embedding, np.zeros(len(embedding)), labels, seed).rates()["positive"]


def true_positive_rate(embedding: np.ndarray, batch: np.ndarray, labels: np.ndarray, seed: int = 0) -> float:
    """Score how many cells lie among their own type and its batches in fair shares: the true-positive cells.

    Parameters
    ----------
    embedding, batch, labels, seed
        As in ``positive_cells``.

    Returns
    -------
    float
        0 … 1; higher is better.

    Raises
    ------
    InputError
        An array is not usable.
    UndefinedScore
        Every type is found in one batch only.

    Notes
    -----
    A type of up to 100 cells that stands apart is judged whole, and so is in fair shares however its batches lie.
    Types in one batch only are left out. Where few cells of its type are near, 3 standard deviations allow almost
    anything: of two equal batches, nine cells of one pass.

    References
    ----------
    Wang et al. 2021, doi:10.1186/s13059-021-02280-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.positive import true_positive_rate
    >>> angles = np.linspace(0, 0.5, 600) + np.repeat([0.0, 2.0], 300)
    >>> points, labels = np.column_stack([np.cos(angles), np.sin(angles)]), np.repeat(["t", "u"], 300)
    >>> true_positive_rate(points, np.tile(["a", "b"], 300), labels)
    1.0
    >>> round(true_positive_rate(points, np.tile(np.repeat(["a", "b"], 150), 2), labels), 1)
    0.1
    """
    return true_positive_share(positive_cells(embedding, batch, labels, seed))


def true_positive_share(cells: PositiveCells) -> float:
    """Return the true-positive rate of cells judged already."""
    rates = cells.rates()
    if "true_positive" not in rates:
        raise UndefinedScore("Every cell type is found in one batch only, so that there is nothing to mix.")
    return rates["true_positive"]


def _among_own(neighbors: NeighborGraph, codes: np.ndarray) -> np.ndarray:
    same: np.ndarray = codes[neighbors.indices] == codes[:, None]
    return same


def _majority(same: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    k = np.minimum(NEAREST, sizes)
    near = same[:, :NEAREST] & (np.arange(same[:, :NEAREST].shape[1]) < k[:, None])
    majority: np.ndarray = near.sum(axis=1) > k / 2
    return majority


def _balanced(
    neighbors: NeighborGraph, same: np.ndarray, batch: np.ndarray, sizes: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    others = np.minimum(JUDGED, sizes) - 1
    near = same & (np.arange(same.shape[1]) < others[:, None])
    balanced = np.empty(len(batch), dtype=bool)
    for rows, counts in neighbor_counts(neighbors.indices, batch, shares.shape[1], near):
        counts[np.arange(len(counts)), batch[rows]] += 1
        n, share = counts.sum(axis=1, keepdims=True), shares[rows]
        balanced[rows] = (np.abs(counts - n * share) <= DEVIATIONS * np.sqrt(n * share * (1 - share))).all(axis=1)
    return balanced
