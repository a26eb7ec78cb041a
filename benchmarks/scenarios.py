"""The paper's ten simulated scenarios, integrated and scored: ours, the cells before integration, and the controls."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import process
from rows import add_row, read_rows

import topocraft
from topocraft import IntegrationConfig
from topocraft.evaluation import CONTROLS
from topocraft.simulate.registry import PAPER
from topocraft.simulate.scenarios import simulate_scenario

PAGE = process.REPOSITORY / "docs" / "simulations.md"
SUMMARY = ("composite", "bio", "batch")
EMBEDDINGS = {"X_topocraft": "components", "X_auto": "best"}
HEAD = """# The ten simulated scenarios

Built by `python benchmarks/run.py scenarios --seeds {seeds}`: every scenario of the scCRAFT paper as
`topocraft simulate NAME --seed S` makes it (Splat, two batches, 4,000 cells × 10,000 genes before cells are taken
away), integrated by the defaults with the same seed, and by `--auto` (X_auto), and scored beside the controls.
Composite (bio/batch), medians over {seeds} seed{plural}; in brackets the lowest and the highest. What the controls are:
[scores.md](scores.md).
"""


def write_simulations(seeds: int, log: Path) -> None:
    """Run every scenario with every seed, but for rows already in ``log``, and write ``docs/simulations.md``."""
    done = {(row["scenario"], row["seed"]) for row in _rows(log)}
    for seed in range(1, seeds + 1):
        for name in PAPER:
            if (name, seed) not in done:
                add_row(log, _run(name, seed))
    rows = [row for row in _rows(log) if row["seed"] <= seeds]
    text = HEAD.format(seeds=seeds, plural="" if seeds == 1 else "s") + "\n" + "\n".join(_table(rows)) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print("written: docs/simulations.md")


def _run(name: str, seed: int) -> dict[str, Any]:
    adata = simulate_scenario(name, seed=seed)
    for embedding, coordinates in EMBEDDINGS.items():
        made = adata.copy()
        topocraft.integrate(made, "batch", config=IntegrationConfig(seed=seed).with_values(coordinates=coordinates))
        adata.obsm[embedding] = made.obsm["X_topocraft"]
    scores = topocraft.evaluate(adata, "batch", "celltype", embeddings=[*EMBEDDINGS], seed=seed)
    wide = scores[scores["part"] == ""].pivot(index="embedding", columns="score", values="value")
    found = {str(embedding): {score: float(row[score]) for score in SUMMARY} for embedding, row in wide.iterrows()}
    return {"scenario": name, "seed": seed, "scores": found}


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    embeddings = [*EMBEDDINGS, *CONTROLS]
    yield "| scenario | " + " | ".join(embeddings) + " |"
    yield "|---" * (len(embeddings) + 1) + "|"
    for name in PAPER:
        own = [row["scores"] for row in rows if row["scenario"] == name]
        yield (
            f"| `{name}` | "
            + " | ".join(_entry([scores[embedding] for scores in own]) for embedding in embeddings)
            + " |"
        )
    means = (statistics.mean(_median(rows, name, embedding) for name in PAPER) for embedding in embeddings)
    if {row["scenario"] for row in rows} >= set(PAPER):
        yield "| mean | " + " | ".join(f"{mean:.3f}" for mean in means) + " |"


def _median(rows: list[dict[str, Any]], name: str, embedding: str) -> float:
    return statistics.median(row["scores"][embedding]["composite"] for row in rows if row["scenario"] == name)


def _entry(scores: list[dict[str, float]]) -> str:
    whole, bio, batch = (statistics.median(score[name] for score in scores) for name in SUMMARY)
    spread = [score["composite"] for score in scores]
    between = f" [{min(spread):.3f}–{max(spread):.3f}]" if len(spread) > 1 else ""
    return f"{whole:.3f} ({bio:.2f}/{batch:.2f}){between}"


def _rows(log: Path) -> list[dict[str, Any]]:
    """Return the rows that hold all embeddings; those of before ``--auto`` are made again."""
    return [row for row in read_rows(log) if row["scores"].keys() >= EMBEDDINGS.keys()]
