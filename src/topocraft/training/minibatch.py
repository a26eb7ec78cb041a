"""From drawn cells to what a step reads: sparse rows made dense, on the processor or on the card that they lie on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topocraft.model.triplets import Triplets
from topocraft.rows import Rows
from topocraft.training.ranks import Ranks

BLOCK = 8192
BYTES_PER_ENTRY = 8
SHARE_OF_CARD = 0.5
"""Of the card's free memory, what rows may take: the networks, their gradients and the minibatches need the rest."""


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Cells of one step on the device: this process's own, and of all processes what concerns all of them.

    ``expression`` (n, p) float32; ``where`` and ``values`` its non-zeros by flat position; ``batch`` (n,). Of all cells
    ``batches``, and ``triplets`` by their place among all.
    """

    expression: Tensor
    where: Tensor
    values: Tensor
    batch: Tensor
    batches: Tensor
    triplets: Triplets


class CardRows:
    """Rows of a sparse matrix in the memory of a card, copied there once.

    Parameters
    ----------
    rows
        Cells × genes: CSR, or rows that lie on disk.
    device
        The torch device.
    """

    def __init__(self, rows: Rows, device: str) -> None:
        self.shape = rows.shape
        count = _n_nonzero(rows)
        self._ends = np.zeros(rows.shape[0] + 1, dtype=np.int64)
        self._columns = torch.empty(count, dtype=torch.int32, device=device)
        self._values = torch.empty(count, device=device)
        for start in range(0, rows.shape[0], BLOCK):
            block = rows[start : start + BLOCK]
            ends = self._ends[start] + block.indptr
            self._ends[start : start + len(ends)] = ends
            self._columns[ends[0] : ends[-1]] = torch.from_numpy(block.indices.astype(np.int32, copy=False)).to(device)
            self._values[ends[0] : ends[-1]] = torch.from_numpy(block.data).to(device)

    def entries(self, cells: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return flat positions (int64) and values of the non-zeros of some rows, row by row in that order."""
        first, counts = self._ends[cells], self._ends[cells + 1] - self._ends[cells]
        total, before = int(counts.sum()), np.cumsum(counts) - counts
        steps = np.stack([counts, first - before, np.arange(len(cells)) * self.shape[1]])
        length, offset, flat = torch.from_numpy(steps).to(self._values.device)
        row = torch.repeat_interleave(length, output_size=total)
        taken = torch.arange(total, device=self._values.device) + offset[row]
        return flat[row] + self._columns[taken], self._values[taken]


def nearest_rows(rows: Rows, device: str, n_processes: int = 1) -> Rows | CardRows:
    """Return the rows on a CUDA card where they fit into half of its free memory, else as they are.

    Parameters
    ----------
    rows
        Cells × genes: CSR, or rows that lie on disk.
    device
        On "mps", whose memory is the machine's own, nothing would be gained.
    n_processes
        Those that train together, and share the cards.
    """
    if device != "cuda":
        return rows
    share = SHARE_OF_CARD / math.ceil(n_processes / torch.cuda.device_count())
    if BYTES_PER_ENTRY * _n_nonzero(rows) > share * torch.cuda.mem_get_info()[0]:
        return rows
    try:
        return CardRows(rows, device)
    except torch.OutOfMemoryError:
        return rows


def gather(
    expression: Rows | CardRows,
    batch: np.ndarray,
    cells: np.ndarray,
    triplets: Triplets,
    device: str,
    ranks: Ranks | None = None,
) -> Minibatch:
    """Take the rows of ``cells``, or this process's share of them, out of a sparse matrix, dense."""
    batches = torch.from_numpy(batch[cells]).to(device)
    ranks = ranks or Ranks()
    own, n_genes = ranks.own(cells), expression.shape[1]
    if isinstance(expression, CardRows):
        positions, values = expression.entries(own)
    else:
        positions, values = _entries(expression, own, device)
    dense = torch.zeros(len(own) * n_genes, device=device)
    dense[positions] = values
    return Minibatch(dense.view(len(own), n_genes), positions, values, ranks.own(batches), batches, triplets)


def _entries(expression: Rows, cells: np.ndarray, device: str) -> tuple[Tensor, Tensor]:
    rows = expression[cells]
    where = np.repeat(np.arange(len(cells)), np.diff(rows.indptr)) * rows.shape[1] + rows.indices
    return torch.from_numpy(where.astype(np.int64)).to(device), torch.from_numpy(rows.data).to(device)


def _n_nonzero(rows: Rows) -> int:
    return int(rows.nnz)  # type: ignore[attr-defined]
