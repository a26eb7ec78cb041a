"""Floor and ceiling: embeddings whose quality is known beforehand, to be scored beside any other."""

from __future__ import annotations

import numpy as np

from topocraft.metrics.arrays import checked_embedding, codes_of
from topocraft.randomness import numpy_stream

JITTER, FEWEST_DIMENSIONS = 0.02, 50


def islands(groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return an island for every group of cells: a corner of its own, and nothing but noise around it.

    One dimension per group, 1 for the cell's own and 0 for the others, but at least 50 dimensions; plus normal noise
    of s.d. 0.02. Without noise all cells of a group would be at distance 0 and their neighbours a matter of file
    order; in few dimensions they would form a sheet, which clustering cuts up.

    With cell types as groups this is the oracle: types apart, batches mixed. With types of each batch as groups it is
    the floor of mixing: types apart, and batches too.

    Parameters
    ----------
    groups
        Group of every cell, (n_cells,).
    seed
        Of the noise.

    Returns
    -------
    numpy.ndarray
        (n_cells, max(n_groups, 50)), float32.

    References
    ----------
    The jittered cell-type embedding of Open Problems, doi:10.1038/s41587-025-02694-w.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics import islands
    >>> abs(islands(np.array(["a", "b", "a"])).round())[:, :2].tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    names, codes = codes_of(groups, len(groups), "groups")
    shape = (len(codes), max(len(names), FEWEST_DIMENSIONS))
    placed = numpy_stream(seed, "islands").normal(scale=JITTER, size=shape).astype(np.float32)
    placed[np.arange(len(codes)), codes] += 1
    return placed


def shuffled_within(embedding: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the embedding with its rows dealt out anew among the cells of each group.

    Within cell types it leaves types where they are and lets the batch say nothing: mixing as good as it gets, for
    these types and this geometry. Within batches it leaves batches where they are and destroys the types: the floor.

    Parameters
    ----------
    embedding
        (n_cells, d), finite.
    groups
        Group of every cell, (n_cells,): its type or its batch.
    seed
        Of the shuffle.

    Returns
    -------
    numpy.ndarray
        (n_cells, d), float32: the same rows in another order.

    References
    ----------
    The shuffled controls of Open Problems, doi:10.1038/s41587-025-02694-w.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.metrics import shuffled_within
    >>> shuffled_within(np.arange(4.0)[:, None], np.array(["a", "a", "b", "b"]), seed=1).ravel().tolist()
    [1.0, 0.0, 2.0, 3.0]
    """
    points = checked_embedding(embedding)
    names, codes = codes_of(groups, len(points), "groups")
    generator = numpy_stream(seed, "shuffle")
    order = np.arange(len(points))
    for code in range(len(names)):
        cells = np.flatnonzero(codes == code)
        order[cells] = generator.permutation(cells)
    return points[order]
