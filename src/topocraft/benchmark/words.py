"""Runs and grids in words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from topocraft.benchmark.grid import Grid
from topocraft.benchmark.records import Record
from topocraft.benchmark.rows import runs_of
from topocraft.display import byte_size, duration

if TYPE_CHECKING:
    import pandas as pd


def in_a_line(record: Record) -> str:
    """Say how a run ended.

    Examples
    --------
    >>> from topocraft.benchmark.records import Record
    >>> from topocraft.benchmark.words import in_a_line
    >>> in_a_line(Record(dataset="mine", method="scvi", seed=0, status="timed out", reason="Over 2 h."))
    'mine · scvi · seed 0: timed out. Over 2 h.'
    """
    place = f"{record.dataset} · {record.method} · seed {record.seed}"
    if record.status != "ok":
        return f"{place}: {record.status}. {record.reason}".rstrip()
    values = {score.name: score.value for score in record.scores if not score.part}
    shown = [f"composite {values['composite']:.3f}"] if not math.isnan(values.get("composite", math.nan)) else []
    if not math.isnan(record.wall_seconds):
        shown += [duration(record.wall_seconds), byte_size(record.peak_bytes)]
    return f"{place}: {', '.join(shown) or 'scored'}"


def facts_of(grid: Grid) -> dict[str, str]:
    """Return the limits under which the runs of a grid stand, by name."""
    return {
        "time limit": "none" if grid.time_limit is None else duration(grid.time_limit),
        "memory limit": "what the machine has" if grid.memory_limit is None else byte_size(grid.memory_limit),
        "threads": "the cores granted" if grid.threads is None else str(grid.threads),
    }


def left_out(row: Any) -> str:
    """Say how many cells of a run's dataset quality control left out.

    Examples
    --------
    >>> from topocraft.benchmark.records import Record
    >>> from topocraft.benchmark.words import left_out
    >>> left_out(Record(dataset="mine", method="scvi", seed=0, n_cells=1_063, n_left_out=937))
    '937 of 2,000'
    """
    return f"{row.n_left_out:,} of {row.n_cells + row.n_left_out:,}"


def datasets_seen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the first run of every dataset of which any was prepared."""
    runs = runs_of(rows)
    return runs[runs["n_cells"] > 0].drop_duplicates("dataset")


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Write names in one line, the rest as a count."""
    every = [str(name) for name in names]
    return ", ".join(every[:limit]) + (f" and {len(every) - limit:,} more" if len(every) > limit else "")
