"""The front against a slow loop, and the rule against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.errors import ConfigError
from topocraft.metrics.yardstick import LabelFree
from topocraft.tuning.choice import pareto_front, ranked, require_rule


def _beats(one: np.ndarray, other: np.ndarray) -> bool:
    as_high = all(a >= b for a, b in zip(one, other, strict=True))
    return as_high and any(a > b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("n_objectives", [1, 2, 3])
@pytest.mark.parametrize("n_levels", [3, 1000])
def test_the_front_is_that_of_a_slow_loop(n_objectives: int, n_levels: int) -> None:
    points = np.random.default_rng(n_levels).integers(0, n_levels, size=(60, n_objectives)) / n_levels
    slow = [not any(_beats(other, one) for other in points) for one in points]
    assert pareto_front(points).tolist() == slow
    assert 0 < sum(slow) < len(points)


def test_points_that_are_equal_do_not_beat_each_other() -> None:
    assert pareto_front(np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.4]])).tolist() == [True, True, False]


def _scores(structure: float, mixing: float) -> LabelFree:
    return LabelFree(structure, structure, mixing, mixing)


START = _scores(0.7, 0.6)
OFFERS = [START, _scores(0.69, 0.99), _scores(0.7, 0.7), _scores(0.8, 0.6), _scores(0.99, 0.59)]


def test_no_worse_takes_the_best_that_loses_nothing_on_either_objective() -> None:
    # 0.6 structure + 0.4 mixing: 0.66, 0.81, 0.70, 0.72, 0.83; the second and the fifth lose on one objective.
    assert ranked(OFFERS, START) == [3, 2, 0, 4, 1]
    assert ranked(OFFERS, START, "best") == [4, 1, 3, 2, 0]


def test_the_start_itself_is_chosen_where_all_else_loses_something_and_the_first_wins_a_tie() -> None:
    assert ranked([START, _scores(0.6, 0.99), _scores(0.99, 0.5)], START)[0] == 0
    assert ranked([START, START], START, "best") == [0, 1]


def test_an_unknown_rule_is_refused() -> None:
    require_rule("best")
    with pytest.raises(ConfigError, match=r"--rule\) must be 'no-worse' or 'best'; got 'worst'"):
        require_rule("worst")
