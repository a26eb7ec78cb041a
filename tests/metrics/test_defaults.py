"""Defaults of the scores: those of the field, and one seed everywhere."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from topocraft import metrics

FUNCTIONS = [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]
NEIGHBORS = {
    "graph_connectivity": 14,  # scanpy's 15, which count the cell itself
    "batch_mixing": 15,
    "cross_batch_r2": 15,
    "knn_error": 15,
    "knn_r2": 15,
    "kbet": 50,
    "kbet_p_values": 50,
    "mixing_map": 50,
    "lisi": 89,  # three times the perplexity of 30, the cell itself counted
    "neighbors_within_types": 90,
}


def _defaults(name: str) -> dict[str, Any]:
    parameters = inspect.signature(getattr(metrics, name)).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "seed" in _defaults(name)])
def test_the_seed_is_nought(name: str) -> None:
    assert _defaults(name)["seed"] == 0


def test_neighbourhoods_are_of_the_usual_size() -> None:
    found = {name: _defaults(name)["k"] for name in FUNCTIONS if _defaults(name).get("k") is not None}
    assert found == NEIGHBORS


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "alpha" in _defaults(name)])
def test_the_level_of_tests_is_a_twentieth(name: str) -> None:
    assert _defaults(name)["alpha"] == 0.05


def test_clusterings_are_at_ten_resolutions_from_a_fifth_to_two() -> None:
    assert _defaults("leiden_clusterings")["resolutions"] == (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)


def test_distances_between_types_are_those_of_scgraph() -> None:
    defaults = _defaults("reference_distances")
    assert {name: defaults[name] for name in ("components", "trim", "min_batch", "min_type")} == {
        "components": 10,
        "trim": 0.05,
        "min_batch": 100,
        "min_type": 10,
    }
    assert _defaults("scgraph")["trim"] == 0.05
