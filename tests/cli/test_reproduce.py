"""``topocraft reproduce``: the list, a recipe from end to end, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from topocraft.baselines.method import Method, Output, Run
from topocraft.baselines.preparation import open_preparation
from topocraft.reproduce import RECIPES, Recipe, Size
from topocraft.reproduce.sources import Real, Simulated

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, quick_scores: None) -> list[dict[str, Any]]:
    """Run no method and lay nothing out; return what the runs were asked."""
    calls: list[dict[str, Any]] = []

    def execute(method: Method, prepared: Path, seed: int, **limits: Any) -> Run:
        calls.append({"method": method.name, "seed": seed, **limits})
        points = np.random.default_rng(seed).normal(size=(open_preparation(prepared).n_cells, 3)).astype(np.float32)
        return Run(method.name, seed, "ok", wall_seconds=65.0, peak_bytes=10**9, output=Output(embedding=points))

    monkeypatch.setattr("topocraft.benchmark.runner.execute", execute)
    monkeypatch.setattr("topocraft.benchmark.results.write_pictures", lambda *_: [])
    return calls


def test_the_list_explains_every_recipe_and_writes_nothing(run: Command, folder: Path) -> None:
    before = sorted(folder.iterdir())
    shown = run("reproduce", "--list").stdout
    assert all(name in shown for name in RECIPES)
    assert "372,789" in shown
    assert "…" not in shown
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a recipe of few cells and one own dataset."""
    size = Size("few cells", (Simulated("baseline", 140, 60), Real("mine"), Real("other")), 1)
    recipe = Recipe("small", "Fig. 9", "Is it so?", size, size, controls=False)
    monkeypatch.setitem(RECIPES, "small", recipe)


def test_a_recipe_is_run_told_and_written(run: Command, folder: Path, asked: list[dict[str, Any]], small: None) -> None:
    (folder / "own").mkdir()
    (folder / "cells.h5ad").rename(folder / "own" / "mine.h5ad")
    size = ("--size", "smaller", "--cells", "130", "--data", "own", "-m", "harmony", "--threads", "1")
    result = run("reproduce", "small", *size, "--time-limit", "90s", "--memory-limit", "2GB", "-o", "out")
    limits = {"time_limit": 90.0, "memory_limit": 2e9, "threads": 1, "settings": None}
    assert asked == [{"method": "harmony", "seed": 0, **limits}] * 2
    words = " ".join(result.stdout.split())
    assert "1 harmony" in words
    assert "harmony on other: no data. There is no dataset 'other'." in words
    assert "Written: out/small.md, out/small.csv, out/small.png, out/table.md" in words
    assert "130 cells of a dataset at most." in (folder / "out" / "small.md").read_text()
    rows = pd.read_csv(folder / "out" / "rows.csv")
    assert rows["dataset"].unique().tolist() == ["baseline", "mine", "other"]
    assert rows["n_cells"].max() == 130


def test_where_nothing_is_scored_time_and_memory_are_told(
    run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # At the recipe's own size simulation alone takes a minute.
    draw = Simulated._draw
    monkeypatch.setattr(Simulated, "_draw", lambda source, cells, seed: draw(source, 80, seed))
    result = run("reproduce", "scalability", "--size", "smaller", "--largest", "20000", "-m", "harmony", "-o", "out")
    assert "1 min 5 s 1.0 GB" in " ".join(result.stdout.split())
    assert (folder / "out" / "scalability.png").exists()
    assert "## Ranking" not in (folder / "out" / "scalability.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("ablaton", "-o", "out"), 1, "there is no recipe 'ablaton'. Did you mean 'ablation'?"),
        (("nested", "--data", "away", "-o", "out"), 1, "data (--data) must be a folder of h5ad files"),
        (("scalability", "--cells", "100", "-o", "out"), 1, "Set largest (--largest)"),
        (("nested", "--seeds", "0", "--size", "smaller", "-o", "out"), 1, "seeds must be a whole number of at least 1"),
        (("nested", "-m", "harmoni", "--size", "smaller", "-o", "out"), 1, "Did you mean 'harmony'?"),
        (("nested",), 2, "the folder to write into must be named"),
        (("-o", "out"), 2, "a recipe must be named; --list shows them"),
        (("nested", "-o", "out", "--time-limit", "soon"), 2, "as in 90s, 15m or 2h; got 'soon'"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    run: Command, folder: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    before = sorted(folder.iterdir())
    result = run("reproduce", *arguments, code=code)
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert sorted(folder.iterdir()) == before
