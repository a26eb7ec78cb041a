"""Cells that stay on disk: the same values as in memory, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from topocraft.data.files import readable
from topocraft.data.matrices import sparse_rows, unsound
from topocraft.data.stream_dask import DaskRows, is_dask
from topocraft.data.values import Facts, canonical, facts_of
from topocraft.errors import InputError
from topocraft.progress import Progress, Silent

# As many as the encoder takes at once: every cell meets the same companions as in memory, so that the bits agree.
BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Part:
    """One matrix on disk, cells × genes.

    Parameters
    ----------
    dataset
        What anndata or h5py or zarr gives for a matrix on disk: ``dataset[start:stop]`` reads rows.
    columns
        Where each of its columns goes, int64; −1 leaves a column out.
    path
        The file that it is in, for messages.
    """

    dataset: Any
    columns: np.ndarray
    path: Path = Path("X")

    @property
    def n_rows(self) -> int:
        """Number of cells."""
        return int(self.dataset.shape[0])

    def read(self, start: int, stop: int, n_columns: int) -> sparse.csr_matrix:
        """Return rows ``start`` to ``stop`` over ``n_columns`` columns, as they are stored (CSR, sorted).

        Raises
        ------
        FileError
            They cannot be read, or their parts do not fit together.
        """
        with readable(self.path, "a file of AnnData"):
            stored = sparse_rows(self.dataset[start:stop])
            reason = unsound(stored)
            if reason:
                raise ValueError(reason)
        if len(self.columns) != n_columns or (self.columns != np.arange(n_columns)).any():
            place = self.columns[stored.indices]
            used = place >= 0
            ends = np.concatenate([[0], np.cumsum(used)])[stored.indptr]
            stored = sparse.csr_matrix((stored.data[used], place[used], ends), shape=(stop - start, n_columns))
        stored.sort_indices()
        return stored


def read_rows(parts: Sequence[Part], start: int, stop: int, n_columns: int) -> sparse.csr_matrix:
    """Return rows ``start`` to ``stop`` of matrices that lie one below the other."""
    pieces, first = [], 0
    for part in parts:
        last = first + part.n_rows
        if first < stop and start < last:
            pieces.append(part.read(max(start, first) - first, min(stop, last) - first, n_columns))
        first = last
    return pieces[0] if len(pieces) == 1 else sparse.vstack(pieces, format="csr")


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Rows of one or several matrices on disk, in any order, read block by block in the order of the files.

    Parameters
    ----------
    parts
        The matrices, one below the other.
    n_columns
        Number of genes.
    order
        Row of the files that stands at each place.
    detected
        Genes detected in each row, in the same order.
    scratch
        Folder for what is kept on disk meanwhile; ``None`` takes the system's.
    progress
        Told of every pass over the files.
    """

    parts: tuple[Part, ...]
    n_columns: int
    order: np.ndarray
    detected: np.ndarray
    scratch: Path | None = None
    progress: Progress = field(default_factory=Silent)

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return len(self.order), self.n_columns

    def __getitem__(self, which: Any) -> StoredRows:
        """Return the rows at ``which`` (indices or a mask), in that order; nothing is read."""
        return replace(self, order=self.order[which], detected=self.detected[which])

    def blocks(self, phase: str) -> Iterator[tuple[np.ndarray, sparse.csr_matrix]]:
        """Read the files once; yield rows with the places at which they stand, until every row has come."""
        n_stored = sum(part.n_rows for part in self.parts)
        place = np.full(n_stored, -1, dtype=np.int64)
        place[self.order] = np.arange(len(self.order))
        self.progress.phase(phase, -(-n_stored // BLOCK))
        for start in range(0, n_stored, BLOCK):
            places = place[start : start + BLOCK]
            wanted = places >= 0
            if wanted.any():
                rows = canonical(read_rows(self.parts, start, start + len(places), self.n_columns))
                yield places[wanted], rows if wanted.all() else rows[wanted]
            self.progress.advance()


@dataclass(frozen=True, eq=False)
class Source:
    """Values on disk that nobody has looked at yet; parameters as for ``StoredRows``."""

    parts: tuple[Part, ...]
    scratch: Path | None = None
    progress: Progress = field(default_factory=Silent)

    @classmethod
    def of(cls, matrix: Any) -> Source:
        """Return one matrix on disk, or a dask array, as a source."""
        require_by_cell(matrix, "X")
        matrix = DaskRows(matrix) if is_dask(matrix) else matrix
        return cls((Part(matrix, np.arange(matrix.shape[1])),))

    def survey(self, genes: np.ndarray) -> tuple[StoredRows, Facts]:
        """Read everything once; return the rows over the chosen genes (a mask), and what is to be known of the values.

        Cells stand in the order of the files.
        """
        place = np.append(np.where(genes, np.cumsum(genes) - 1, -1), -1)
        parts = tuple(replace(part, columns=place[part.columns]) for part in self.parts)
        n_cells = sum(part.n_rows for part in parts)
        detected = np.zeros(n_cells, dtype=np.int64)
        rows = StoredRows(parts, int(genes.sum()), np.arange(n_cells), detected, self.scratch, self.progress)
        facts = Facts()
        for places, block in rows.blocks("check"):
            facts += facts_of(block.data)
            detected[places] = np.diff(block.indptr)
        return rows, facts


def is_on_disk(matrix: Any) -> bool:
    """Tell whether a matrix is one that anndata left on disk, or that dask has yet to compute."""
    import anndata
    import h5py
    import zarr

    stored = (anndata.abc.CSRDataset, anndata.abc.CSCDataset, h5py.Dataset, zarr.Array)
    return isinstance(matrix, stored) or is_dask(matrix)


def stored_values(adata: Any, layer: str | None) -> Source | None:
    """Return where the values of an AnnData lie on disk, in ``X`` or a layer; ``None`` where they are in memory."""
    matrix = adata.X if layer is None else adata.layers.get(layer)
    return Source.of(matrix) if is_on_disk(matrix) else None


def require_by_cell(matrix: Any, name: str) -> None:
    """Refuse a matrix on disk whose rows cannot be read without reading all of it."""
    if getattr(matrix, "format", "csr") == "csc":
        raise InputError(
            f"Values must be stored cell by cell (CSR or dense) to be read in blocks; {name} is stored gene by gene "
            "(CSC). Read it into memory (a larger --memory), or store adata.X.tocsr()."
        )
