"""Records as one tidy table: a row for every score of every run, and one for every run without any."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from topocraft.benchmark.records import Record
from topocraft.data.atomic import atomic_file, atomic_text
from topocraft.data.csv_text import csv_text
from topocraft.metrics.catalogue import CATALOGUE
from topocraft.metrics.suite import Score

RUN_COLUMNS = (
    "dataset",
    "method",
    "seed",
    "program",
    "kind",
    "gives",
    "settings",
    "status",
    "reason",
)
COST_COLUMNS = (
    "seconds",
    "wall_seconds",
    "cpu_seconds",
    "peak_bytes",
    "score_seconds",
    "n_cells",
    "n_genes",
    "n_batches",
    "n_types",
    "n_left_out",
    "versions",
)
NO_SCORE = Score("", math.nan)


def tidy(records: Iterable[Record]) -> pd.DataFrame:
    """Return records as a tidy table.

    Parameters
    ----------
    records
        In the order of the grid.

    Returns
    -------
    pandas.DataFrame
        One row per score, or per run where there is none. ``dataset``, ``method``, ``seed``, ``program``, ``kind``,
        ``gives``, ``settings`` (JSON); ``status`` and ``reason`` of the run; ``score``, a name in
        ``topocraft.metrics.catalogue.CATALOGUE``, ``part``, a cell type, "" for all cells, ``value``, ``spread`` over
        clustering seeds, ``mean``, the mean it enters, ``why``, the reason for a value that is NaN; ``seconds`` inside
        the method, ``wall_seconds`` and ``peak_bytes`` of the whole process, ``score_seconds``; ``n_cells`` and the
        like; ``versions`` (JSON).

    Examples
    --------
    >>> from topocraft.benchmark import tidy
    >>> from topocraft.benchmark.records import Record
    >>> rows = tidy([Record(dataset="mine", method="scvi", seed=0, status="timed out", reason="Over 2 h.")])
    >>> rows[["method", "status", "reason"]].values.tolist()
    [['scvi', 'timed out', 'Over 2 h.']]
    """
    columns = [*RUN_COLUMNS, "score", "part", "value", "spread", "mean", "why", *COST_COLUMNS]
    return pd.DataFrame([row for record in records for row in _rows(record)], columns=columns)


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    held = {item.name: getattr(record, item.name) for item in dataclasses.fields(record)}
    run = {name: _plain(held[name]) for name in (*RUN_COLUMNS, *COST_COLUMNS)}
    for score in record.scores or (NO_SCORE,):
        mean = CATALOGUE[score.name].mean if score.name and not score.part else ""
        found = {"score": score.name, "part": score.part, "value": score.value, "spread": score.spread}
        yield run | found | {"mean": mean, "why": score.reason}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def write_rows(rows: pd.DataFrame, folder: Path) -> str:
    """Write ``rows.csv``, and ``rows.parquet`` where pyarrow is installed; return what is amiss, if anything."""
    atomic_text(folder / "rows.csv", csv_text(rows))
    if importlib.util.find_spec("pyarrow") is None:
        (folder / "rows.parquet").unlink(missing_ok=True)  # of other rows than these
        return "rows.parquet is not written, rows.csv is: parquet needs pyarrow, pip install 'topocraft[benchmark]'."
    with atomic_file(folder / "rows.parquet") as partial:
        rows.to_parquet(partial, index=False, engine="pyarrow")
    return ""


def runs_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run of a tidy table, in its order, without the scores."""
    return rows[[*RUN_COLUMNS, *COST_COLUMNS]].drop_duplicates(["dataset", "method", "seed"]).reset_index(drop=True)
