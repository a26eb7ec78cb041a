"""A benchmark as a user runs it: nothing stands in for a method, a score or a picture."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from topocraft.cli import app
from topocraft.simulate.demo import demo_cells

METHODS, SETS = ("harmony", "topocraft", "unintegrated"), ("one", "two")
CONTROLS = {"type oracle", "batches shuffled", "types shuffled", "batch islands"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grid")
    for seed, name in enumerate(SETS):
        demo_cells(n_cells=240, n_genes=150, seed=seed).write_h5ad(folder / f"{name}.h5ad")
    cells = [str(folder / f"{name}.h5ad") for name in SETS]
    asked = ["-m", ",".join(METHODS), "--threads", "1", "-o", str(folder / "runs"), "--quiet"]
    result = CliRunner().invoke(app, ["benchmark", *cells, "-b", "batch", "--label-key", "celltype", *asked])
    assert result.exit_code == 0, result.output
    return folder / "runs"


def test_every_run_ended_well_and_has_its_scores(runs: Path) -> None:
    rows = pd.read_csv(runs / "rows.csv")
    assert set(rows["status"]) == {"ok"}
    own = rows[(rows["score"] == "composite") & rows["method"].isin(METHODS)]
    assert len(own) == len(METHODS) * len(SETS)
    assert own["value"].between(0, 1).all()
    assert set(rows.loc[rows["kind"] == "control", "method"]) == CONTROLS | {"unintegrated"}


def test_methods_stand_between_ceiling_and_floor(runs: Path) -> None:
    rows = pd.read_csv(runs / "rows.csv")
    composite = rows[rows["score"] == "composite"].groupby("method")["value"].mean()
    assert composite["type oracle"] == composite.max()
    assert composite.nsmallest(2).index.isin(CONTROLS).all()
    assert composite["topocraft"] > composite["unintegrated"]


def test_table_and_pictures_are_there(runs: Path) -> None:
    page = (runs / "table.md").read_text(encoding="utf-8")
    assert "2 methods on `one` (240 cells" in page
    drawn = {path.name for path in runs.glob("*.png")}
    assert {"scores.png", "costs.png", "umap-one.png", "umap-two.png"} <= drawn
    assert all(f"({name})" in page for name in drawn)
