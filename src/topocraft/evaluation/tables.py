"""Scores as tables on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from topocraft.evaluation.reading import by_type, heading_of, is_control, sections
from topocraft.metrics.catalogue import CATALOGUE


def evaluation_table(scores: pd.DataFrame) -> Table:
    """Return the scores of all cells and of covariates: a row per score, a column per embedding and control."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    embeddings = scores["embedding"].unique()
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
    """Return, per embedding, a table of its scores by cell type: a row per type."""
    rows = by_type(scores)
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
        titles = ", ".join(CATALOGUE[name].title for name in rows["score"].unique())
        yield f"NA: {titles}. {reason}"
    partial = scores[scores["value"].notna() & (scores["reason"] != "")]
    for reason in partial["reason"].unique():
        yield f"Means over the other members: {reason}"
    for caution in scores.attrs["cautions"]:
        yield f"Note: {caution}"
    versions = ", ".join(f"{name} {version}" for name, version in scores.attrs["versions"].items())
    yield f"1 is best where nothing else is said; scores of other versions are not comparable: {versions}."


def _number(value: float) -> str:
    return "NA" if math.isnan(value) else f"{value:.3f}"
