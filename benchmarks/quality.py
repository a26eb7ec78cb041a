"""Scores on every shared set: the choices that were measured, and the seeds they were measured with."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import anndata
import process
from rows import add_row, read_rows

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
CHOICES: dict[str, dict[str, Any]] = {
    "default": {},
    'coordinates="best"': {"coordinates": "best"},
    'coordinates="latent"': {"coordinates": "latent"},
    'scope="batch"': {"scope": "batch"},
    'distance="squared"': {"distance": "squared"},
    'head="per_gene"': {"head": "per_gene"},
    'head="published"': {"head": "published"},
    "triplets_per_cluster=None": {"triplets_per_cluster": None},
}


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


def measure(
    variants: Mapping[str, dict[str, Any]],
    names: Sequence[str],
    seeds: int,
    log: Path,
    workers: int = 1,
    data: Path = process.DATA,
) -> None:
    """Score every variant on every set of ``data`` with every seed; rows already in ``log`` are not run again.

    ``workers`` runs go side by side, on one thread each.
    """
    done = {(row["set"], row["variant"], row["seed"]) for row in read_rows(log)}
    every = [(name, variant, seed) for seed in range(seeds) for variant in variants for name in names]
    with ThreadPoolExecutor(workers) as pool:
        asked = [pool.submit(_score, *job, variants[job[1]], data) for job in every if job not in done]
        for row in as_completed(asked):
            add_row(log, row.result())


def simulated(name: str, folder: Path) -> Path:
    """Draw a scenario with seed 1, unless it is there; return the folder of its file."""
    if not (folder / f"{name}.h5ad").exists():
        process.run(["simulate", name, "--seed", "1", "-o", str(folder / f"{name}.h5ad")])
    return folder


def _score(name: str, variant: str, seed: int, changes: dict[str, Any], data: Path) -> dict[str, Any]:
    """Integrate and evaluate by the commands; return the scores and what the integration took."""
    options = [option for field, value in changes.items() for option in ("--set", f"{field}={json.dumps(value)}")]
    options += ["--seed", str(seed), "--threads", "1"]
    with tempfile.TemporaryDirectory() as folder:
        result, scores = Path(folder, "integrated.h5ad"), Path(folder, "scores.json")
        cost = process.run(["integrate", str(data / f"{name}.h5ad"), "-b", "batch", *options, "-o", str(result)])
        asked = ["-b", "batch", "--label-key", "celltype", "--no-controls", "--json", str(scores)]
        process.run(["evaluate", str(result), *asked])
        found = json.loads(scores.read_text(encoding="utf-8"))["scores"]
    row = {"set": name, "variant": variant, "seed": seed, "seconds": cost.processor}
    return row | {score["score"]: score["value"] for score in found if not score["part"]}


def table(log: Path, names: Sequence[str] = SETS) -> str:
    """Return medians over seeds of the composite, with the lowest and the highest: a row a set, a column a variant."""
    rows = read_rows(log)
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    lines = ["| set | " + " | ".join(variants) + " |", "|---" * (len(variants) + 1) + "|"]
    for name in names:
        entries = [_entry([row for row in rows if (row["set"], row["variant"]) == (name, v)]) for v in variants]
        lines.append(f"| `{name}` | " + " | ".join(entries) + " |")
    lines.append("| mean | " + " | ".join(_mean([row for row in rows if row["variant"] == v]) for v in variants) + " |")
    return "\n".join(lines)


def _entry(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "not measured"
    scores = [row["composite"] for row in rows]
    bio, batch = (statistics.median(row[key] for row in rows) for key in ("bio", "batch"))
    spread = f" [{min(scores):.3f}–{max(scores):.3f}]" if len(scores) > 1 else ""
    return f"{statistics.median(scores):.3f}{spread} ({bio:.2f}/{batch:.2f})"


def _mean(rows: list[dict[str, Any]]) -> str:
    """Return the mean over sets of their medians, and the same of processor seconds."""
    names = {row["set"] for row in rows}
    means = [
        statistics.fmean(statistics.median(row[key] for row in rows if row["set"] == name) for name in names)
        for key in ("composite", "seconds")
    ]
    return f"{means[0]:.3f} of {len(names)} sets, {means[1]:.0f} s"
