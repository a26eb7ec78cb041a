"""Whole jobs by number of cells, in memory, in blocks, by two processes, beside other methods: seconds and peaks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import process
from rows import Row, add_row, read_rows

from topocraft.benchmark import costs_figure, slopes, tidy
from topocraft.benchmark.records import Record
from topocraft.config import TrainingConfig
from topocraft.plot.saving import save_figure
from topocraft.training.sampler import epochs_for

PAGE = process.REPOSITORY / "docs" / "scale.md"
PICTURE = process.REPOSITORY / "docs" / "images" / "scale.png"
TITLES = {"memory": "in memory", "blocks": "in blocks", "two": "two processes", "harmony": "Harmony", "scvi": "scVI"}
PUBLISHED_STEP = 1.34
"""Seconds of one step of the published program: 1,024 cells of two batches, 2,000 genes, two cores."""
MODES = {"memory": ("1TB", 1), "blocks": ("1MB", 1), "two": ("1TB", 2)}
"""What --memory makes of the choice between memory and blocks, and how many processes torchrun starts."""
PEERS = ("harmony", "scvi")
SECONDS_OF_PEERS = 3600.0


class Size:
    """One row of the table: cells, genes, what is to be reached in each mode (seconds, GB), and what runs beside."""

    def __init__(self, n_cells: int, n_genes: int, *beside: str, **goals: tuple[float, float]) -> None:
        self.n_cells, self.n_genes, self.goals = n_cells, n_genes, goals
        self.name, self.columns = f"{n_cells // 1000}k", (*goals, *beside)


SIZES = (
    Size(20_000, 10_000, "two", *PEERS, memory=(75, 1.2), blocks=(90, 1.0)),
    Size(100_000, 10_000, *PEERS, memory=(150, 3.0), blocks=(210, 1.2)),
    Size(300_000, 10_000, "harmony", memory=(300, 7.0), blocks=(420, 1.5)),
    Size(1_000_000, 5_000, blocks=(1200, 2.0)),
)


def write_scale(folder: Path, only: list[str] | None = None) -> None:
    """Measure what has not been measured, and write the page.

    Parameters
    ----------
    folder
        Holds the simulated files and ``rows.jsonl``; what stands there is not measured again.
    only
        Sizes ("20k") or one column of a size ("100k:blocks", "20k:two", "20k:harmony"); all where left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "rows.jsonl"
    _write_page(_rows(log))
    for size in SIZES:
        for mode in size.columns:
            name = f"{size.name}:{mode}"
            if (only is None or {size.name, name} & set(only)) and name not in _rows(log):
                measured = process.apart(_peer, size, mode, folder) if mode in PEERS else _measured(size, mode, folder)
                row = {"name": name, "machine": process.machine(), **measured}
                add_row(log, row)
                print(f"  {name}: {_shown(row, None)}", flush=True)
                _write_page(_rows(log))


def _measured(size: Size, mode: str, folder: Path) -> Row:
    (memory, processes), output = MODES[mode], folder / "integrated.h5ad"
    job = ["integrate", str(_simulated(size, folder)), "-b", "batch", "-o", str(output), "--force", "--memory", memory]
    load = os.getloadavg()[0]
    cost = process.run(job, processes)
    output.unlink()
    return {"load": load, "seconds": cost.wall, "processor": cost.processor, "peak": cost.peak}


def _simulated(size: Size, folder: Path) -> Path:
    cells = folder / f"{size.name}.h5ad"
    if not cells.exists():
        shape = ["--cells", str(size.n_cells), "--genes", str(size.n_genes)]
        process.run(["simulate", "baseline", *shape, "-o", str(cells)])
    return cells


def _peer(size: Size, name: str, folder: Path) -> Row:
    """Run another method on cells that are prepared for it: its own seconds, without reading and preparing."""
    from topocraft.baselines import METHODS
    from topocraft.baselines.execution import execute
    from topocraft.baselines.preparation import write_preparation
    from topocraft.data.cells import from_anndata
    from topocraft.data.files import read_many

    cells, load = from_anndata(read_many([_simulated(size, folder)]).adata, "batch"), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        prepared = write_preparation(cells, Path(place, "cells"))
        run = execute(METHODS[name], prepared.folder, seed=0, time_limit=SECONDS_OF_PEERS)
    if run.status != "ok":
        return {"load": load, "status": run.status}
    return {"load": load, "seconds": run.wall_seconds, "processor": run.cpu_seconds, "peak": run.peak_bytes}


