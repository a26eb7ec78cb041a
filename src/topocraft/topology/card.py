"""Exact nearest neighbours, computed where the networks are trained."""

from __future__ import annotations

import numpy as np

BLOCK, ENTRIES = 8192, 2**28
"""Points asked about at once, and distances held at once: 1 GiB in float32."""
SPARE = 16
"""Candidates beyond those asked for: quick distances choose them, and are rounded more than those that rank them."""


def nearest_on_card(
    asked: np.ndarray, pool: np.ndarray, k: int, device: str, itself: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` nearest of ``pool`` for every point asked about, nearest first; of equally near ones the first.

    Parameters
    ----------
    asked, pool
        Points, (n, d) and (m, d).
    k
        At most m, or m − 1 where a point is not to be its own neighbour.
    device
        The torch device.
    itself
        False where ``asked`` is ``pool``, and a point is not to be its own neighbour.

    Returns
    -------
    Positions in ``pool`` (int64) and Euclidean distances (float32), both of shape (n, k).
    """
    import torch

    centre = pool.mean(axis=0)
    there = torch.from_numpy((pool - centre).astype(np.float32)).to(device)
    lengths = (there * there).sum(dim=1)
    indices, distances = np.empty((len(asked), k), dtype=np.int64), np.empty((len(asked), k), dtype=np.float32)
    size = max(1, min(BLOCK, ENTRIES // len(pool)))
    candidates = min(k + SPARE, len(pool) - (not itself))
    for start in range(0, len(asked), size):
        here = torch.from_numpy((asked[start : start + size] - centre).astype(np.float32)).to(device)
        squared = torch.addmm(lengths, here, there.T, alpha=-2)
        if not itself:
            squared.diagonal(start).fill_(torch.inf)
        near = squared.topk(candidates, largest=False).indices.sort().values
        away = torch.linalg.vector_norm(there[near] - here[:, None], dim=2)
        found, order = away.sort(dim=1, stable=True)
        indices[start : start + size] = near.gather(1, order[:, :k]).cpu().numpy()
        distances[start : start + size] = found[:, :k].cpu().numpy()
    return indices, distances
