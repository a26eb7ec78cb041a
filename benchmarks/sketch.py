"""What clustering a third of the cells costs in scores, against clustering all of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
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
thread (`{atlas}`: all cores). `{real}` has 10,500 cells; the simulated cells are `topocraft simulate
baseline` ({cells:,} × {genes:,}), drawn anew with every seed. `{atlas}`: {atlas_cells:,} × {genes:,}, some 140,000 of
them trained on: a sketch of 50,000, as the default draws it, against all of them, of which {scored:,} are scored. That
is the loss that may be {most} at most; a third of some 10,000 cells is never drawn by default, and shows what a smaller
sketch would cost.

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
        "pbmc_10x_6batch", "simulated" or "atlas"; all where left out.
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
            _measure_atlas(seed, folder, log)
    _write_page(seeds, read_rows(log))


def _measure_atlas(seed: int, folder: Path, log: Path) -> None:
    name = f"{ATLAS}-{seed}"
    done = {row["variant"] for row in read_rows(log) if row["set"] == name}
    cells, result = folder / f"{name}.h5ad", folder / "integrated.h5ad"
    if not cells.exists():
        shape = ["--cells", str(ATLAS_CELLS), "--genes", str(GENES), "--seed", str(seed)]
        process.run(["simulate", "baseline", *shape, "-o", str(cells)])
    for variant, sketch in (("all", "null"), ("third", "50000")):
        if variant not in done:
            changed = ["--set", f"sketch={sketch}", "--force"]
            process.run(["integrate", str(cells), "-b", "batch", *changed, "-o", str(result)])
            row = {"set": name, "variant": variant, "seed": 0, "composite": _composite_of_some(result)}
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
    lines, by_default, smaller = [_head(seeds)], list[float](), list[float]()
    for name, seed in sorted({key[:2] for key in found}):
        whole, sketched = (found.get((name, seed, variant)) for variant in ("all", "third"))
        if whole is not None and sketched is not None:
            (by_default if name.startswith(ATLAS) else smaller).append(whole - sketched)
            lines.append(f"| `{name}` | {seed} | {whole:.3f} | {sketched:.3f} | {whole - sketched:+.3f} |")
    lines += ["", *_means(by_default, smaller), "", process.machine(), ""]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("written: docs/sketch.md")


def _means(by_default: list[float], smaller: list[float]) -> Iterator[str]:
    if by_default:
        mean = statistics.fmean(by_default)
        verdict = "within" if mean <= MOST else "above"
        yield f"As the default draws it: mean loss {mean:+.4f} of {len(by_default)}, {verdict} the {MOST} allowed."
    if smaller:
        yield f"A third of some 10,000 cells: mean loss {statistics.fmean(smaller):+.4f} of {len(smaller)}."
