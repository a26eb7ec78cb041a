"""A fair sketch of many cells, and how its clusters reach the others."""

from __future__ import annotations

import numpy as np

from topocraft.topology.card import nearest_on_card

AXES = 10
FINEST, BISECTIONS = 12.0, 12
SHARE_BY_PLACE = 0.25


def fair_sketch(points: np.ndarray, batch: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Return about ``most`` cells that stand for all, as sorted indices.

    Each batch gives the same number of cells, or all it has. Three quarters of them are drawn evenly, so that crowded
    places stay crowded as clustering expects; one quarter evenly over places, so that rare cells are kept. Places are
    cubes in the first ten components, so wide that there are about as many as cells to be drawn from them.

    Parameters
    ----------
    points
        Principal components, (n_cells, d).
    batch
        Batch codes, (n_cells,).
    most
        Cells to be drawn, above 0; every batch gives at least one.
    generator
        Draws them.

    References
    ----------
    Places: Hie et al. 2019, doi:10.1016/j.cels.2019.05.003.

    Examples
    --------
    >>> points = np.r_[np.zeros((1000, 2)), np.ones((2, 2))]
    >>> sketch = fair_sketch(points, np.zeros(1002, dtype=int), 100, np.random.default_rng(0))
    >>> len(sketch), bool((sketch >= 1000).any())
    (100, True)
    """
    codes, sizes = np.unique(batch, return_counts=True)
    drawn = []
    for code, size in zip(codes, even_shares(sizes, most), strict=True):
        members = np.flatnonzero(batch == code)
        drawn.append(members[_draw(points[members, :AXES], int(size), generator)])
    return np.sort(np.concatenate(drawn))


def even_shares(sizes: np.ndarray, most: int) -> np.ndarray:
    """Divide ``most`` evenly among batches of ``sizes``, (n_batches,); what small ones cannot give, the others do."""
    shares = np.zeros(len(sizes), dtype=np.int64)
    order, left = np.argsort(sizes, kind="stable"), most
    for position, batch in enumerate(order):
        shares[batch] = min(sizes[batch], max(1, round(left / (len(order) - position))))
        left -= shares[batch]
    return shares


def nearest_of(points: np.ndarray, sketch: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Return for every point the position in ``sketch`` of the nearest sketched one, (n,).

    Exact, so that cost grows with points × sketch: linear in points. Ties go to the first, but on "cuda" to any.
    """
    from sklearn.metrics import pairwise_distances_argmin

    nearest: np.ndarray
    if device == "cuda":
        nearest = nearest_on_card(points, points[sketch], 1, device)[0][:, 0]
    else:
        nearest = pairwise_distances_argmin(points, points[sketch])
    nearest[sketch] = np.arange(len(sketch))
    return nearest


def _draw(points: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    order = generator.permutation(len(points))
    by_place = round(SHARE_BY_PLACE * most)
    evenly, others = order[: most - by_place], order[most - by_place :]
    if not by_place or not len(others):
        return order[:most]
    places = _places(points, by_place)
    taken = np.bincount(places[evenly], minlength=places.max() + 1)
    turn = _turns(places[others]) + taken[places[others]]
    return np.concatenate([evenly, others[np.argsort(turn, kind="stable")[:by_place]]])


def _places(points: np.ndarray, about: int) -> np.ndarray:
    """Return the cube of every point as a code, with cubes so wide that about so many are occupied."""
    low, span = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), np.finfo(np.float32).tiny)
    # One number per cube: of so many few enough collide, and sorting numbers is far quicker than sorting rows.
    weights = np.random.default_rng(0).integers(1, 2**62, points.shape[1])
    narrow, wide = -FINEST, 0.0
    codes = np.zeros(len(points), dtype=np.int64)
    for _ in range(BISECTIONS):
        width = span * 2.0 ** ((narrow + wide) / 2)
        _, codes = np.unique(((points - low) / width).astype(np.int64) @ weights, return_inverse=True)
        if codes.max() + 1 > about:
            narrow = (narrow + wide) / 2
        else:
            wide = (narrow + wide) / 2
    return codes


def _turns(places: np.ndarray) -> np.ndarray:
    """Return for each entry how many with the same place stand before it."""
    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    firsts = np.flatnonzero(np.r_[True, np.diff(sorted_places) != 0])
    turns = np.empty(len(places), dtype=np.int64)
    turns[order] = np.arange(len(places)) - np.repeat(firsts, np.diff(np.r_[firsts, len(places)]))
    return turns
