"""The table and the picture of a recipe, beside those that every grid has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from topocraft.benchmark import costs_figure, page, ranking, scores_figure, slopes
from topocraft.benchmark.costs import costs_of
from topocraft.benchmark.folder import Folder
from topocraft.benchmark.page import table_of
from topocraft.data.atomic import atomic_text
from topocraft.data.csv_text import csv_text
from topocraft.plot import save_figure
from topocraft.reproduce.halves import halves_figure
from topocraft.reproduce.rates import type_rates, type_section, types_figure
from topocraft.reproduce.recipe import Recipe, Shown
from topocraft.reproduce.sweeps import sweep_figure, sweep_section, sweep_table
from topocraft.reproduce.variants import variants_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Result:
    """What shows the result: a tidy table, Markdown, and a picture, if there is anything to draw."""

    table: pd.DataFrame
    section: str
    figure: Figure | None


def write_shown(recipe: Recipe, folder: Path, rows: pd.DataFrame) -> list[Path]:
    """Write ``NAME.md``, ``NAME.csv`` and, where there is anything to draw, ``NAME.png``; return their paths."""
    place = Folder(folder)
    result = RESULTS[recipe.shown](recipe, place, rows)
    paths = [folder / f"{recipe.name}.{ending}" for ending in ("md", "csv", "png")]
    atomic_text(paths[1], csv_text(result.table))
    if result.figure is None:
        paths.pop().unlink(missing_ok=True)
    else:
        save_figure(result.figure, paths[2], force=True)
    pictures = [path.name for path in paths[2:]] + [name for name in place.pictures() if name.startswith("umap")]
    atomic_text(paths[0], page(rows, place.read_plan(), pictures, result.section))
    return paths


def _ranking(_recipe: Recipe, _folder: Folder, rows: pd.DataFrame) -> Result:
    table = ranking(rows)
    return Result(table, "", None if table["overall"].isna().all() else scores_figure(rows))


def _halves(_recipe: Recipe, _folder: Folder, rows: pd.DataFrame) -> Result:
    table = ranking(rows)
    return Result(table, "", None if table["overall"].isna().all() else halves_figure(rows))


def _variants(recipe: Recipe, _folder: Folder, rows: pd.DataFrame) -> Result:
    table = ranking(rows)
    names = [variant.name for variant in recipe.variants]
    return Result(table, "", None if table["overall"].isna().all() else variants_figure(rows, names))


def _growth(_recipe: Recipe, _folder: Folder, rows: pd.DataFrame) -> Result:
    costs, growth = costs_of(rows), slopes(rows)
    section = "## Growth\n\nLog-log slopes: 1 where ten times the cells cost ten times as much.\n\n" + table_of(
        growth.reset_index(names="method"), {"wall_seconds": "time", "peak_bytes": "memory", "n_sizes": "sizes"}, 2
    )
    return Result(costs, section if len(growth) else "", costs_figure(rows) if len(costs) else None)


def _types(_recipe: Recipe, folder: Folder, rows: pd.DataFrame) -> Result:
    table = type_rates(rows, folder)
    return Result(table, type_section(table), types_figure(table) if len(table) else None)


def _sweeps(recipe: Recipe, _folder: Folder, rows: pd.DataFrame) -> Result:
    table = sweep_table(rows, recipe.variants)
    return Result(table, sweep_section(table), sweep_figure(table) if len(table) else None)


RESULTS: dict[Shown, Callable[[Recipe, Folder, pd.DataFrame], Result]] = {
    "ranking": _ranking,
    "halves": _halves,
    "variants": _variants,
    "growth": _growth,
    "types": _types,
    "sweeps": _sweeps,
}
