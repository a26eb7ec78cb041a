"""Scores on every shared set: the choices that were measured, and the seeds they were measured with."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anndata
import process
from scores import composite

from topocraft import IntegrationConfig, Integrator
from topocraft.data.cells import from_anndata
from topocraft.data.preprocess import express
from topocraft.topology.clusters import principal_components

SETS = (
    "pbmc_10x_6batch",
    "cellline_mixology",
    "malaria_berghei_10x_ss2",
    "kang_pbmc_ifn",
    "pancreas_cepo_3batch",
    "pancreas_baron_human_mouse",
    "rnamix_gradient",
    "pbmc_symphony_3chem",
)


def score_one(name: str, changes: dict[str, Any], seed: int) -> dict[str, float]:
    """Integrate one shared set and return its scores (METHOD: bio, batch, composite and their parts)."""
    adata = anndata.read_h5ad(process.DATA / f"{name}.h5ad")
    cells = from_anndata(adata, "batch")
    model = Integrator(IntegrationConfig(seed=seed).with_values(**changes)).fit(cells)
    kept = model.cells_.kept
    before = principal_components(express(cells, model.fitted_.genes)[kept], 50)
    embedding = model.embed(cells)[kept]
    return composite(embedding, cells.batch[kept], adata.obs["celltype"].astype(str)[kept], before)


def integrated(name: str, folder: Path) -> anndata.AnnData:
    """Return a shared set integrated with the defaults; the file is made once and kept in ``folder``."""
    result = folder / f"{name}.h5ad"
    if not result.exists():
        folder.mkdir(parents=True, exist_ok=True)
        process.run(["integrate", str(process.DATA / f"{name}.h5ad"), "-b", "batch", "-o", str(result)])
    return anndata.read_h5ad(result)


def measure(variants: dict[str, dict[str, Any]], names: Iterable[str], seeds: int, log: Path) -> None:
    """Score every variant on every set with every seed; rows already in ``log`` are not run again."""
    done = {(row["set"], row["variant"], row["seed"]) for row in _rows(log)}
    jobs = [(name, variant, seed) for seed in range(seeds) for name in names for variant in variants]
    for name, variant, seed in jobs:
        if (name, variant, seed) not in done:
            scores = score_one(name, variants[variant], seed)
            row = {"set": name, "variant": variant, "seed": seed, **scores}
            with log.open("a") as file:
                file.write(json.dumps(row) + "\n")


def table(log: Path) -> str:
    """Return the median composite (bio/batch) over seeds: a row for each set, a column for each variant."""
    rows = _rows(log)
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    lines = ["| set | " + " | ".join(variants) + " |", "|---" * (len(variants) + 1) + "|"]
    for name in dict.fromkeys(row["set"] for row in rows):
        entries = [_entry([row for row in rows if (row["set"], row["variant"]) == (name, v)]) for v in variants]
        lines.append(f"| `{name}` | " + " | ".join(entries) + " |")
    return "\n".join(lines)


def _entry(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "not measured"
    whole, bio, batch = (statistics.median(row[key] for row in rows) for key in ("composite", "bio", "batch"))
    return f"{whole:.3f} ({bio:.2f}/{batch:.2f}; n={len(rows)})"


def _rows(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
