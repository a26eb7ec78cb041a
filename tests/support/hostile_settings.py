"""How many examples: a quick and repeatable choice for every run of the tests, thousands in the soak."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SOAK_EXAMPLES = int(os.environ.get("TOPOCRAFT_SOAK_EXAMPLES", "5000"))


def quick(examples: int) -> settings:
    """Return settings for a few examples, always the same ones."""
    return _settings(examples, derandomize=True)


def soak(share: float = 1.0) -> settings:
    """Return settings for many examples, other ones each time; ``TOPOCRAFT_SOAK_EXAMPLES`` says how many."""
    return _settings(max(1, round(share * SOAK_EXAMPLES)), derandomize=False)


def _settings(examples: int, *, derandomize: bool) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
