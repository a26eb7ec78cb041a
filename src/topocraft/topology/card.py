"""Exact nearest neighbours, computed where the networks are trained."""

from __future__ import annotations

import numpy as np

BLOCK, ENTRIES = 8192, 2**28
"""Points asked about at once, and distances held at once: 1 GiB in float32."""


def nearest_on_card(
    asked: np.ndarray, pool: np.ndarray, k: int, device: str, itself: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` nearest of ``pool`` for every point asked about, nearest first; of equally near ones any.

    By differences, not by products of matrices, which cards may round to ten bits.

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

    there = torch.from_numpy(pool.astype(np.float32)).to(device)
    indices, distances = np.empty((len(asked), k), dtype=np.int64), np.empty((len(asked), k), dtype=np.float32)

    def search(start: int, stop: int) -> None:
        here = torch.from_numpy(asked[start:stop].astype(np.float32)).to(device)
        away = torch.cdist(here, there, compute_mode="donot_use_mm_for_euclid_dist")
        if not itself:
            away.diagonal(start).fill_(torch.inf)
        found = away.topk(k, largest=False)
        indices[start:stop], distances[start:stop] = found.indices.cpu().numpy(), found.values.cpu().numpy()

    size = max(1, min(BLOCK, ENTRIES // len(pool)))
    for start in range(0, len(asked), size):
        search(start, start + size)
    if device == "cuda":
        torch.cuda.empty_cache()  # training asks how much of the card is free
    return indices, distances
