"""Tables and pictures of a grid, made from its rows: at the end of a run, or at any time after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.benchmark.folder import Folder
from topocraft.benchmark.page import page
from topocraft.benchmark.pictures import write_pictures
from topocraft.benchmark.ranking import ranking
from topocraft.benchmark.rows import tidy, write_rows
from topocraft.data.atomic import atomic_text
from topocraft.data.csv_text import csv_text
from topocraft.display import attended

if TYPE_CHECKING:
    import pandas as pd

    from topocraft.progress import Progress


def rebuild(folder: Path | str, *, progress: Progress | None = None) -> pd.DataFrame:
    """Make tables and pictures anew from the rows of the grid that was run last; nothing is run.

    Parameters
    ----------
    folder
        Folder of a benchmark, finished or not.
    progress
        A display of progress; left out, bars on a terminal or in a notebook.

    Returns
    -------
    pandas.DataFrame
        The rows, as ``topocraft.benchmark.tidy`` makes them.

    Raises
    ------
    FileError
        The folder holds no benchmark, or another process writes into it.
    """
    place = Folder(Path(folder))
    place.read_plan()
    with attended(progress) as shown, place.locked():
        return write_results(place, shown)


def write_results(folder: Folder, progress: Progress) -> pd.DataFrame:
    """Write rows.csv, rows.parquet, table.csv, table.md and the pictures; return the rows."""
    plan = folder.read_plan()
    rows = tidy(folder.records(plan.entries))
    amiss = write_rows(rows, folder.path)
    if amiss:
        progress.warn(amiss)
    atomic_text(folder.path / "table.csv", csv_text(ranking(rows)))
    pictures = write_pictures(folder, plan, rows, progress)
    atomic_text(folder.path / "table.md", page(rows, plan, [path.name for path in pictures]))
    return rows
