"""Pages of ``docs/results``: what the benchmark and the recipes gave on the machine that ran them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import process

PAGES = process.REPOSITORY / "docs" / "results"
COMPARED = "topocraft,harmony,scanorama,bbknn,scvi,scanvi,rpca,scdml,imap,unintegrated"
UNLABELLED = "topocraft,harmony,scanorama,bbknn,scvi,rpca,scdml,unintegrated"
"""Without iMAP too, of which a run takes hours here."""
QUICK = "topocraft,harmony,scanorama,bbknn,unintegrated"
REAL = tuple(str(process.DATA / f"{name}.h5ad") for name in ("cellline_mixology", "pbmc_10x_6batch"))


@dataclass(frozen=True)
class Result:
    """A page: the command that makes it, but for folder and threads, its Markdown file, and the time limit of a run."""

    command: tuple[str, ...]
    page: str
    limit: str = "45m"


def _recipe(name: str, *options: str) -> Result:
    return Result(("reproduce", name, "--size", "smaller", *options), f"{name}.md")


RESULTS = {
    "real": Result(("benchmark", *REAL, "-b", "batch", "--label-key", "celltype", "-m", COMPARED), "table.md", "30m"),
    "fig2-simulated": _recipe("fig2-simulated", "--seeds", "1", "-m", UNLABELLED),
    "ablation": _recipe("ablation"),
    "sweeps": _recipe("sweeps"),
    "scalability": _recipe("scalability", "--largest", "100000", "-m", QUICK),
}


def write_results(runs: Path, only: Sequence[str] | None = None) -> None:
    """Run commands, each in a folder of ``runs`` where it goes on; copy pages and pictures into ``docs/results``."""
    unknown = sorted(set(only or []) - set(RESULTS))
    if unknown:
        sys.exit(f"There is no result {', '.join(unknown)}. There are {', '.join(RESULTS)}.")
    environment = {**os.environ, "TOPOCRAFT_DATA": str(process.DATA)}
    for name in only or RESULTS:
        folder = runs / name
        limits = ["--threads", "1", "--time-limit", RESULTS[name].limit]
        command = [*RESULTS[name].command, *limits, "-o", str(folder)]
        subprocess.run([sys.executable, "-m", "topocraft", *command], check=True, env=environment)
        _copy(folder, PAGES / name, RESULTS[name].page)


def _copy(folder: Path, target: Path, page: str) -> None:
    """Copy a page and the pictures that it shows."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    text = (folder / page).read_text(encoding="utf-8")
    shutil.copy(folder / page, target / "README.md")
    for picture in sorted(folder.glob("*.png")):
        if f"({picture.name})" in text:
            shutil.copy(picture, target / picture.name)
    print(f"written: docs/results/{target.name}")
