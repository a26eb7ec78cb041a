"""What is installed to test is what pyproject.toml allows: the pinned versions, and the lowest ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = {found.name: found for found in map(Requirement, PROJECT["dependencies"])}


def _pinned(name: str) -> dict[str, Version]:
    lines = (line.partition("==") for line in (ROOT / name).read_text().splitlines() if not line.startswith("#"))
    return {found.lower(): Version(version) for found, _, version in lines}


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-oldest.txt"])
def test_every_dependency_is_pinned_to_a_version_that_is_allowed(name: str) -> None:
    pinned = _pinned(name)
    assert {found for found in REQUIRED if found not in pinned} == set()
    assert [found for found, required in REQUIRED.items() if pinned[found] not in required.specifier] == []


def test_the_oldest_are_the_lowest_that_are_allowed() -> None:
    pinned = _pinned("constraints-oldest.txt")
    for name, required in REQUIRED.items():
        (lowest,) = (Version(one.version) for one in required.specifier if one.operator == ">=")
        if name != "torch":
            assert pinned[name].release[: len(lowest.release)] == lowest.release, name
