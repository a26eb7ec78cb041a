"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VARIABLE = "TOPOCRAFT_TEST_DATA"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return the path of a data set by file name; a missing one fails the test that asks for it."""
    folder = Path(os.environ.get(VARIABLE) or ROOT / "../shared/data").resolve()

    def find(name: str) -> Path:
        path = folder / name
        if not path.is_file():
            pytest.fail(f"No test data {path}. Set {VARIABLE} to the folder that holds {name}.", pytrace=False)
        return path

    return find
