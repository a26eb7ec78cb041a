"""What commands that run grids of methods share: what is asked, and what is told at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from topocraft.cli.outcome import ERR, OUT
from topocraft.display import duration

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

EVERY = "all"
WRITTEN = ("table.md", "table.csv", "rows.csv", "rows.parquet")
MOST_DATASETS = 4


def method_names(given: Sequence[str]) -> list[str]:
    """Return names of methods from texts with commas between them, each once; "all" stands for every method."""
    from topocraft.baselines import METHODS

    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter("at least one method must be named; got none.", param_hint="--methods")
    return list(dict.fromkeys(one for name in names for one in (METHODS if name == EVERY else [name])))


def seeds_of(count: int) -> range:
    """Return the seeds 0, 1, … of so many runs."""
    if count < 1:
        raise typer.BadParameter(f"it must be a whole number of at least 1; got {count}.", param_hint="--seeds")
    return range(count)


@contextmanager
def kept(folder: Path, written: list[Path]) -> Iterator[None]:
    """Say, where the work is interrupted, which rows stay, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        if any((folder / "rows").glob("*.json")):
            written.append(folder / "rows")
            ERR.print("The same command goes on where it was.")
        raise


def tell(rows: pd.DataFrame, folder: Path, seconds: float, first: Sequence[str] = ()) -> None:
    """Print the ranked table, what did not end well, and what was written; the ``first`` files before the others."""
    OUT.print(_table(rows))
    written = ", ".join(str(folder / name) for name in (*first, *WRITTEN) if (folder / name).exists())
    pictures = ", ".join(path.name for path in sorted(folder.glob("*.png"))) or "none"
    for line in (
        *_left_out(rows),
        *_failures(rows),
        f"{duration(seconds)}. Written: {written}",
        f"Pictures there: {pictures}",
    ):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(rows: pd.DataFrame) -> Table | str:
    from topocraft.benchmark.costs import costs_of

    if rows["score"].eq("composite").any():
        return ranking_table(rows)
    return costs_table(rows) if len(costs_of(rows)) else "No run of a method ended well: there is no table."


def _left_out(rows: pd.DataFrame) -> Iterator[str]:
    from topocraft.benchmark.words import datasets_seen, left_out, listed

    smaller = [f"{left_out(row)} of {row.dataset}" for row in datasets_seen(rows).itertuples() if row.n_left_out]
    if smaller:
        yield f"Cells left out by quality control: {listed(smaller)}."


def ranking_table(rows: pd.DataFrame) -> Table:
    """Return the ranked table for a terminal; of many datasets only the means."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from topocraft.benchmark import ranking
    from topocraft.benchmark.page import in_figures

    datasets = list(rows["dataset"].unique())
    shown = datasets if 1 < len(datasets) <= MOST_DATASETS else []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("place", "method"):
        table.add_column(column, no_wrap=True)
    for column in ("overall", "bio", "batch", *shown):
        table.add_column(Text(column), justify="right", overflow="fold")
    columns = ["overall", "bio", "batch", *(f"composite {name}" for name in shown)]
    for row in ranking(rows).to_dict(orient="records"):
        values = (in_figures(row[column]) for column in columns)
        where, style = (str(row["place"]), "") if row["group"] == "ranked" else (row["group"], "dim")
        table.add_row(where, Text(row["method"]), *values, style=style)
    return table


def costs_table(rows: pd.DataFrame) -> Table:
    """Return time and memory of every method by dataset, medians over runs."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from topocraft.benchmark.costs import costs_of
    from topocraft.display import byte_size

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("method", no_wrap=True)
    table.add_column("dataset", overflow="fold")
    for column in ("cells", "time", "peak memory"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in costs_of(rows).itertuples():
        costs = duration(row.wall_seconds), byte_size(row.peak_bytes)
        table.add_row(Text(row.method), Text(row.dataset), f"{row.n_cells:,}", *costs)
    return table


def _failures(rows: pd.DataFrame) -> Iterator[str]:
    from topocraft.benchmark.records import NO_DATA, NOT_RUN
    from topocraft.benchmark.rows import runs_of

    runs = runs_of(rows)
    failed = runs[runs["status"] != "ok"]
    for (dataset, method, status, reason), some in failed.groupby(
        ["dataset", "method", "status", "reason"], sort=False
    ):
        times = "" if len(some) == 1 else f" ({len(some)} runs)"
        yield f"{method} on {dataset}{times}: {status}. {reason}"
    n_kept = int((~failed["status"].isin([NO_DATA, NOT_RUN])).sum())
    if n_kept:
        some, those = ("run", "it") if n_kept == 1 else ("runs", "them")
        yield f"{n_kept:,} {some} did not end well; --retry runs {those} anew."
