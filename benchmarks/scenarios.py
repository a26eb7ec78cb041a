"""The paper's ten simulated scenarios, integrated and scored: the defaults, ``--auto``, as published, and controls."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
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
EMBEDDINGS: dict[str, Callable[[int], IntegrationConfig]] = {
    "X_topocraft": lambda seed: IntegrationConfig(seed=seed),
    "X_auto": lambda seed: IntegrationConfig(seed=seed).with_values(coordinates="best"),
    "X_published": lambda seed: IntegrationConfig.published(seed=seed),
}
"""How each embedding is configured, by the seed."""
Found = dict[tuple[str, int], dict[str, dict[str, float]]]
"""Scores by scenario and seed, embedding and name."""
HEAD = """# The ten simulated scenarios

Built by `python benchmarks/run.py scenarios --seeds {seeds}`: every scenario of the scCRAFT paper as
`topocraft simulate NAME --seed S` makes it (Splat, two batches, 4,000 cells × 10,000 genes before cells are taken
away), integrated with the same seed by the defaults, by `--auto` (X_auto), and as published (X_published:
`IntegrationConfig.published()`, but the posterior mean, of which the published program returns a random draw), and
scored beside the controls. Composite (bio/batch), medians over {seeds} seed{plural}; in brackets the lowest and the
highest. What the controls are: [scores.md](scores.md).
"""


def write_simulations(seeds: int, log: Path) -> None:
    """Run every scenario with every seed, but for rows already in ``log``, and write ``docs/simulations.md``."""
    for seed in range(1, seeds + 1):
        for name in PAPER:
            held = _scores(read_rows(log)).get((name, seed), {})
            missing = [embedding for embedding in EMBEDDINGS if embedding not in held]
            if missing:
                add_row(log, _run(name, seed, missing))
    found = {key: scores for key, scores in _scores(read_rows(log)).items() if key[1] <= seeds}
    text = HEAD.format(seeds=seeds, plural="" if seeds == 1 else "s") + "\n" + "\n".join(_table(found)) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print("written: docs/simulations.md")


def _run(name: str, seed: int, embeddings: Sequence[str]) -> dict[str, Any]:
    adata = simulate_scenario(name, seed=seed)
    for embedding in embeddings:
        made = adata.copy()
        topocraft.integrate(made, "batch", config=EMBEDDINGS[embedding](seed))
        adata.obsm[embedding] = made.obsm["X_topocraft"]
    scores = topocraft.evaluate(adata, "batch", "celltype", embeddings=[*embeddings], seed=seed)
    wide = scores[scores["part"] == ""].pivot(index="embedding", columns="score", values="value")
    found = {str(embedding): {score: float(row[score]) for score in SUMMARY} for embedding, row in wide.iterrows()}
    return {"scenario": name, "seed": seed, "scores": found}


def _scores(rows: list[dict[str, Any]]) -> Found:
    """Return the scores of all rows of one scenario and seed together."""
    found: Found = {}
    for row in rows:
        found.setdefault((row["scenario"], row["seed"]), {}).update(row["scores"])
    return found


def _table(found: Found) -> Iterator[str]:
    embeddings = [*EMBEDDINGS, *CONTROLS]
    yield "| scenario | " + " | ".join(embeddings) + " |"
    yield "|---" * (len(embeddings) + 1) + "|"
    medians: dict[str, list[float]] = {embedding: [] for embedding in embeddings}
    for name in PAPER:
        own = [scores for (scenario, _), scores in found.items() if scenario == name]
        columns = {embedding: [scores[embedding] for scores in own] for embedding in embeddings}
        for embedding, scores in columns.items():
            medians[embedding].append(statistics.median(one["composite"] for one in scores))
        yield f"| `{name}` | " + " | ".join(map(_entry, columns.values())) + " |"
    yield "| mean | " + " | ".join(f"{statistics.mean(values):.3f}" for values in medians.values()) + " |"


def _entry(scores: list[dict[str, float]]) -> str:
    whole, bio, batch = (statistics.median(score[name] for score in scores) for name in SUMMARY)
    spread = [score["composite"] for score in scores]
    between = f" [{min(spread):.3f}–{max(spread):.3f}]" if len(spread) > 1 else ""
    return f"{whole:.3f} ({bio:.2f}/{batch:.2f}){between}"
