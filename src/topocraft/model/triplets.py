"""Dual-resolution triplets: chosen as indices, then a loss. Always inside one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topocraft.config import Distance, Level
from topocraft.topology.clusters import UNDECIDED


@dataclass(frozen=True, eq=False)
class Triplets:
    """Positions in the minibatch, int64, (n_triplets,) each, and the share of the margin that is asked, float32."""

    anchor: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    share: np.ndarray


def choose_triplets(
    batch: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    generator: np.random.Generator,
    per_cluster: int | None = None,
    separation: np.ndarray | None = None,
    pairs_from: Level = "low",
) -> Triplets:
    """Draw triplets whose anchor and positive are reliably alike and whose negative is reliably unlike.

    Parameters
    ----------
    batch, low, high
        Codes of the cells of one minibatch, (n,). Cells with ``low`` = −1 take no part.
    generator
        Draws one positive and one negative for every eligible anchor, uniformly.
    per_cluster
        Draw at most this many pairs per batch and cluster, instead of one pair for every anchor.
    separation
        Share of the margin between every two low clusters, (n_low, n_low); triplets of share 0 are left out. Without
        it all ask for the whole margin.
    pairs_from
        Clusters in which those pairs are drawn: "high", or "low", as published, of which those are kept that share a
        high cluster.
    """
    order = np.flatnonzero(low != UNDECIDED)
    order = order[np.lexsort((high[order], low[order], batch[order]))]
    sorted_codes = (batch[order], low[order], high[order])
    in_batch, in_low, in_high = (_blocks(sorted_codes[:depth]) for depth in (1, 2, 3))
    pool = in_low if per_cluster is not None and pairs_from == "low" else in_high
    anchor = np.arange(len(order)) if per_cluster is None else _some_of_each(pool, per_cluster, generator)
    start, size = pool[0][anchor], pool[1][anchor]
    outside = in_batch[1][anchor] - in_low[1][anchor]
    eligible = (size > 1) & (outside > 0)
    anchor, start, size, outside = anchor[eligible], start[eligible], size[eligible], outside[eligible]
    step = 1 + generator.integers(0, np.maximum(size - 1, 1))
    positive = start + (anchor - start + step) % size
    drawn = in_batch[0][anchor] + generator.integers(0, outside)
    negative = drawn + np.where(drawn >= in_low[0][anchor], in_low[1][anchor], 0)
    share = (
        np.ones(len(anchor)) if separation is None else separation[sorted_codes[1][anchor], sorted_codes[1][negative]]
    )
    kept = (in_high[0][anchor] == in_high[0][positive]) & (share > 0)
    return Triplets(order[anchor[kept]], order[positive[kept]], order[negative[kept]], share[kept].astype(np.float32))


def _blocks(codes: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every element of sorted codes, where its block of equal codes starts and how long it is."""
    n = len(codes[0])
    if n == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    new = np.zeros(n, dtype=bool)
    new[0] = True
    for code in codes:
        new[1:] |= code[1:] != code[:-1]
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, n))
    return np.repeat(starts, sizes), np.repeat(sizes, sizes)


def _some_of_each(blocks: tuple[np.ndarray, np.ndarray], limit: int, generator: np.random.Generator) -> np.ndarray:
    starts, first = np.unique(blocks[0], return_index=True)
    sizes = blocks[1][first]
    pairs = sizes * (sizes - 1) // 2
    draws = np.minimum(limit, pairs)
    return np.repeat(starts, draws) + generator.integers(0, np.repeat(sizes, draws))


def triplet_loss(z: Tensor, triplets: Triplets, margin: float, distance: Distance) -> Tensor:
    """Return mean(max(dist(a, p) − dist(a, n) + share · margin, 0)); 0 where there is no triplet.

    The paper prints squared distances (equation 5); its program uses plain Euclidean ones.
    """
    if len(triplets.anchor) == 0:
        return z.sum() * 0
    anchor, positive, negative = (
        z.index_select(0, torch.as_tensor(part, device=z.device))
        for part in (triplets.anchor, triplets.positive, triplets.negative)
    )
    to_positive, to_negative = (_distance(anchor - other, distance) for other in (positive, negative))
    asked = margin * torch.as_tensor(triplets.share, device=z.device)
    return torch.relu(to_positive - to_negative + asked).mean()


def _distance(difference: Tensor, distance: Distance) -> Tensor:
    squared = difference.square().sum(dim=1)
    return squared if distance == "squared" else (squared + 1e-12).sqrt()
