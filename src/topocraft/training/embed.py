"""From cells to their place on the map: posterior means in blocks, then principal components."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from topocraft.errors import TrainingError, list_names
from topocraft.model.networks import Encoder
from topocraft.projection import Projection
from topocraft.randomness import some_of
from topocraft.rows import Rows

BLOCK = 2048
FITTED_CELLS = 100_000


def posterior_means(encoder: Encoder, expression: Rows, names: np.ndarray | None = None) -> np.ndarray:
    """Return the posterior means, (n_cells, n_latent), float32; the encoder must be in evaluation mode.

    Raises
    ------
    TrainingError
        The mean of a cell is not finite; it is called by its name, or where there are no ``names`` by its number.
    """
    means = np.empty((expression.shape[0], encoder.mean.out_features), dtype=np.float32)
    for start, block in _means(encoder, expression, names):
        means[start : start + BLOCK] = block
    return means


def project(
    encoder: Encoder,
    expression: Rows,
    n_components: int | None,
    generator: np.random.Generator,
    names: np.ndarray | None = None,
) -> tuple[Projection, np.ndarray]:
    """Return the map onto the leading principal components of the posterior means, and where it puts every cell.

    Of more than ``FITTED_CELLS`` cells the map is that of as many, drawn at random, so that the means of all need not
    be held at once. Raises as ``posterior_means`` does.
    """
    drawn = some_of(expression.shape[0], FITTED_CELLS, generator)
    if drawn is None:
        means = posterior_means(encoder, expression, names)
        projection = fit_projection(means, n_components)
        return projection, projection.apply(means)
    projection = fit_projection(posterior_means(encoder, expression[drawn]), n_components)
    points = np.empty((expression.shape[0], projection.axes.shape[1]), dtype=np.float32)
    for start, block in _means(encoder, expression, names):
        points[start : start + BLOCK] = projection.apply(block)
    return projection, points


@torch.inference_mode()
def _means(encoder: Encoder, expression: Rows, names: np.ndarray | None) -> Iterator[tuple[int, np.ndarray]]:
    device = next(encoder.parameters()).device
    for start in range(0, expression.shape[0], BLOCK):
        rows = expression[start : start + BLOCK].toarray()
        mean, _ = encoder(torch.from_numpy(rows).to(device))
        block = mean.cpu().numpy()
        _require_finite(block, np.arange(start, start + len(block)) if names is None else names[start : start + BLOCK])
        yield start, block


def _require_finite(means: np.ndarray, names: np.ndarray) -> None:
    lost = names[~np.isfinite(means).all(axis=1)]
    if len(lost):
        raise TrainingError(
            f"Every cell must come to a finite place; these do not: {list_names(lost, 3)}. Remove them, or lower "
            "learning_rate (--set learning_rate=1e-4)."
        )


def fit_projection(means: np.ndarray, n_components: int | None) -> Projection:
    """Return the map onto the leading principal components of ``means``; ``None`` leaves them as they are."""
    if n_components is None:
        return Projection(np.zeros(means.shape[1], np.float32), np.eye(means.shape[1], dtype=np.float32))
    from sklearn.decomposition import PCA

    fit = PCA(n_components=min(n_components, *means.shape), svd_solver="full").fit(means)
    return Projection(fit.mean_.astype(np.float32), fit.components_.T.astype(np.float32))
