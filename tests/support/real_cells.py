"""Real cells, which lie outside the repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

VARIABLE = "TOPOCRAFT_TEST_DATA"


def real_cells(name: str, usual: Path, environment: Mapping[str, str]) -> Path:
    """Return the path of a data set by file name.

    Where it is missing, the test that asks for it is left out, but fails where the folder was named, and in CI.
    """
    folder = Path(environment.get(VARIABLE) or usual).resolve()
    path = folder / name
    if not path.is_file():
        said = f"No test data {path}. Set {VARIABLE} to the folder that holds {name}."
        if environment.get(VARIABLE) or environment.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said)
    return path
