"""``topocraft benchmark``: what is asked reaches the grid, what came of it is told, and what cannot be is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from topocraft.baselines.method import Method, Output, Run
from topocraft.baselines.preparation import open_preparation
from topocraft.cli.quantities import bytes_of, seconds_of

Command = Callable[..., Result]
CELLS = ("cells.h5ad", "-b", "batch", "--label-key", "celltype", "--no-umaps")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, quick_scores: None) -> list[Mapping[str, Any]]:
    """Run no method and draw nothing; return what the runs were asked."""
    calls: list[Mapping[str, Any]] = []

    def execute(method: Method, prepared: Path, seed: int, **limits: Any) -> Run:
        calls.append({"method": method.name, "seed": seed, **limits})
        if method.name == "harmony":
            return Run(method.name, seed, "timed out", "Stopped after 2 h, the limit of time.")
        points = np.random.default_rng(seed).normal(size=(open_preparation(prepared).n_cells, 3)).astype(np.float32)
        return Run(method.name, seed, "ok", wall_seconds=1.0, peak_bytes=10**9, output=Output(embedding=points))

    monkeypatch.setattr("topocraft.benchmark.runner.execute", execute)
    monkeypatch.setattr("topocraft.benchmark.results.write_pictures", lambda *_: [])
    return calls


def test_a_grid_is_run_told_and_written(run: Command, folder: Path, asked: list[Mapping[str, Any]]) -> None:
    limits = ("--time-limit", "2h", "--memory-limit", "30GB", "--threads", "1")
    result = run(
        "benchmark", *CELLS, "-m", "topocraft, harmony", "-m", "topocraft", "--seeds", "2", *limits, "-o", "runs"
    )
    shared = {"time_limit": 7200.0, "memory_limit": 3e10, "threads": 1, "settings": None}
    assert asked == [{"method": name, "seed": seed, **shared} for seed in (0, 1) for name in ("topocraft", "harmony")]
    rows = pd.read_csv(folder / "runs" / "rows.csv")
    assert rows.loc[rows["kind"] == "control", "method"].nunique() == 5
    words = " ".join(result.stdout.split())
    assert "1 topocraft" in words
    assert "incomplete harmony" in words
    assert "control type oracle" in words
    assert "harmony on cells (2 runs): timed out. Stopped after 2 h, the limit of time." in words
    assert "2 runs did not end well; --retry runs them anew." in words
    assert "Written: runs/table.md, runs/table.csv, runs/rows.csv" in words
    assert "run 100%" in result.stderr


def test_the_same_command_goes_on_and_retry_runs_failures_anew(run: Command, asked: list[Mapping[str, Any]]) -> None:
    command = ("benchmark", *CELLS, "-m", "topocraft,harmony", "--no-controls", "-o", "runs")
    run(*command, "--quiet")
    assert len(asked) == 2
    result = run(*command, "--time-limit", "9h")
    assert "2 of 2 rows are there already." in result.stderr
    assert "1 run did not end well; --retry runs it anew." in result.stdout
    assert len(asked) == 2
    run(*command, "--retry", "--quiet")
    assert [call["method"] for call in asked] == ["topocraft", "harmony", "harmony"]


def test_tables_are_made_anew_without_a_run(run: Command, folder: Path, asked: list[Mapping[str, Any]]) -> None:
    run("benchmark", *CELLS, "-m", "topocraft", "--no-controls", "-o", "runs", "--quiet")
    table = (folder / "runs" / "table.md").read_bytes()
    (folder / "runs" / "table.md").unlink()
    shown = run("benchmark", "--table-only", "-o", "runs").stdout
    assert (folder / "runs" / "table.md").read_bytes() == table
    assert "topocraft" in shown
    assert len(asked) == 1


def test_every_file_is_a_dataset(run: Command, folder: Path) -> None:
    (folder / "cells.h5ad").rename(folder / "one.h5ad")
    (folder / "two.h5ad").write_bytes((folder / "one.h5ad").read_bytes())
    command = ("benchmark", "one.h5ad", "two.h5ad", "-b", "batch", "--no-umaps", "-m", "topocraft", "-o", "runs")
    run(*command, "--no-controls", "--quiet")
    assert pd.read_csv(folder / "runs" / "rows.csv")["dataset"].unique().tolist() == ["one", "two"]


def test_all_is_every_method(run: Command, asked: list[Mapping[str, Any]]) -> None:
    from topocraft.baselines import METHODS

    run("benchmark", *CELLS, "-m", "all", "--no-controls", "-o", "runs", "--quiet")
    assert [call["method"] for call in asked] == list(METHODS)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((*CELLS, "-m", "harmoni", "-o", "runs"), 1, "Did you mean 'harmony'?"),
        (("cels.h5ad", "-b", "batch", "-m", "harmony", "-o", "runs"), 1, "there is no 'cels.h5ad'"),
        (("cells.h5ad", "-b", "bach", "-m", "harmony", "-o", "runs"), 1, "Did you mean 'batch'?"),
        (("cells.h5ad", "-b", "batch", "--label-key", "type", "-m", "harmony", "-o", "runs"), 1, "there is no 'type'"),
        (("--table-only", "-o", "nowhere"), 1, "has none that can be read"),
        ((*CELLS, "-m", "harmony"), 2, "the folder to write into must be named"),
        (("-o", "runs"), 2, "For example: topocraft benchmark cells.h5ad -b batch --label-key celltype -m topocraft"),
        ((*CELLS, "-o", "runs"), 2, "it must be given, except with --table-only"),
        (("-b", "batch", "-m", "harmony", "-o", "runs"), 2, "it must be given, except with --table-only"),
        ((*CELLS, "-m", "harmony", "-o", "runs", "--seeds", "0"), 2, "it must be a whole number of at least 1; got 0"),
        ((*CELLS, "-m", "harmony", "-o", "runs", "--time-limit", "2"), 2, "as in 90s, 15m or 2h; got '2'"),
        ((*CELLS, "-m", "harmony", "-o", "runs", "--memory-limit", "0GB"), 2, "got '0GB'"),
        ((*CELLS, "-m", "harmony", "-o", "runs", "--threads", "0"), 1, "threads must be a whole number of at least 1"),
        ((*CELLS, "-m", " , ", "-o", "runs"), 2, "at least one method must be named; got none"),
        ((*CELLS, "-m", "all,harmoni", "-o", "runs"), 1, "Did you mean 'harmony'?"),
        (("--table-only", "-o", "runs", "--no-umaps"), 2, "because nothing is run; got --umaps. Leave one out."),
        (("cells.h5ad", "--table-only", "-o", "runs"), 2, "because nothing is run; got FILE. Leave one out."),
    ],
)
def test_what_cannot_be_is_refused(run: Command, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = run("benchmark", *arguments, code=code)
    assert told in " ".join(result.stderr.replace("│", " ").split())


def test_where_no_method_ends_well_no_table_is_shown(run: Command) -> None:
    bare = ("cells.h5ad", "-b", "batch", "--no-umaps", "--no-controls")
    lines = run("benchmark", *bare, "-m", "harmony", "-o", "runs").stdout.splitlines()
    assert lines[0] == "No run of a method ended well: there is no table."
    assert lines[2] == "1 run did not end well; --retry runs it anew."


def test_cells_that_quality_control_leaves_out_are_counted(run: Command, folder: Path) -> None:
    adata = anndata.read_h5ad(folder / "cells.h5ad")
    adata.X.data[: adata.X.indptr[7]] = 0
    adata.write_h5ad(folder / "cells.h5ad")
    shown = run("benchmark", *CELLS, "-m", "topocraft", "--no-controls", "-o", "runs").stdout
    assert "Cells left out by quality control: 7 of 240 of cells." in shown
    assert "(233 cells, 3 batches; 7 of 240 left out by quality control)" in (folder / "runs" / "table.md").read_text()


@pytest.mark.parametrize("output", ["runs", "new/runs", "there"])
def test_a_column_that_is_not_there_leaves_nothing(run: Command, folder: Path, output: str) -> None:
    (folder / "there").mkdir()
    before = sorted(folder.rglob("*"))
    run("benchmark", "cells.h5ad", "-b", "bacth", "-m", "harmony", "-o", output, code=1)
    assert sorted(folder.rglob("*")) == before


def test_a_column_that_is_not_there_leaves_what_was_run_before(run: Command, folder: Path) -> None:
    run("benchmark", *CELLS, "-m", "topocraft", "--no-controls", "-o", "runs", "--quiet")
    before = sorted(folder.rglob("*"))
    run("benchmark", "cells.h5ad", "-b", "bacth", "-m", "harmony", "-o", "runs", code=1)
    assert sorted(folder.rglob("*")) == before


def test_an_interruption_says_that_rows_stay(run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Run:
        raise KeyboardInterrupt

    monkeypatch.setattr("topocraft.benchmark.runner.execute", interrupted)
    result = run("benchmark", *CELLS, "-m", "topocraft", "-o", "runs", code=130)
    assert "The same command goes on where it was." in result.stderr
    assert "Interrupted; written before that: 'runs/rows'." in result.stderr
    assert len(list((folder / "runs" / "rows").iterdir())) == 5, "the controls"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("15 min", 900), ("1.5h", 5400), ("2D", 172_800), (None, None)]
)
def test_times_are_read(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text, "--time-limit") == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 5e8), ("30 gb", 3e10), ("16GiB", 16 * 2**30), ("1.5TB", 1.5e12), (None, None)]
)
def test_sizes_are_read(text: str | None, size: float | None) -> None:
    assert bytes_of(text, "--memory-limit") == size
