"""A process that is killed, and killed again, ends with the table of one that was not."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pandas as pd

from topocraft.benchmark.rows import runs_of

LIBRARIES = ["topocraft.benchmark", "topocraft.simulate.demo", "scanpy"]
GRID = """
import time
import numpy as np
from topocraft.baselines.method import Method, Output, Run
from topocraft.baselines.preparation import open_preparation
from topocraft.benchmark import Contender, Dataset, Grid, results, run_grid, scorer
from topocraft.metrics.suite import Score
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells

results.write_pictures = lambda *_: []
scorer.make_reference = lambda judged, *_: judged
scorer.score_embedding = lambda points, _: (Score("composite", float(points[:, 0].mean())),)
texts = dict.fromkeys(("title", "summary", "licence", "homepage", "doi"), "")

def run(method, prepared, seed, **_):
    time.sleep(seconds)
    n_cells = open_preparation(prepared).n_cells
    points = np.random.default_rng([seed, len(method.name)]).normal(size=(n_cells, 4)).astype(np.float32)
    return Run(method.name, seed, "ok", wall_seconds=1.0, output=Output(embedding=points))

demo = Dataset(name="demo", read=lambda _: demo_cells(n_cells=90, n_genes=60, seed=1), identity="demo", umap=False)
methods = [Method(name=name, program=f"/nowhere/{name}.py", **texts) for name in ("one", "other")]
grid = Grid(datasets=[demo], contenders=[Contender(method=m) for m in methods], seeds=(0, 1), controls=False)
run_grid(grid, folder, run=run, progress=Silent())
"""

Process = multiprocessing.context.ForkServerProcess


def _start(folder: Path, seconds: float) -> Process:
    """Start the grid in a process that has its libraries from a server, so that the start takes no time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    process = context.Process(target=exec, args=(GRID, {"folder": str(folder), "seconds": seconds}))
    process.start()
    return process


def _rows(folder: Path) -> int:
    return len(list((folder / "rows").glob("*.json"))) if (folder / "rows").is_dir() else 0


def _kill_at(folder: Path, n_rows: int) -> None:
    process = _start(folder, 0.3)
    until = time.monotonic() + 120
    while _rows(folder) < n_rows and time.monotonic() < until and process.is_alive():
        time.sleep(0.01)
    assert _rows(folder) == n_rows, "it was not where it should be killed"
    process.kill()
    process.join()


def _finish(folder: Path) -> None:
    process = _start(folder, 0.0)
    process.join(120)
    assert process.exitcode == 0


def test_killed_twice_it_ends_with_the_same_table(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    _kill_at(killed, 1)
    _kill_at(killed, 3)
    _finish(killed)
    _finish(whole)
    assert (killed / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    assert len(runs_of(pd.read_csv(killed / "rows.csv"))) == 4
    assert not list(killed.glob("*/.*.partial"))
