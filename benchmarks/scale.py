"""Whole jobs by number of cells, in memory and in blocks: seconds, and peak resident memory by the operating system."""

from __future__ import annotations

import json
import os
from pathlib import Path

import process

PAGE = process.REPOSITORY / "docs" / "scale.md"
MODES = {"memory": "1TB", "blocks": "1MB"}
"""What --memory makes of the choice between the two."""


class Size:
    """One row of the table: cells, genes, and what is to be reached in each mode (seconds, GB)."""

    def __init__(self, n_cells: int, n_genes: int, **goals: tuple[float, float]) -> None:
        self.n_cells, self.n_genes, self.goals = n_cells, n_genes, goals
        self.name = f"{n_cells // 1000}k"


SIZES = (
    Size(20_000, 10_000, memory=(75, 1.2), blocks=(90, 1.0)),
    Size(100_000, 10_000, memory=(150, 3.0), blocks=(210, 1.2)),
    Size(300_000, 10_000, memory=(300, 7.0), blocks=(420, 1.5)),
    Size(1_000_000, 5_000, blocks=(1200, 2.0)),
)


def write_scale(folder: Path, only: list[str] | None = None) -> None:
    """Measure what has not been measured, and write the page.

    Parameters
    ----------
    folder
        Holds the simulated files and ``rows.jsonl``; what stands there is not measured again.
    only
        Sizes ("20k") or sizes in one mode ("100k:blocks"); all where left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "rows.jsonl"
    for size in SIZES:
        for mode in size.goals:
            name = f"{size.name}:{mode}"
            if (only is None or {size.name, name} & set(only)) and name not in _rows(log):
                row = {"name": name, "machine": process.machine(), **_measured(size, mode, folder)}
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(f"  {name}: {row['seconds']:.0f} s, {row['peak'] / 1e9:.2f} GB", flush=True)
            _write_page(_rows(log))


def _measured(size: Size, mode: str, folder: Path) -> dict[str, float]:
    cells, output = folder / f"{size.name}.h5ad", folder / "integrated.h5ad"
    if not cells.exists():
        shape = ["--cells", str(size.n_cells), "--genes", str(size.n_genes)]
        process.run(["simulate", "baseline", *shape, "-o", str(cells)])
    job = ["integrate", str(cells), "-b", "batch", "-o", str(output), "--force", "--memory", MODES[mode]]
    load = os.getloadavg()[0]
    cost = process.run(job)
    output.unlink()
    return {"load": load, "seconds": cost.wall, "processor": cost.processor, "peak": cost.peak}


def _rows(log: Path) -> dict[str, dict[str, float]]:
    if not log.exists():
        return {}
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {row["name"]: row for row in rows}


def _write_page(rows: dict[str, dict[str, float]]) -> None:
    lines = [
        "# Time and memory by number of cells",
        "",
        "Written by `python benchmarks/run.py scale`. Simulated cells (`topocraft simulate baseline`, two batches),",
        "2,000 chosen genes, the defaults, whole job from file to file. Seconds on the wall clock, of the processor",
        "in brackets; peak resident memory as the operating system tells it. At the end, what is to be reached.",
        "",
        "| cells × genes | in memory | in blocks |",
        "|---|---|---|",
    ]
    for size in SIZES:
        shown = [_shown(rows.get(f"{size.name}:{mode}"), size.goals.get(mode)) for mode in MODES]
        lines.append(f"| {size.n_cells:,} × {size.n_genes:,} | {' | '.join(shown)} |")
    machines = sorted({str(row["machine"]) for row in rows.values()})
    loads = [row["load"] for row in rows.values()]
    if loads:
        lines += [
            "",
            f"The load of the machine was {min(loads):.1f} to {max(loads):.1f} as the jobs began. Where that is near",
            "or above its number of cores, other work slowed the jobs down; memory does not depend on that.",
        ]
    PAGE.write_text("\n".join([*lines, "", *machines, ""]), encoding="utf-8")


def _shown(row: dict[str, float] | None, goal: tuple[float, float] | None) -> str:
    if goal is None:
        return "–"
    due = f"(≤ {goal[0]:,.0f} s, ≤ {goal[1]:.1f} GB)"
    if row is None:
        return f"not measured {due}"
    return f"{row['seconds']:,.0f} s ({row['processor']:,.0f} s), {row['peak'] / 1e9:.2f} GB {due}"
