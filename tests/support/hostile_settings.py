"""How many examples: a quick and repeatable choice for every run of the tests, minutes of other ones in the soak."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings
from soaking import SEED, Soak

PER_ROUND = 200

Test = Callable[..., None]


def quick(examples: int) -> settings:
    """Return settings for a few examples, always the same ones."""
    return _settings(examples, derandomize=True)


def soak(name: str, per_round: int = PER_ROUND) -> Callable[[Test], Test]:
    """Return what turns a property into rounds of examples, other ones in each, for as long as the soak lasts."""

    def turned(test: Any) -> Test:
        inner = test.hypothesis.inner_test
        soaked = _settings(per_round, derandomize=False)(test)

        def run(*arguments: Any, **fixtures: Any) -> None:
            soaking = Soak(name)
            test.hypothesis.inner_test = _counted(inner, soaking)
            for number in soaking.rounds():
                seed(SEED * 10**6 + number)(soaked)(*arguments, **fixtures)

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]  # pytest reads the fixtures from it
        return run

    return turned


def _counted(inner: Callable[..., str | None], soaking: Soak) -> Test:
    """Count examples, by how they ended where the test returns that."""

    @functools.wraps(inner)
    def counted(*arguments: Any, **values: Any) -> None:
        ended = inner(*arguments, **values)
        soaking.tried[ended or "examples"] += 1

    return counted


def _settings(examples: int, *, derandomize: bool) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
