"""Real cells that are missing fail a test in CI, and elsewhere leave it out."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_cells import VARIABLE, real_cells


@pytest.mark.parametrize("told", [{"CI": "true"}, {VARIABLE: "elsewhere"}, {"CI": "true", VARIABLE: ""}])
def test_missing_cells_fail_in_ci_and_where_they_were_named(tmp_path: Path, told: dict[str, str]) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"No test data .*cells.h5ad. Set {VARIABLE} to the folder"):
        real_cells("cells.h5ad", tmp_path, told)


def test_missing_cells_leave_out_the_test_of_a_stranger(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"Set {VARIABLE}"):
        real_cells("cells.h5ad", tmp_path, {})


@pytest.mark.parametrize("named", [False, True])
def test_cells_that_are_there_are_found(tmp_path: Path, named: bool) -> None:
    path = tmp_path / "cells.h5ad"
    path.touch()
    usual, told = (tmp_path / "other", {VARIABLE: str(tmp_path)}) if named else (tmp_path, {})
    assert real_cells("cells.h5ad", usual, told) == path
