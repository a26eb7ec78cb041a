"""Which settings are best: the front, and the one point on it that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from topocraft.errors import ConfigError
from topocraft.metrics.yardstick import LabelFree

Rule = Literal["no-worse", "best"]
"""The highest score of those that are no worse than the defaults on either objective; or of all."""


def pareto_front(points: np.ndarray) -> np.ndarray:
    """Return which points no other one beats: at least as high in every objective, and higher in one.

    Parameters
    ----------
    points
        Objectives, (n, m), higher is better.

    Returns
    -------
    numpy.ndarray
        (n,), bool; of equal points all are on the front, or none.

    Examples
    --------
    >>> pareto_front(np.array([[0.9, 0.1], [0.5, 0.5], [0.4, 0.5]])).tolist()
    [True, True, False]
    """
    as_high = np.all(points[None] >= points[:, None], axis=2)
    higher = np.any(points[None] > points[:, None], axis=2)
    unbeaten: np.ndarray = ~np.any(as_high & higher, axis=1)
    return unbeaten


def ranked(scores: Sequence[LabelFree], start: LabelFree, rule: Rule = "no-worse") -> list[int]:
    """Return the places of ``scores`` from the best to the worst.

    Parameters
    ----------
    scores
        Of every setting.
    start
        Of the defaults, at the same length of training.
    rule
        "no-worse" puts those first that are at least as good as ``start`` in structure and in mixing; within either
        part, and under "best", the highest score comes first. The first to come wins a tie.

    Examples
    --------
    >>> start, bold, safe = LabelFree(0.5, 0.5, 0.5, 0.5), LabelFree(0.4, 0.4, 1.0, 1.0), LabelFree(0.6, 0.6, 0.5, 0.5)
    >>> ranked([start, bold, safe], start), ranked([start, bold, safe], start, "best")
    ([2, 0, 1], [1, 2, 0])
    """
    worse = [rule == "no-worse" and (one.structure < start.structure or one.mixing < start.mixing) for one in scores]
    return sorted(range(len(scores)), key=lambda place: (worse[place], -scores[place].score, place))


def require_rule(rule: str) -> None:
    """Refuse a rule that there is not."""
    if rule not in get_args(Rule):
        raise ConfigError(f"rule (--rule) must be 'no-worse' or 'best'; got {rule!r}.")