def _rows(log: Path) -> dict[str, Row]:
    return {row["name"]: row for row in read_rows(log)}


def _write_page(rows: dict[str, Row]) -> None:
    lines = [
        "# Time and memory by number of cells",
        "",
        "Written by `python benchmarks/run.py scale`. Simulated cells (`topocraft simulate baseline`, two batches),",
        "2,000 chosen genes, the defaults, whole job from file to file. Seconds on the wall clock, of the processor",
        "in brackets; peak resident memory as the operating system tells it. At the end, what is to be reached.",
        "Two processes are started by torchrun; their peak is that of the larger. Harmony and scVI run by their own",
        "defaults, on cells that are prepared for them already: their seconds do not hold reading and preparing. Both",
        "take one core. scVI was not run on more than 100,000 cells, where its steps are as many again; Harmony not on",
        "a million, which would have to be prepared in memory.",
        "",
        f"| cells × genes | {' | '.join(TITLES.values())} | published program, its steps alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        shown = [
            _shown(rows.get(f"{size.name}:{mode}"), size.goals.get(mode)) if mode in size.columns else "–"
            for mode in TITLES
        ]
        seconds = f"{PUBLISHED_STEP * _steps(size):,.0f} s"
        lines.append(f"| {size.n_cells:,} × {size.n_genes:,} | {' | '.join(shown)} | {seconds} |")
    lines += [
        "",
        f"The last column is reckoned, not run: {PUBLISHED_STEP} s a step of the published program on two cores, times",
        "the steps of its schedule (150, above 100,000 cells as many as draw every cell one and a half times). What it",
        "does before and after training comes on top, and it holds the chosen genes dense:",
        f"{SIZES[-1].n_cells * 2_000 * 4 / 1e9:.0f} GB of a million cells for every copy. On a GPU: not measured.",
        "In blocks memory grows by some 900 bytes a cell, not only by the 200 of its embedding: its components and its",
        "place on the map are as large, and it has a name, a digest, a batch and clusters.",
        *_curve(rows),
    ]
    machines = sorted({str(row["machine"]) for row in rows.values()})
    loads = [row["load"] for row in rows.values()]
    if loads:
        lines += [
            "",
            f"The load of the machine was {min(loads):.1f} to {max(loads):.1f} as the jobs began. Where that is near",
            "or above its number of cores, other work slowed the jobs down; memory does not depend on that.",
        ]
    PAGE.write_text("\n".join([*lines, "", *machines, ""]), encoding="utf-8")


def _steps(size: Size) -> int:
    """Return the steps of the published program: two batches of 512 cells are a step, and an epoch."""
    return epochs_for(size.n_cells, 2, TrainingConfig())


def _curve(rows: dict[str, Row]) -> list[str]:
    """Draw what was measured over the number of cells, and return what the page says of it."""
    records = [
        Record(
            dataset=size.name,
            method=TITLES[mode],
            seed=0,
            n_cells=size.n_cells,
            wall_seconds=row["seconds"],
            peak_bytes=row["peak"],
        )
        for size in SIZES
        for mode in size.columns
        if "seconds" in (row := rows.get(f"{size.name}:{mode}", {}))
    ]
    if not records:
        return []
    table = tidy(records)
    save_figure(costs_figure(table), PICTURE, force=True)
    growth = slopes(table).dropna(subset=["wall_seconds"])
    said = [f"{name} {row.wall_seconds:.2f} and {row.peak_bytes:.2f}" for name, row in growth.iterrows()]
    lines = ["", "![Seconds and memory over the number of cells](images/scale.png)"]
    if not said:
        return lines
    note = "The cells of the last row have half of the genes, and more of them pass quality control and are trained on."
    return [*lines, "", f"Log-log slopes of time and memory: {'; '.join(said)}.", note]


def _shown(row: Row | None, goal: tuple[float, float] | None) -> str:
    due = "" if goal is None else f" (≤ {goal[0]:,.0f} s, ≤ {goal[1]:.1f} GB)"
    if row is None:
        return f"not measured{due}"
    if "status" in row:
        return str(row["status"])
    return f"{row['seconds']:,.0f} s ({row['processor']:,.0f} s), {row['peak'] / 1e9:.2f} GB{due}"
