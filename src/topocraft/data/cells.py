"""Cells: the one value that enters the pipeline, and the one door that checks it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.config import InputKind
from topocraft.data.columns import batch_labels, chosen_genes, given_labels, listed, require_name
from topocraft.data.digests import as_bytes, content_digests, mixed, name_digests
from topocraft.data.matrices import readable_matrix
from topocraft.data.stream import Source, StoredRows
from topocraft.data.texts import require_text
from topocraft.data.values import ValueKind, canonical, facts_of, first_broken, require_sound, value_kind
from topocraft.errors import InputError, list_names, nearest_name

if TYPE_CHECKING:
    from anndata import AnnData

PART_CELLS = 8192
"""What is worked on at once of cells in memory, so that copies stay small."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of several batches, checked.

    Parameters
    ----------
    values
        Cells × genes, CSR, float32, sorted, no explicit zeros: raw counts or log1p-normalised values; or the same left
        on disk.
    batch
        Batch of every cell as an index into ``batch_names``, int64.
    batch_names
        Names of the batches, sorted, at least one cell in each.
    cell_names, gene_names
        Unique names, in the order of the input.
    kind
        What ``values`` are; "fractional counts" are counts that are not whole, as after ambient removal.
    labels_low, labels_high
        The user's own annotation of each cell, ``None`` where a cell has none; or no annotation at all.
    """

    values: sparse.csr_matrix | StoredRows
    batch: np.ndarray
    batch_names: tuple[str, ...]
    cell_names: np.ndarray
    gene_names: np.ndarray
    kind: ValueKind
    labels_low: np.ndarray | None = None
    labels_high: np.ndarray | None = None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.values.shape[0])

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return int(self.values.shape[1])

    @property
    def n_batches(self) -> int:
        """Number of batches."""
        return len(self.batch_names)

    def take(self, which: np.ndarray) -> Cells:
        """Return the cells at ``which`` (indices or mask), in that order; all batch names are kept."""
        return Cells(
            values=self.values[which],
            batch=self.batch[which],
            batch_names=self.batch_names,
            cell_names=self.cell_names[which],
            gene_names=self.gene_names,
            kind=self.kind,
            labels_low=None if self.labels_low is None else self.labels_low[which],
            labels_high=None if self.labels_high is None else self.labels_high[which],
        )

    def parts(self, phase: str) -> Iterator[tuple[np.ndarray, Cells]]:
        """Yield the cells in memory, some at a time, with their places (n,), int64; from disk block by block.

        Parts that come from disk carry no labels.
        """
        if not isinstance(self.values, StoredRows):
            for start in range(0, self.n_cells, PART_CELLS):
                places = np.arange(start, min(start + PART_CELLS, self.n_cells))
                yield places, self if len(places) == self.n_cells else self.take(places)
            return
        bare = replace(self, labels_low=None, labels_high=None)
        for places, block in self.values.blocks(phase):
            yield places, replace(bare, values=block, batch=self.batch[places], cell_names=self.cell_names[places])

    def contents(self) -> np.ndarray:
        """Return a 16-byte digest of each cell's values, independent of names and order, (n_cells, 2), uint64."""
        genes = name_digests(self.gene_names)
        contents = np.empty((self.n_cells, 2), dtype=np.uint64)
        for places, part in self.parts("order"):
            contents[places] = content_digests(part.values, genes)
        return contents

    def digests(self, contents: np.ndarray | None = None) -> np.ndarray:
        """Return a 16-byte digest of each cell's values and batch, independent of its name and of order.

        ``contents``, where they are at hand, spare another pass over the values.
        """
        contents = self.contents() if contents is None else contents
        return as_bytes(mixed(contents + name_digests(self.batch_names)[self.batch]))


def fingerprint(digests: np.ndarray, gene_names: np.ndarray) -> str:
    """Return a hexadecimal fingerprint of the cells and their genes, both in whatever order."""
    whole = hashlib.blake2b(np.sort(digests).tobytes(), digest_size=16)
    whole.update("\n".join(sorted(map(str, gene_names))).encode())
    return whole.hexdigest()


