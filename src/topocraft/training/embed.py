"""From cells to their place on the map: posterior means in blocks, then principal components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from scipy.linalg import eigh

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
    if drawn is not None:
        projection = fit_projection(posterior_means(encoder, expression[drawn]), n_components)
        return projection, locate(encoder, expression, projection, names)
    means = posterior_means(encoder, expression, names)
    projection = fit_projection(means, n_components)
    blocks = ((start, means[start : start + BLOCK]) for start in range(0, len(means), BLOCK))
    return projection, _projected(blocks, projection, len(means))


def locate(encoder: Encoder, expression: Rows, projection: Projection, names: np.ndarray | None = None) -> np.ndarray:
    """Return where cells lie on a map, (n_cells, k), float32. Raises as ``posterior_means`` does."""
    return _projected(_means(encoder, expression, names), projection, expression.shape[0])


def _projected(blocks: Iterable[tuple[int, np.ndarray]], projection: Projection, n_cells: int) -> np.ndarray:
    points = np.empty((n_cells, projection.axes.shape[1]), dtype=np.float32)
    for start, block in blocks:
        points[start : start + BLOCK] = projection.apply(block)
    return points


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
    """Return the map onto the leading principal components of ``means``; ``None`` leaves them as they are.

    By the eigenvectors of the covariance, summed up in blocks in float64, so that no copy of the means is made; each
    points to where its largest entry is positive.
    """
    n_cells, width = means.shape
    if n_components is None:
        return Projection(np.zeros(width, np.float32), np.eye(width, dtype=np.float32))
    center, covariance = means.mean(axis=0, dtype=np.float64), np.zeros((width, width))
    for start in range(0, n_cells, BLOCK):
        apart = means[start : start + BLOCK] - center
        covariance += apart.T @ apart
    first = width - min(n_components, n_cells, width)
    axes = eigh(covariance, subset_by_index=(first, width - 1))[1][:, ::-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Projection(center.astype(np.float32), np.ascontiguousarray(axes, dtype=np.float32))
