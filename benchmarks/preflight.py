"""What ``--dry-run`` predicts of seconds and memory, against what the job then takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import process

if TYPE_CHECKING:
    from topocraft.plan import Plan

SETS = (
    "pancreas_baron_human_mouse",
    "pbmc_symphony_3chem",
    "rnamix_gradient",
    "kang_pbmc_ifn",
    "cellline_mixology",
    "pbmc_10x_6batch",
)
SIZES = (20, 100, 300)
"""Simulated cells, in thousands."""
WITHIN = 1.5
THREADS = 1
"""With one thread the seconds of the processor are those that the wall clock shows on quiet cores."""


def print_preflight(folder: Path, only: list[str] | None = None) -> None:
    """Print predicted and measured seconds and memory.

    Parameters
    ----------
    folder
        For the simulated files and for what is integrated; it is made where it is not there.
    only
        Names of the jobs; all where left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    print("predicted and measured, one thread; seconds of the processor (of the wall clock), peak memory:")
    worst = 1.0
    for name, file, memory in _jobs(folder):
        if only is None or name in only:
            plan, cost = process.apart(_plan, file, memory), _cost(file, memory, folder)
            ratios = plan.seconds / cost.processor, plan.peak_bytes / cost.peak
            worst = max(worst, *(max(ratio, 1 / ratio) for ratio in ratios))
            print(
                f"  {name}: {plan.seconds:.0f} s, {cost.processor:.0f} s ({cost.wall:.0f} s), × {ratios[0]:.2f}; "
                f"{plan.peak_bytes / 1e9:.2f} GB, {cost.peak / 1e9:.2f} GB, × {ratios[1]:.2f}",
                flush=True,
            )
    print(f"  at worst a factor of {worst:.2f} (at most {WITHIN})")


def _jobs(folder: Path) -> Iterator[tuple[str, Path, str]]:
    for name in SETS:
        yield name, process.DATA / f"{name}.h5ad", "1TB"
    for size in SIZES:
        simulated = folder / f"{size}k.h5ad"
        if not simulated.exists():
            shape = ["--cells", str(1000 * size), "--genes", "10000"]
            process.run(["simulate", "baseline", *shape, "-o", str(simulated)])
        yield f"{size}k", simulated, "1TB"
        yield f"{size}k:blocks", simulated, "1MB"


def _plan(file: Path, memory: str) -> Plan:
    from topocraft import IntegrationConfig
    from topocraft.data.files import read_many
    from topocraft.integration import Reading
    from topocraft.plan import make_plan
    from topocraft.streaming import plan_files

    reading, config = Reading("batch"), IntegrationConfig(threads=THREADS)
    if memory == "1MB":
        return plan_files([file], reading, config)
    return make_plan(reading.cells(read_many([file]).adata, config), config)


def _cost(file: Path, memory: str, folder: Path) -> process.Cost:
    output = folder / "integrated.h5ad"
    job = ["integrate", str(file), "-b", "batch", "-o", str(output), "--force", "--memory", memory]
    cost = process.run([*job, "--threads", str(THREADS)])
    output.unlink()
    return cost
