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

from topocraft.config import PreprocessConfig
from topocraft.data.cells import from_anndata
from topocraft.data.preprocess import prepare
from topocraft.topology.components import principal_components

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


def integrated(name: str, folder: Path, changes: dict[str, Any] | None = None, seed: int = 0) -> anndata.AnnData:
    """Return a shared set integrated with some fields changed; the file is made once and kept in ``folder``."""
    changed = [f"{field}={json.dumps(value)}" for field, value in (changes or {}).items()]
    result = folder / f"{'-'.join([name, *changed, *([f'seed={seed}'] if seed else [])])}.h5ad"
    if not result.exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = [option for change in changed for option in ("--set", change)]
        file = str(process.DATA / f"{name}.h5ad")
        process.run(["integrate", file, "-b", "batch", "--seed", str(seed), *options, "-o", str(result)])
    return anndata.read_h5ad(result)


def score_one(name: str, changes: dict[str, Any], seed: int, folder: Path) -> dict[str, float]:
    """Return the scores of a shared set by scib-metrics (METHOD: bio, batch, composite and their parts)."""
    adata = integrated(name, folder, changes, seed)
    adata = adata[~adata.obs["topocraft_set_aside"].to_numpy()]
    cells = from_anndata(adata, "batch")
    before = principal_components(prepare(cells, PreprocessConfig()).expression, 50)
    return composite(adata.obsm["X_topocraft"], cells.batch, adata.obs["celltype"].astype(str), before)


def measure(variants: dict[str, dict[str, Any]], names: Iterable[str], seeds: int, log: Path) -> None:
    """Score every variant on every set with every seed; rows already in ``log`` are not run again."""
    done = {(row["set"], row["variant"], row["seed"]) for row in _rows(log)}
    jobs = [(name, variant, seed) for seed in range(seeds) for name in names for variant in variants]
    for name, variant, seed in jobs:
        if (name, variant, seed) not in done:
            scores = score_one(name, variants[variant], seed, log.parent / "integrated")
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
