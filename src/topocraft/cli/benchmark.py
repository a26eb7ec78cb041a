"""``topocraft benchmark``."""

from __future__ import annotations

import time
from typing import Any

import typer

from topocraft.cli import grids, options
from topocraft.cli.outcome import ERR, explained
from topocraft.cli.quantities import bytes_of, seconds_of
from topocraft.display import choose_progress

EXAMPLE = "topocraft benchmark cells.h5ad -b batch --label-key celltype -m topocraft,harmony,scvi --seeds 3 -o runs"
EXAMPLES = f"""[bold]Examples[/bold]

{EXAMPLE}

topocraft benchmark one.h5ad two.h5ad -b batch --label-key celltype -m all --time-limit 2h --memory-limit 30GB -o runs

topocraft benchmark --table-only -o runs"""


WITH_TABLE_ONLY = ("table_only", "output", "quiet")


def benchmark(
    context: typer.Context,
    files: options.BenchmarkFiles = None,
    batch_key: options.BenchmarkKeys = None,
    label_key: options.CellTypes = None,
    layer: options.Layer = None,
    methods: options.Methods = None,
    seeds: options.Seeds = None,
    controls: options.Controls = True,
    output: options.RunsFolder = None,
    umaps: options.Umaps = True,
    table_only: options.TableOnly = False,
    time_limit: options.TimeLimit = None,
    memory_limit: options.MemoryLimit = None,
    threads: options.Threads = None,
    retry: options.Retry = False,
    quiet: options.Quiet = False,
) -> None:
    """Run methods of integration on your cells, each in a process of its own, and rank them.

    It may be stopped at any moment; the same command goes on where it was. A method that fails, takes too long, needs
    too much memory or is not installed is a row that says so.
    """
    if output is None:
        raise typer.BadParameter("the folder to write into must be named.", param_hint="--output")
    if table_only:
        _refuse_others(context)
    else:
        _require(("FILE", files), ("--batch-key", batch_key), ("--methods", methods))
    names = [] if table_only else grids.method_names(methods or [])
    asked: dict[str, Any] = {
        "seeds": grids.seeds_of(1 if seeds is None else seeds),
        "controls": controls,
        "time_limit": seconds_of(time_limit, "--time-limit"),
        "memory_limit": bytes_of(memory_limit, "--memory-limit"),
        "threads": threads,
    }
    started = time.monotonic()
    with explained() as written, grids.kept(output, written), choose_progress(quiet, ERR) as progress:
        from topocraft.benchmark import Grid, contenders, datasets_of, rebuild, run_grid

        if table_only:
            rows = rebuild(output, progress=progress)
        else:
            columns: dict[str, Any] = {"batch_key": batch_key, "label_key": label_key, "layer": layer, "umap": umaps}
            grid = Grid(
                datasets=datasets_of(files or [], **columns),
                contenders=contenders(names),
                **asked,
            )
            rows = run_grid(grid, output, retry=retry, progress=progress)
    if not quiet:
        grids.tell(rows, output, time.monotonic() - started)


def _require(*given: tuple[str, object]) -> None:
    for name, value in given:
        if not value:
            raise typer.BadParameter(
                f"it must be given, except with --table-only. For example: {EXAMPLE}", param_hint=name
            )


def _refuse_others(context: typer.Context) -> None:
    """Refuse what --table-only would not look at."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in WITH_TABLE_ONLY and source is not None and source.name == "COMMANDLINE":
            shown = "FILE" if name == "files" else f"--{name.replace('_', '-')}"
            raise typer.BadParameter(
                f"only --output and --quiet may stand beside it, because nothing is run; got {shown}. Leave one out.",
                param_hint="--table-only",
            )
