"""Scores as tables on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from topocraft.evaluation.reading import by_type, heading_of, is_control, sections
from topocraft.metrics.catalogue import CATALOGUE

MOST_TYPES = 40


def evaluation_tables(scores: pd.DataFrame, width: int) -> Iterator[Table]:
    """Yield the scores of all cells and of covariates: a row per score, a column per embedding and control.

    Where they do not fit side by side into ``width``, the controls stand in a table of their own.
    """
    names = list(scores["embedding"].unique())
    own = [name for name in names if not is_control(scores, name)]
    bare = _width(_table(scores, []))
    widths, room = {name: _width(_table(scores, [name])) - bare for name in names}, width - bare
    together = list(_fitting(names, widths, room))
    apart = [*_fitting(own, widths, room), *_fitting(names[len(own) :], widths, room)]
    yield from (_table(scores, columns) for columns in (together if len(together) == 1 else apart))


def _fitting(names: Sequence[str], widths: Mapping[str, int], room: int) -> Iterator[list[str]]:
    """Deal columns out to tables that are no wider than ``room``, a column that is wider to one of its own."""
    chosen = list[str]()
    for name in names:
        if chosen and sum(widths[taken] for taken in chosen) + widths[name] > room:
            yield chosen
            chosen = []
        chosen.append(name)
    if chosen:
        yield chosen


def _width(table: Table) -> int:
    return Console(width=1000).measure(table).maximum


def _table(scores: pd.DataFrame, embeddings: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for name in embeddings:
        style = "" if is_control(scores, name) else "bold"
        table.add_column(Text(heading_of(name), style=style), justify="right", overflow="fold")
    for heading, rows in sections(scores):
        table.add_row(Text(heading, style="bold"))
        for score, values in rows.groupby("score", sort=False):
            by_name = values.set_index("embedding")["value"]
            table.add_row(f" {CATALOGUE[score].title}", *(_number(by_name[name]) for name in embeddings))
    return table


def type_tables(scores: pd.DataFrame) -> Iterator[Table]:
    """Return, per embedding, a table of its scores by cell type: a row per type; none where types are too many."""
    rows = by_type(scores)
    if rows["part"].nunique() > MOST_TYPES:
        return
    for name, own in rows[rows["kind"] == "embedding"].groupby("embedding", sort=False):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(f"{name} by cell type"), title_justify="left")
        table.add_column("cell type", overflow="fold")
        wide = own.pivot(index="part", columns="score", values="value")[list(dict.fromkeys(own["score"]))]
        for score in wide.columns:
            table.add_column(CATALOGUE[score].title, justify="right")
        for part, values in wide.iterrows():
            table.add_row(Text(str(part)), *(_number(value) for value in values))
        yield table


def evaluation_words(scores: pd.DataFrame) -> Iterator[str]:
    """Yield what must be read beside the scores: why some have no value, cautions, versions."""
    undefined = scores[scores["value"].isna() & (scores["reason"] != "")]
    for reason, rows in undefined.groupby("reason", sort=False):
        yield f"NA: {_titles(rows)}{_of_whom(rows, scores)}. {reason}"
    members = undefined[undefined["mean"] != ""]
    if len(members):
        own = _of_whom(members, scores)
        yield f"Means leave out {_titles(members)}{own}{', and do not compare with means over all' if own else ''}."
    n_types = by_type(scores)["part"].nunique()
    if n_types > MOST_TYPES:
        yield f"Scores of {n_types} cell types are not shown; they are among the rows of --csv and --json."
    for caution in scores.attrs["cautions"]:
        yield f"Note: {caution}"
    versions = ", ".join(f"{name} {version}" for name, version in scores.attrs["versions"].items())
    yield f"1 is best where nothing else is said; scores of other versions are not comparable: {versions}."


def _titles(rows: pd.DataFrame) -> str:
    return "; ".join(CATALOGUE[name].title for name in rows["score"].unique())


def _of_whom(rows: pd.DataFrame, scores: pd.DataFrame) -> str:
    """Name the embeddings that rows are of, unless they are of all."""
    names = rows["embedding"].unique()
    return "" if len(names) == scores["embedding"].nunique() else f" of {', '.join(names)}"


def _number(value: float) -> str:
    return "NA" if math.isnan(value) else f"{value:z.3f}"
