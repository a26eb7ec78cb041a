"""The order in which cells and batches are worked on, whatever order and names they came with."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from topocraft.data.cells import Cells


def canonical_order(cells: Cells, contents: np.ndarray | None = None) -> tuple[np.ndarray, Cells]:
    """Return an order of the cells, and the cells in it, that depend neither on order nor on the names of batches.

    The batches come by falling size, those of one size by their cells.

    Parameters
    ----------
    cells
        As they came.
    contents
        ``cells.contents()``, where they are at hand.

    Returns
    -------
    order : numpy.ndarray
        Place i of the result was place ``order[i]`` of ``cells``, (n_cells,).
    ordered : Cells
        The cells in that order, with codes of batches in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.data.order import canonical_order
    >>> adata = AnnData(np.eye(5, dtype="float32"), obs={"batch": list("abbbb")})
    >>> canonical_order(from_anndata(adata, "batch"))[1].batch_names
    ('b', 'a')
    """
    contents = cells.contents() if contents is None else contents
    order = np.lexsort((contents[:, 1], contents[:, 0]))
    ranks = _batch_ranks(cells.batch[order], contents[order], cells.n_batches)
    renamed = tuple(np.array(cells.batch_names, dtype=object)[np.argsort(ranks)])
    order = np.lexsort((ranks[cells.batch], contents[:, 1], contents[:, 0]))
    return order, replace(cells, batch=ranks[cells.batch], batch_names=renamed).take(order)


def _batch_ranks(batch: np.ndarray, contents: np.ndarray, n_batches: int) -> np.ndarray:
    sizes = np.bincount(batch, minlength=n_batches)
    held = np.split(contents[np.argsort(batch, kind="stable")], np.cumsum(sizes)[:-1])
    keys = [(-size, hashlib.blake2b(part.tobytes()).digest()) for size, part in zip(sizes, held, strict=True)]
    ranks = np.empty(n_batches, dtype=np.int64)
    ranks[sorted(range(n_batches), key=keys.__getitem__)] = np.arange(n_batches)
    return ranks