def from_anndata(
    adata: AnnData,
    batch_key: str | Sequence[str],
    *,
    layer: str | None = None,
    labels_low: str | None = None,
    labels_high: str | None = None,
    gene_mask: str | None = None,
    input_kind: InputKind = "auto",
    stored: Source | None = None,
    fewest_batches: Literal[1, 2] = 2,
) -> Cells:
    """Check an AnnData and return its cells; the AnnData is not changed.

    Parameters
    ----------
    adata
        Raw counts, or log1p-normalised values, in ``X`` or in a layer; dense, CSR or CSC.
    batch_key
        Column of ``adata.obs`` with the batch of every cell; several columns are combined.
    layer
        Layer to read instead of ``X``.
    labels_low, labels_high
        Columns of ``adata.obs`` with the user's annotation, missing where a cell has none.
    gene_mask
        Boolean column of ``adata.var``: the genes to read; all where left out.
    input_kind
        "counts" or "log1p" to say what the values are, "auto" to find out.
    stored
        Where the values lie on disk, in place of ``X`` and layers.
    fewest_batches
        2 for what is to be integrated, 1 for what a fitted model is to place.

    Raises
    ------
    InputError
        A column or layer is missing, a batch label is empty, names are duplicated, there is one batch only,
        or the values are empty, negative, not finite or scaled.

    Examples
    --------
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> from topocraft.data.cells import from_anndata
    >>> adata = AnnData(np.eye(4, dtype="float32"), obs={"batch": ["a", "a", "b", "b"]})
    >>> from_anndata(adata, "batch").batch_names
    ('a', 'b')
    """
    _require_some(adata)
    for names, what, attribute in ((adata.obs_names, "cell", "obs_names"), (adata.var_names, "gene", "var_names")):
        require_text(names, f"adata.{attribute}")
        _require_unique(names, what, attribute)
    batch = batch_labels(adata.obs, batch_key)
    names, codes = np.unique(batch, return_inverse=True)
    if len(names) < fewest_batches:
        raise InputError(
            f"batch_key must tell at least two batches apart; {list_names(listed(batch_key))} has only '{names[0]}'. "
            "With one batch there is nothing to integrate: name another column."
        )
    genes = chosen_genes(adata.var, gene_mask)
    values, kind = _checked_values(stored or _matrix(adata, layer), adata, layer, genes, input_kind)
    return Cells(
        values=values,
        batch=codes.astype(np.int64),
        batch_names=tuple(str(name) for name in names),
        cell_names=adata.obs_names.to_numpy(dtype=object),
        gene_names=adata.var_names.to_numpy(dtype=object)[genes],
        kind=kind,
        labels_low=_own_labels(adata.obs, labels_low, "labels_low"),
        labels_high=_own_labels(adata.obs, labels_high, "labels_high"),
    )


def _own_labels(obs: pd.DataFrame, key: str | None, parameter: str) -> np.ndarray | None:
    return None if key is None else given_labels(obs, key, parameter, "to use clusters")


def _require_some(adata: AnnData) -> None:
    if adata.n_obs == 0 or adata.n_vars == 0:
        raise InputError(
            f"adata must hold at least one cell and one gene; got {adata.n_obs:,} cells × {adata.n_vars:,} genes. "
            "Loosen the filter that emptied it, or fetch its file again."
        )


def _require_unique(names: pd.Index, what: str, attribute: str) -> None:
    repeated = names[names.duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"{what} names must be unique, so that no result lands on the wrong {what}; "
            f"{len(repeated):,} come more than once: {list_names(repeated, 3)}. "
            f"Call adata.{attribute}_make_unique() first, or pass --make-unique to the command."
        )


def _matrix(adata: AnnData, layer: str | None) -> Any:
    if layer is None:
        if adata.X is None:
            raise InputError(f"X must hold values; it is empty. Name a layer: {list_names(adata.layers)}.")
        return readable_matrix(adata.X)
    require_name(layer, "layer", "a layer of adata")
    if layer not in adata.layers:
        raise InputError(
            f"layer must name a layer of adata; there is no '{layer}'."
            f"{nearest_name(layer, adata.layers)} Layers: {list_names(adata.layers)}."
        )
    return readable_matrix(adata.layers[layer], f"layer '{layer}'")


def _checked_values(
    matrix: Any, adata: AnnData, layer: str | None, genes: np.ndarray, input_kind: InputKind
) -> tuple[sparse.csr_matrix | StoredRows, ValueKind]:
    values: sparse.csr_matrix | StoredRows
    where = "X" if layer is None else f"layer '{layer}'"
    if isinstance(matrix, Source):
        values, facts = matrix.survey(genes)
    else:
        values = canonical(matrix if genes.all() else matrix[:, genes])
        facts = facts_of(values.data)
        if facts.broken:
            cell, gene = first_broken(values)
            names = list_names([adata.obs_names[cell]]), list_names([adata.var_names[genes][gene]])
            where += f", first in cell {names[0]}, gene {names[1]}"
    require_sound(facts, where)
    return values, value_kind(facts, input_kind)
