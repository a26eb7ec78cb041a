"""What clustering a third of the cells costs in scores, against clustering all of them."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import process
from quality import measure
from rows import add_row, read_rows

import topocraft

PAGE = process.REPOSITORY / "docs" / "sketch.md"
REAL, SIMULATED, CELLS, GENES = "pbmc_10x_6batch", "simulated", 12_000, 5_000
THIRD = {REAL: 3_500, SIMULATED: CELLS // 3}
ATLAS, ATLAS_CELLS, SCORED = "atlas", 200_000, 10_000
"""Simulated cells of which the default clusters a sketch, and how many of them are scored."""
MOST = 0.005
HEAD = """# What a sketch costs

Written by `python benchmarks/run.py sketch --seeds {seeds}`. Composite where all cells are clustered, and where a fair
sketch of a third is and the others take the clusters of their nearest sketched neighbour; the defaults in all else, one
thread. `{real}` has 10,500 cells; the simulated cells are `topocraft simulate baseline` ({cells:,} × {genes:,}), drawn
anew with every seed. `{atlas}`: {atlas_cells:,} × {genes:,}, some 140,000 of them trained on: a sketch of 50,000, as
the default draws it, against all of them, of which {scored:,} are scored. The loss may be {most} at most.

| cells | seed | all clustered | a third | loss |
|---|---|---|---|---|"""


def write_sketch(seeds: int, folder: Path, only: list[str] | None = None) -> None:
    """Measure what has not been measured, and write ``docs/sketch.md``.

    Parameters
    ----------
    seeds
        Of the real cells, and how often cells are simulated.
    folder
        Holds the simulated files and ``rows.jsonl``; what stands there is not measured again.
    only
        "pbmc_10x_6batch", "simulated" or "atlas" (one seed); all where left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "rows.jsonl"
    if only is None or REAL in only:
        measure(_variants(REAL), [REAL], seeds, log)
    for seed in range(seeds):
        if only is None or SIMULATED in only:
            name = f"{SIMULATED}-{seed}"
            if not (folder / f"{name}.h5ad").exists():
                shape = ["--cells", str(CELLS), "--genes", str(GENES), "--seed", str(seed)]
                process.run(["simulate", "baseline", *shape, "-o", str(folder / f"{name}.h5ad")])
            measure(_variants(SIMULATED), [name], 1, log, data=folder)
    if only is None or ATLAS in only:
        _measure_atlas(folder, log)
    _write_page(seeds, read_rows(log))


def _measure_atlas(folder: Path, log: Path) -> None:
    done = {row["variant"] for row in read_rows(log) if row["set"] == f"{ATLAS}-0"}
    cells, result = folder / f"{ATLAS}-0.h5ad", folder / "integrated.h5ad"
    if not cells.exists():
        process.run(["simulate", "baseline", "--cells", str(ATLAS_CELLS), "--genes", str(GENES), "-o", str(cells)])
    for variant, sketch in (("all", "null"), ("third", "50000")):
        if variant not in done:
            changed = ["--set", f"sketch={sketch}", "--force"]
            process.run(["integrate", str(cells), "-b", "batch", *changed, "-o", str(result)])
            row = {"set": f"{ATLAS}-0", "variant": variant, "seed": 0, "composite": _composite_of_some(result)}
            result.unlink()
            add_row(log, row)


def _composite_of_some(result: Path) -> float:
    adata = anndata.read_h5ad(result)
    trained = np.flatnonzero(~adata.obs["topocraft_set_aside"].to_numpy())
    some = adata[np.random.default_rng(0).choice(trained, SCORED, replace=False)].copy()
    scores = topocraft.evaluate(some, "batch", "celltype", embeddings="X_topocraft", controls=False)
    return float(scores.loc[(scores["score"] == "composite") & (scores["part"] == ""), "value"].iloc[0])


def _variants(kind: str) -> dict[str, dict[str, Any]]:
    return {"all": {"sketch": None}, "third": {"sketch": THIRD[kind]}}


def _head(seeds: int) -> str:
    sizes = {"cells": CELLS, "genes": GENES, "atlas_cells": ATLAS_CELLS, "scored": SCORED}
    return HEAD.format(seeds=seeds, real=REAL, atlas=ATLAS, most=MOST, **sizes)


def _write_page(seeds: int, rows: list[dict[str, Any]]) -> None:
    found = {(row["set"], row["seed"], row["variant"]): row["composite"] for row in rows}
    lines, losses = [_head(seeds)], []
    for name, seed in sorted({key[:2] for key in found}):
        whole, third = (found.get((name, seed, variant)) for variant in ("all", "third"))
        if whole is not None and third is not None:
            losses.append(whole - third)
            lines.append(f"| `{name}` | {seed} | {whole:.3f} | {third:.3f} | {whole - third:+.3f} |")
    lines += ["", f"Mean loss of {len(losses)} pairs: {statistics.fmean(losses):+.4f}.", "", process.machine(), ""]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("written: docs/sketch.md")
