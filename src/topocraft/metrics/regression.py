"""How much of the variance do the batches explain, before and after? Arrays in, a number out."""

from __future__ import annotations

import numpy as np

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import checked_embedding, codes_of


def pcr(before: np.ndarray, after: np.ndarray, batch: np.ndarray) -> float:
    """Return the principal component regression comparison: the share of the batches' variance that is gone.

    max(0, (v_before − v_after) / v_before), with v = Σ_k λ_k R²_k / Σ_k λ_k, λ_k the variance of a principal
    component and R²_k what the batches explain of it. Over all components that is the sum of squares between
    the batches by the total sum of squares, so that no component is computed.

    Parameters
    ----------
    before, after
        The cells before and after integration, (n_cells, d) and (n_cells, d'), finite; before is usually the
        PCA of the unintegrated expression.
    batch
        Batch of every cell, (n_cells,).

    Returns
    -------
    float
        In 0 … 1; higher is better, 1 where the means of all batches coincide.

    Raises
    ------
    InputError
        The arrays are not usable, or differ in their cells.
    UndefinedScore
        The batches explain nothing before integration, or the cells coincide after it.

    Notes
    -----
    Linear: a method that aligns the means of the batches, such as ComBat, scores 1 by construction, whatever is
    left of their shapes, and batches of different composition *should* differ in their means. Read 1 as a
    warning.

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics.regression import pcr
    >>> before, after = np.array([[0.0], [2.0], [2.0], [4.0]]), np.array([[0.0], [2.0], [0.0], [2.0]])
    >>> pcr(before, after, np.array([1, 1, 2, 2]))
    1.0
    """
    first, second = checked_embedding(before, "before"), checked_embedding(after, "after")
    if len(first) != len(second):
        raise InputError(f"before and after must hold the same cells; got {len(first):,} and {len(second):,}.")
    _, codes = codes_of(batch, len(first), "batch")
    at_first, at_second = _explained_share(first, codes, "before"), _explained_share(second, codes, "after")
    # Rounding leaves this much where the means of the batches coincide.
    if at_first < 1e-10:
        raise UndefinedScore("The batches explain no variance before integration, so there is none to remove.")
    return float(max(0.0, (at_first - at_second) / at_first))


def _explained_share(points: np.ndarray, codes: np.ndarray, when: str) -> float:
    centred = points - points.mean(axis=0, dtype=float)
    total = np.einsum("ij,ij->", centred, centred)
    if total == 0:
        raise UndefinedScore(f"All cells coincide {when} integration, so there is no variance to explain.")
    sizes = np.bincount(codes)
    sums = np.stack([np.bincount(codes, weights=column) for column in centred.T], axis=1)
    return float((np.square(sums) / sizes[:, None]).sum() / total)
