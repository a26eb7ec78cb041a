"""Defaults of the topology: one seed everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from topocraft.topology.clusters import find_topology
from topocraft.topology.components import fit_components, principal_components
from topocraft.topology.neighbors import nearest_neighbors


@pytest.mark.parametrize("function", [find_topology, fit_components, nearest_neighbors, principal_components])
def test_the_seed_is_nought(function: Callable[..., Any]) -> None:
    assert inspect.signature(function).parameters["seed"].default == 0
