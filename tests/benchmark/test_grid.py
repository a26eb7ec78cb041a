"""What can be asked of a grid, and what is refused."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anndata import AnnData

from topocraft.benchmark import Contender, Dataset, Grid, contenders, datasets_of
from topocraft.benchmark.grid import draws
from topocraft.errors import ConfigError, FileError

Named = Callable[..., tuple[Contender, ...]]


def test_a_contender_has_the_name_of_its_method_unless_it_has_one(named: Named) -> None:
    (plain,) = named("harmony")
    assert plain.name == "harmony"
    assert Contender(method=plain.method, name="gentle", settings={"theta": 1}).name == "gentle"


def test_methods_go_by_name() -> None:
    assert [contender.method.name for contender in contenders(["harmony", "topocraft"])] == ["harmony", "topocraft"]
    with pytest.raises(ConfigError, match="harmony"):
        contenders(["harmoni"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"datasets": []}, "datasets must hold at least one"),
        ({"contenders": []}, "contenders must hold at least one"),
        ({"seeds": []}, "seeds must hold at least one"),
        ({"seeds": [0, 1, 0]}, "seeds must have names of their own; more than once: '0'"),
        ({"seeds": range(1001)}, r"seeds must be at most 1,000; more were asked for\. Ask for fewer"),
        ({"seeds": range(10**20)}, "seeds must be at most 1,000"),
        ({"seeds": [0, -1]}, "seed must be a whole number from 0 to 2³² − 1; got -1"),
    ],
)
def test_a_grid_without_something_is_refused(demo: Dataset, named: Named, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Grid(**{"datasets": [demo], "contenders": named("good"), **changed})


def test_names_must_differ(demo: Dataset, named: Named) -> None:
    with pytest.raises(ConfigError, match="contenders must have names of their own; more than once: 'good'"):
        Grid(datasets=[demo], contenders=named("good", "noise", "good"))


def test_drawn_cells_are_read_for_every_seed_and_others_once(demo: Dataset, named: Named) -> None:
    drawn = Dataset(name="drawn", read=demo.read, drawn=True)
    grid = Grid(datasets=[demo, drawn], contenders=named("good"), seeds=(3, 4))
    assert [(dataset.name, seed, seeds) for dataset, seed, seeds in draws(grid)] == [
        ("demo", 3, (3, 4)),
        ("drawn", 3, (3,)),
        ("drawn", 4, (4,)),
    ]


def test_files_are_datasets_that_know_when_they_change(tmp_path: Path, cells: AnnData) -> None:
    paths = [tmp_path / folder / "cells.h5ad" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        cells.write_h5ad(path)
    one, two = datasets_of(paths, ["batch"], "celltype", layer=None, umap=False)
    assert (one.name, two.name, one.batch_key, one.umap) == ("one", "two", ["batch"], False)
    assert one.read(0).shape == cells.shape
    assert datasets_of(paths)[0].identity == one.identity != two.identity
    os.utime(paths[0], ns=(1, 1))
    assert datasets_of(paths)[0].identity != one.identity


def test_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"there is no 'cels.h5ad'"):
        datasets_of([tmp_path / "cels.h5ad"])


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ({"seeds": (0, 2**32)}, "seed must be a whole number from 0 to 2³² − 1; got 4294967296"),
        ({"threads": 0}, "threads must be a whole number of at least 1, or None; got 0"),
        ({"time_limit": 0.0}, "time_limit must be a number of seconds above 0, or None; got 0.0"),
        ({"memory_limit": float("inf")}, "memory_limit must be a number of bytes above 0, or None; got inf"),
    ],
)
def test_limits_are_refused_before_anything_is_read(
    demo: Dataset, named: Named, limit: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        Grid(datasets=[demo], contenders=named("good"), **limit)
