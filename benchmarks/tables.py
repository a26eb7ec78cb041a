"""The scores of every shared set as a page: ours, the cells before integration, and the controls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import process
from quality import SETS, integrated

import topocraft
from topocraft.evaluation.reading import sections
from topocraft.metrics.catalogue import CATALOGUE

PAGE = process.REPOSITORY / "docs" / "scores.md"
COVARIATES = {"rnamix_gradient": ["H2228_prop", "H1975_prop", "HCC827_prop"]}
SUMMARY = ("composite", "bio", "batch")


def write_page(folder: Path) -> None:
    """Integrate every shared set with the defaults (kept in ``folder``), score it, and write ``docs/scores.md``."""
    tables = {name: _scores(name, folder) for name in SETS}
    versions = next(iter(tables.values())).attrs["versions"]
    lines = [
        "# Scores of the shared sets",
        "",
        "Built by `python benchmarks/run.py tables`: the defaults, seed 0, beside the cells before integration and the",
        "controls. What each score asks, and where it misleads: [metrics.md](metrics.md). "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
        "",
        "Controls: *type oracle*, an island per cell type; *batches shuffled*, the cells before integration dealt out",
        "anew within each type, so that batches say nothing; *types shuffled*, dealt out anew within each batch, so that",
        "types say nothing; *batch islands*, an island per batch and type. The oracle is the ceiling, but of what it does",
        "not know: distances between types (scGraph), structure finer than types (NMI and ARI within batches). Types",
        "shuffled is the floor of structure, batch islands the floor of mixing.",
        "",
        "## Composite (bio / batch)",
        "",
        *_overview(tables),
    ]
    for name, scores in tables.items():
        lines += ["", f"## {name}", "", *_set_table(scores), *(f"\n* {said}" for said in scores.attrs["cautions"])]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {PAGE}")


def _scores(name: str, folder: Path) -> pd.DataFrame:
    adata = integrated(name, folder)
    return topocraft.evaluate(adata, "batch", "celltype", continuous=COVARIATES.get(name, ()))


def _overview(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    embeddings = next(iter(tables.values()))["embedding"].unique()
    yield from _head("set", embeddings)
    for name, scores in tables.items():
        wide = scores[scores["part"] == ""].pivot(index="embedding", columns="score", values="value")
        entries = ["{:.3f} ({:.2f}/{:.2f})".format(*wide.loc[embedding, list(SUMMARY)]) for embedding in embeddings]
        yield f"| `{name}` | " + " | ".join(entries) + " |"


def _set_table(scores: pd.DataFrame) -> Iterator[str]:
    embeddings = scores["embedding"].unique()
    yield from _head("", embeddings)
    for heading, rows in sections(scores):
        yield f"| **{heading}** |" + " |" * len(embeddings)
        for score, values in rows.groupby("score", sort=False):
            by_name = values.set_index("embedding")["value"]
            entries = ("NA" if pd.isna(by_name[name]) else f"{by_name[name]:.3f}" for name in embeddings)
            yield f"| {CATALOGUE[str(score)].title} | " + " | ".join(entries) + " |"


def _head(first: str, embeddings: list[str]) -> Iterator[str]:
    yield f"| {first} | " + " | ".join(embeddings) + " |"
    yield "|---" + "|---:" * len(embeddings) + "|"
