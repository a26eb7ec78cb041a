"""kBET inside each cell type, so that batches may differ in their types; and at several sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import Space, Typed, TypeNeighbors, as_neighbors, n_cells_of
from topocraft.metrics.kbet import ALPHA, check_alpha, check_k, kbet, p_values
from topocraft.metrics.per_type import MixedType, mixed_types

SMALLEST, LARGEST = 10, 70  # cells per neighbourhood, as in scIB


def kbet_per_type(
    space: Typed,
    batch: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    k: int | None = None,
    alpha: float = ALPHA,
) -> dict[str, float]:
    """Score, per cell type, how often the batches among the nearest cells *of the type* pass for a random draw.

    Parameters
    ----------
    space
        Embedding, (n_cells, d); or the types with their neighbours among themselves, from
        ``neighbors_within_types``, which take the place of ``labels``.
    batch
        Batch of every cell, (n_cells,).
    labels
        Cell type of every cell, (n_cells,); only with an embedding.
    k
        Cells per neighbourhood, at least 2, the cell itself one of them. If not given, a quarter of the mean
        size of the type's batches, but 10 … 70. At most half of the type in either case.
    alpha
        Level of the test, above 0 and below 1.

    Returns
    -------
    dict
        From the name of each type of at least 10 cells in at least two batches to its acceptance rate, 0 … 1;
        higher is better. Other types are left out, and those in more batches than a neighbourhood has cells.

    Raises
    ------
    InputError
        An array or a number is not usable.
    UndefinedScore
        There is no such type.

    Notes
    -----
    As in ``kbet_within_types``.

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1; Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.arrays import neighbors_within_types
    >>> from topocraft.metrics.kbet_types import kbet_per_type
    >>> within = neighbors_within_types(np.arange(80.0)[:, None], np.repeat(["t", "u"], 40))
    >>> kbet_per_type(within, np.concatenate([np.tile(["a", "b"], 20), np.repeat(["a", "b"], 20)]), k=11)
    {'t': 1.0, 'u': 0.15}
    """
    check_alpha(alpha)
    if k is not None:
        check_k(k)
    accepted = {}
    for one in mixed_types(space, batch, labels):
        n_judged = _cells_to_judge(one, k)
        if one.n_batches <= n_judged:
            judged = as_neighbors(one.within.neighbors, n_judged - 1)
            accepted[one.within.name] = float((p_values(judged, one.batch, one.n_batches) >= alpha).mean())
    if not accepted:
        raise UndefinedScore("Every cell type is in more batches than a neighbourhood has cells: no test can reject.")
    return accepted


def kbet_within_types(
    space: Typed,
    batch: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    k: int | None = None,
    alpha: float = ALPHA,
) -> float:
    """Score how well the batches mix inside the cell types: the mean of ``kbet_per_type``, every type alike.

    Parameters
    ----------
    space, batch, labels, k, alpha
        As in ``kbet_per_type``.

    Returns
    -------
    float
        0 … 1; higher is better.

    Raises
    ------
    InputError, UndefinedScore
        As in ``kbet_per_type``.

    Notes
    -----
    The test is that of scIB, one type at a time, but among the nearest cells of the type in the embedding. The
    ``kbet_per_label`` of scib-metrics looks for them in a diffusion map of the type's part of a graph of all
    cells, and its value can turn on how that graph is connected rather than on the batches: a type of which
    less than 75 % lies in pieces of at least 3 k cells is given 0, and an axis that holds weakly joined pieces
    apart is weighted by λ / (1 − λ), up to 10⁷, so that it alone decides who is near. (A λ that float32 rounds to
    1 has the weight 1.) A small type also lowers the number of axes for all types after it. The two were within
    0.2 of each other on twelve embeddings of six real data sets, in either direction, and up to 1 on one type.

    Types of fewer than 20 cells are tested at half their size, where 10 cells, nearly the whole type, would pass
    however the batches lie. A batch with few cells of the type has a small expected count, at which the test is
    rough. A type of ten cells counts as much as one of thousands.

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1; Luecken et al. 2022, doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.arrays import neighbors_within_types
    >>> from topocraft.metrics.kbet_types import kbet_within_types
    >>> within = neighbors_within_types(np.arange(80.0)[:, None], np.repeat(["t", "u"], 40))
    >>> kbet_within_types(within, np.concatenate([np.tile(["a", "b"], 20), np.repeat(["a", "b"], 20)]), k=11)
    0.575
    """
    return float(np.mean(list(kbet_per_type(space, batch, labels, k=k, alpha=alpha).values())))


def kbet_at(
    space: Space | tuple[TypeNeighbors, ...],
    batch: np.ndarray,
    ks: Sequence[int] = (10, 25, 50, 70),
    alpha: float = ALPHA,
) -> dict[int, float]:
    """Score the same cells at several sizes of the neighbourhood, on which kBET depends.

    Parameters
    ----------
    space
        As in ``kbet``; or the neighbours within types, as in ``kbet_within_types``.
    batch, alpha
        As there.
    ks
        Cells per neighbourhood, at least one number.

    Returns
    -------
    dict
        From each k, in the order given, to ``kbet`` or ``kbet_within_types`` at that k.

    Raises
    ------
    InputError, UndefinedScore
        As there; a k that a single type is too small for is reduced, one that all cells are too few for is not.

    Notes
    -----
    A score that falls steeply with k tells of shares that drift slowly across the cells.

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.kbet_types import kbet_at
    >>> kbet_at(np.arange(40.0)[:, None], np.repeat(["a", "b"], 20), ks=(5, 11))
    {5: 0.1, 11: 0.15}
    """
    if not ks:
        raise InputError("ks must hold at least one number of cells; got none.")
    if isinstance(space, tuple):
        return {k: kbet_within_types(space, batch, k=k, alpha=alpha) for k in ks}
    largest = min(max(ks), n_cells_of(space)) - 1
    graph = as_neighbors(space, max(1, largest))
    return {k: kbet(graph, batch, k, alpha) for k in ks}


def _cells_to_judge(one: MixedType, k: int | None) -> int:
    quarter = one.n_cells // one.n_batches // 4
    wanted = min(LARGEST, max(SMALLEST, quarter)) if k is None else k
    return min(wanted, one.n_cells // 2)
