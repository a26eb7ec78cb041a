"""``topocraft reproduce``."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from topocraft.cli import grids, options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.cli.quantities import bytes_of, seconds_of
from topocraft.display import choose_progress

EXAMPLES = """[bold]Examples[/bold]

topocraft reproduce --list

topocraft reproduce ablation -o ablation

topocraft reproduce fig2-simulated --seeds 3 -m topocraft,harmony,scanorama -o fig2

topocraft reproduce scalability --largest 100000 -o scalability"""


def reproduce(
    name: options.RecipeName = None,
    show_list: options.ShowRecipes = False,
    size: options.RecipeSize = None,
    seeds: options.RecipeSeeds = None,
    cells: options.RecipeCells = None,
    largest: options.Largest = None,
    methods: options.RecipeMethods = None,
    data: options.OwnData = None,
    output: options.RunsFolder = None,
    umaps: options.Umaps = True,
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    threads: options.Threads = None,
    retry: options.Retry = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a result of the scCRAFT paper by name, and write its table and picture.

    At full size where its data can be had, else at the smaller size that --list names. It may be stopped at any moment;
    the same command goes on where it was.
    """
    if show_list:
        _show_recipes()
        return
    if name is None:
        raise typer.BadParameter("a recipe must be named; --list shows them.", param_hint="NAME")
    if output is None:
        raise typer.BadParameter("the folder to write into must be named.", param_hint="--output")
    names = None if methods is None else tuple(grids.method_names(methods))
    limits = seconds_of(time_limit, "--time-limit"), bytes_of(memory_limit, "--memory-limit")
    started = time.monotonic()
    with explained() as written, grids.kept(output, written), choose_progress(quiet, ERR) as progress:
        from topocraft.reproduce import Overrides
        from topocraft.reproduce import reproduce as run

        overrides = Overrides(
            size=size,
            seeds=seeds,
            cells=cells,
            largest=largest,
            methods=names,
            umaps=umaps,
            data=data,
            time_limit=limits[0],
            memory_limit=limits[1],
            threads=threads,
            retry=retry,
        )
        rows = run(name, output, overrides, progress=progress)
    if not quiet:
        grids.tell(rows, output, time.monotonic() - started, first=_own(output, name))


def _own(folder: Path, name: str) -> list[str]:
    return [f"{name}.{ending}" for ending in ("md", "csv", "png") if (folder / f"{name}.{ending}").exists()]


def _show_recipes() -> None:
    from rich import box
    from rich.table import Table

    from topocraft.reproduce import RECIPES

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=True)
    for column in ("recipe", "in the paper", "at full size", "smaller"):
        table.add_column(column, no_wrap=column == "recipe", overflow="fold")
    for recipe in RECIPES.values():
        table.add_row(recipe.name, f"{recipe.figure}. {recipe.asks}", recipe.full.told(), recipe.smaller.told())
    OUT.print(table)
