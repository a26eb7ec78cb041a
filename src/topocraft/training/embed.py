"""From cells to their place on the map: posterior means in blocks, then principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from topocraft.errors import TrainingError, list_names
from topocraft.model.networks import Encoder

BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Projection:
    """A centred linear map: (x − center) @ axes, with center (d,) and axes (d, k), float32."""

    center: np.ndarray
    axes: np.ndarray

    def apply(self, means: np.ndarray) -> np.ndarray:
        """Return the coordinates of posterior means (n, d) as (n, k)."""
        projected: np.ndarray = (means - self.center) @ self.axes
        return projected


@torch.inference_mode()
def posterior_means(encoder: Encoder, expression: sparse.csr_matrix, names: np.ndarray | None = None) -> np.ndarray:
    """Return the posterior means, (n_cells, n_latent), float32; the encoder must be in evaluation mode.

    Raises
    ------
    TrainingError
        The mean of a cell is not finite; it is called by its name, or where there are no ``names`` by its number.
    """
    device = next(encoder.parameters()).device
    means = np.empty((expression.shape[0], encoder.mean.out_features), dtype=np.float32)
    for start in range(0, expression.shape[0], BLOCK):
        rows = expression[start : start + BLOCK].toarray()
        mean, _ = encoder(torch.from_numpy(rows).to(device))
        means[start : start + BLOCK] = mean.cpu().numpy()
    lost = np.flatnonzero(~np.isfinite(means).all(axis=1))
    if len(lost):
        raise TrainingError(
            f"Every cell must come to a finite place; {len(lost):,} of {len(means):,} do not: "
            f"{list_names(lost if names is None else names[lost], 3)}. Remove them, or lower learning_rate "
            "(--set learning_rate=1e-4)."
        )
    return means


def fit_projection(means: np.ndarray, n_components: int | None) -> Projection:
    """Return the map onto the leading principal components of ``means``; ``None`` leaves them as they are."""
    if n_components is None:
        return Projection(np.zeros(means.shape[1], np.float32), np.eye(means.shape[1], dtype=np.float32))
    from sklearn.decomposition import PCA

    fit = PCA(n_components=min(n_components, *means.shape), svd_solver="full").fit(means)
    return Projection(fit.mean_.astype(np.float32), fit.components_.T.astype(np.float32))
