"""A recipe by name: what is run, at which size, and what stands in its page, table and picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from topocraft.baselines import METHODS
from topocraft.errors import ConfigError, FileError, InputError
from topocraft.progress import Silent
from topocraft.reproduce import RECIPES, Overrides, Recipe, Size, Variant, grid_of, reproduce
from topocraft.reproduce.sources import Real, Simulated


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Return a recipe whose paper's data cannot be had."""
    small = Size("two scenarios", (Simulated("baseline", 140, 60), Simulated("common-3", 140, 60)), 2)
    full = Size("one dataset", (Real("pancreas"), Real("bct")), 1)
    made = Recipe("mine", "Fig. 9", "Is it so?", full=full, smaller=small, controls=False)
    monkeypatch.setitem(RECIPES, "mine", made)
    return made


def _reproduce(name: str, folder: Path, run: Any, progress: Any = None, **overrides: Any) -> pd.DataFrame:
    return reproduce(name, folder / "out", Overrides(**overrides), run=run, progress=progress or Silent())


def test_without_the_papers_data_the_smaller_size_is_run_and_said(
    recipe: Recipe, run: Any, tmp_path: Path, own: Path, heard: Any
) -> None:
    rows = _reproduce("mine", tmp_path, run, heard, methods=("harmony",))
    assert rows["dataset"].unique().tolist() == ["baseline", "common-3"]
    assert rows["seed"].unique().tolist() == [0, 1]
    assert heard.warnings[:2] == [
        "The data of the paper cannot be had: There is no network.",
        "Instead: two scenarios, two seeds.",
    ]
    text = (tmp_path / "out" / "mine.md").read_text()
    assert text.startswith("# mine\n\nFig. 9 of He et al. 2025, doi:10.1038/s42003-025-07988-y. Is it so?")
    assert "In the paper: one dataset, one seed. Here: two scenarios, two seeds." in text
    assert "`baseline` (140 cells, 2 batches)" in text
    assert "seeds: 0, 1." in text
    assert "topocraft 0." in text
    assert "![mine](mine.png)" in text
    assert (tmp_path / "out" / "mine.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(tmp_path / "out" / "mine.csv")
    assert table["method"].tolist()[0] == "harmony"


def test_with_some_of_the_papers_data_the_full_size_is_run_and_the_rest_are_rows(
    recipe: Recipe, run: Any, tmp_path: Path, own: Path
) -> None:
    (own / "pbmc_10x_6batch.h5ad").rename(own / "bct.h5ad")
    rows = _reproduce("mine", tmp_path, run, methods=("harmony",), data=own, size="full")
    statuses = rows.drop_duplicates(["dataset", "method"]).set_index(["dataset", "method"])["status"]
    assert statuses["bct", "harmony"] == "ok"
    assert statuses["pancreas", "harmony"] == "no data"
    assert "Here: the same, without pancreas, which cannot be had." in (tmp_path / "out" / "mine.md").read_text()


def test_nothing_to_run_on_is_an_error(recipe: Recipe, run: Any, tmp_path: Path, own: Path) -> None:
    with pytest.raises(InputError, match="There is no network"):
        _reproduce("mine", tmp_path, run, methods=("harmony",), size="full")


def test_overrides_reach_the_grid() -> None:
    recipe = RECIPES["fig2-simulated"]
    overrides = Overrides(seeds=2, cells=500, methods=("bbknn", "harmony"), time_limit=9.0, memory_limit=1e9, threads=1)
    grid = grid_of(recipe, recipe.full, overrides)
    assert [contender.name for contender in grid.contenders] == ["bbknn", "harmony"]
    assert (list(grid.seeds), grid.time_limit, grid.memory_limit, grid.threads) == ([0, 1], 9.0, 1e9, 1)
    assert len(grid.datasets) == 10
    assert "Here: the same, two seeds, but 500 cells of a dataset at most." in grid.note
    assert sum(dataset.umap for dataset in grid.datasets) == 4
    smaller = grid_of(recipe, recipe.smaller, Overrides(seeds=1))
    assert smaller.note.endswith("2,000 × 10,000 genes, one seed."), "and not three, which the recipe has"


def test_a_folder_of_own_sets_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"data \(--data\) must be a folder of h5ad files; there is no folder '.*away'"):
        grid_of(RECIPES["nested"], RECIPES["nested"].smaller, Overrides(data=tmp_path / "away"))


def test_all_methods_are_compared_unless_named_and_variants_are_ours() -> None:
    every = [name for name, method in METHODS.items() if not method.control]
    recipe = RECIPES["nested"]
    assert [one.name for one in grid_of(recipe, recipe.smaller, Overrides()).contenders] == every
    recipe = RECIPES["ablation"]
    grid = grid_of(recipe, recipe.smaller, Overrides(methods=("harmony",)))
    assert [one.name for one in grid.contenders] == ["default", "λ_D = 0", "λ_T = 0", "harmony"]
    assert {one.method.name for one in grid.contenders[:3]} == {"topocraft"}


def test_larger_datasets_are_left_out() -> None:
    recipe = RECIPES["scalability"]
    grid = grid_of(recipe, recipe.smaller, Overrides(largest=100_000))
    assert [dataset.name for dataset in grid.datasets] == ["20,000 cells", "50,000 cells", "100,000 cells"]
    assert (grid.scored, grid.datasets[0].umap) == (False, False)


@pytest.mark.parametrize(
    ("name", "overrides", "told"),
    [
        ("nested", {"seeds": 0}, "seeds must be a whole number of at least 1; got 0"),
        ("nested", {"cells": 5}, "cells must be a whole number of at least 20; got 5"),
        ("scalability", {"cells": 500}, "cells cannot be set for 'scalability': its datasets are sizes"),
        ("scalability", {"largest": 500}, "largest must leave a dataset of 'scalability'; 500 cells leave none"),
        ("nested", {"methods": ("harmoni",)}, "Did you mean 'harmony'?"),
    ],
)
def test_impossible_overrides_are_refused(name: str, overrides: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        grid_of(RECIPES[name], RECIPES[name].smaller, Overrides(**overrides))


def test_a_recipe_goes_on_where_it_was(
    recipe: Recipe, run: Any, calls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "mine", dataclasses.replace(recipe, scored=False, shown="growth"))
    overrides = {"size": "smaller", "largest": 140, "methods": ("harmony",)}
    _reproduce("mine", tmp_path, run, seeds=1, **overrides)
    assert len(calls) == 2
    _reproduce("mine", tmp_path, run, seeds=2, **overrides)
    assert [(name, seed) for name, seed, _ in calls[2:]] == [("harmony", 1), ("harmony", 1)]


def test_variants_are_run_with_their_settings(run: Any, calls: Any, tmp_path: Path, monkeypatch: Any) -> None:
    size = Size("one scenario", (Simulated("baseline", 140, 60),), 1)
    variants = (Variant("default"), Variant("λ_T = 3", {"lambda_triplet": 3.0}))
    made = Recipe("mine", "Fig. 9", "Is it so?", size, size, variants, shown="variants", controls=False)
    monkeypatch.setitem(RECIPES, "mine", made)
    rows = _reproduce("mine", tmp_path, run)
    assert calls == [("topocraft", 0, None), ("topocraft", 0, {"lambda_triplet": 3.0})]
    assert rows["method"].unique().tolist() == ["default", "λ_T = 3"]
