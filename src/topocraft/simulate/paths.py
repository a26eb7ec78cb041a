"""Continuous differentiation: how the expression of genes changes along paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from topocraft.simulate.parameters import SplatParams

KNOTS = 5
"""Points of the random walk that a gene follows, its two ends among them (Splatter's number)."""
SMALLEST_FACTOR = 1e-6


def bridge(
    start: np.ndarray, end: np.ndarray, n_steps: int, sigma: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Draw smoothed Brownian bridges from one factor to another.

    A random walk W of four normal steps of standard deviation σ is tied to both ends,
    B(t) = start + W(t) − t · (W(1) + start − end), and drawn through its five points by a cubic spline.
    With σ = 0 it is the straight line.

    Parameters
    ----------
    start, end
        Factors at both ends, (n_genes,), positive.
    n_steps
        Points of the result, at least 2.
    sigma
        How far each gene strays, (n_genes,), at least 0.
    generator
        Where the walks are drawn from.

    Returns
    -------
    numpy.ndarray
        Factors, (n_steps, n_genes), at least 1e-6; the first row is ``start``, the last is ``end``.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0.

    Examples
    --------
    >>> ends = np.array([1.0]), np.array([3.0])
    >>> bridge(*ends, 3, np.zeros(1), np.random.default_rng(0)).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    from scipy.interpolate import CubicSpline

    knots = np.linspace(0.0, 1.0, KNOTS)[:, None]
    walk = np.zeros((KNOTS, len(start)))
    walk[1:] = np.cumsum(generator.normal(size=(KNOTS - 1, len(start))) * sigma, axis=0)
    tied = start + walk - knots * (walk[-1] + start - end)
    curve = CubicSpline(knots[:, 0], tied)(np.linspace(0.0, 1.0, n_steps))
    curve[0], curve[-1] = start, end
    floored: np.ndarray = np.maximum(curve, SMALLEST_FACTOR)
    return floored


def path_factors(
    params: SplatParams, ends: np.ndarray, sigma: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return the factor of every gene at every step of every path, (steps of all paths in turn, n_genes).

    Parameters
    ----------
    params
        Read for the paths' origins and steps.
    ends
        Factor by which each path changes each gene from its start to its end, (n_paths, n_genes).
    sigma
        How far each gene strays along each path, (n_paths, n_genes).
    generator
        Where the walks are drawn from.
    """
    reached = [np.ones(ends.shape[1])]
    steps = []
    for path, (origin, n_steps) in enumerate(
        zip(params.vector("path_from", int), params.vector("path_n_steps", int), strict=True)
    ):
        start = reached[origin]
        reached.append(start * ends[path])
        steps.append(bridge(start, reached[-1], n_steps, sigma[path], generator))
    return np.concatenate(steps)


def first_steps(params: SplatParams) -> np.ndarray:
    """Return, of each path, the row of its first step in what ``path_factors`` returns."""
    lengths = np.array(params.vector("path_n_steps", int))
    first: np.ndarray = np.cumsum(lengths) - lengths
    return first


def depths(params: SplatParams) -> np.ndarray:
    """Return the number of whole paths between the origin and the start of each path."""
    found: list[int] = []
    for origin in params.vector("path_from", int):
        found.append(0 if origin == 0 else found[origin - 1] + 1)
    return np.array(found)
