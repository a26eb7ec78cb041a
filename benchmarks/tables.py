"""Pages that a command writes: the scores of every shared set, and what is known of each score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import process
from quality import SETS, integrated

import topocraft
from topocraft.evaluation.reading import PER_TYPE, sections
from topocraft.metrics.catalogue import CATALOGUE, SUITE, Fact

DOCS = process.REPOSITORY / "docs"
COVARIATES = {"rnamix_gradient": ["H2228_prop", "H1975_prop", "HCC827_prop"]}
SUMMARY = ("composite", "bio", "batch")
TIE = 0.01
SCORES_HEAD = """# Scores of the shared sets

Built by `python benchmarks/run.py tables`: the defaults, seed 0, beside the cells before integration and the controls.
What each score asks, and where it misleads: [metrics.md](metrics.md).

Versions: {versions}.

Controls: *type oracle*, an island per cell type; *batches shuffled*, the cells before integration dealt out anew within
each type, so that batches say nothing; *types shuffled*, dealt out anew within each batch, so that types say nothing;
*batch islands*, an island per batch and type. The oracle is the ceiling, but of what it does not know: distances
between types (scGraph), and structure that types do not hold (within batches). Types shuffled is the floor of
structure, batch islands the floor of mixing.
"""
METRICS_HEAD = """# Scores: what each asks, and where it misleads

Version {suite} of the suite; written by `python benchmarks/run.py catalogue` from `topocraft.metrics.catalogue`. Every
function of `topocraft.metrics` takes plain arrays and says the same in its docstring. 1 is best, and higher is better,
unless the range says otherwise.

* A score without a value is **NA, with its reason**, and never 0. A cell type found in one batch only is left out of
  mixing within types, and counted.
* **Bio-conservation** and **batch mixing** are the means of their members, over those that have a value;
  composite = 0.6 bio + 0.4 batch, as in the scCRAFT paper and in scIB.
* Leiden runs at ten resolutions, 0.2 … 2.0; NMI and ARI are taken where NMI is best, and averaged over three seeds
  there. `spread` is the largest minus the smallest of the three.
* Neighbours are exact up to 100,000 cells. LISI looks at 89 neighbours at perplexity 30; inside a type of fewer than 90
  cells at a sixth of them. kBET inside types looks at a quarter of the type's mean batch, but 10 to 70 cells.
* `scaled` in the table of `evaluate` is 0 at the worst control and 1 at the best.
* Scores of different versions of a suite are not comparable; how far these agree with scib-metrics 0.5.10, and why not
  everywhere: [decisions/0002-scores.md](decisions/0002-scores.md).

| score | name | asks for | enters | range | weakness | source |
|---|---|---|---|---|---|---|
"""


def write_catalogue() -> None:
    """Write ``docs/metrics.md`` from the catalogue."""
    rows = [_catalogue_row(name, fact) for name, fact in CATALOGUE.items()]
    _write("metrics.md", METRICS_HEAD.format(suite=SUITE) + "\n".join(rows))


def write_scores(folder: Path) -> None:
    """Integrate every shared set with the defaults (kept in ``folder``), score it, and write ``docs/scores.md``."""
    tables = {name: _scores(name, folder) for name in SETS}
    versions = next(iter(tables.values())).attrs["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [SCORES_HEAD.format(versions=named), "## Composite (bio/batch)", "", *_overview(tables)]
    lines += ["", "## Which control is on top, and which at the bottom", "", *_order(tables)]
    for name, scores in tables.items():
        lines += ["", f"## {name}", "", *_set_table(scores), "", *(f"* {said}" for said in scores.attrs["cautions"])]
    _write("scores.md", "\n".join(lines))


def _write(name: str, text: str) -> None:
    (DOCS / name).write_text(text.rstrip() + "\n", encoding="utf-8")
    print(f"written: docs/{name}")


def _catalogue_row(name: str, fact: Fact) -> str:
    high = "∞" if math.isinf(fact.high) else f"{fact.high:g}"
    low = "−∞" if math.isinf(fact.low) else f"{fact.low:g}".replace("-", "−")
    direction = "" if fact.higher_is_better else ", lower is better"
    return (
        f"| {fact.title} | `{name}` | {fact.asks} | {fact.mean or '–'} | {low} … {high}{direction} | {fact.weakness} | "
        f"{fact.reference} |"
    )


def _scores(name: str, folder: Path) -> pd.DataFrame:
    return topocraft.evaluate(integrated(name, folder), "batch", "celltype", continuous=COVARIATES.get(name, ()))


def _overview(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    embeddings = list(next(iter(tables.values()))["embedding"].unique())
    yield from _head("set", embeddings)
    for name, scores in tables.items():
        wide = scores[scores["part"] == ""].pivot(index="embedding", columns="score", values="value")
        entries = ["{:.3f} ({:.2f}/{:.2f})".format(*wide.loc[embedding, list(SUMMARY)]) for embedding in embeddings]
        yield f"| `{name}` | " + " | ".join(entries) + " |"


def _order(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a row per score: which control is best and which worst, and on how many sets; within 0.01 is a tie."""
    yield from _head("score", ["best, the oracle where it ties", "worst"])
    controls = pd.concat([scores.assign(set=name) for name, scores in tables.items()])
    of_types = controls["score"].isin(PER_TYPE) & (controls["part"] != "")
    controls = controls[(controls["kind"] == "control") & controls["value"].notna() & ~of_types]
    for score, rows in controls.groupby("score", sort=False):
        sign = 1 if CATALOGUE[str(score)].higher_is_better else -1
        wide = rows.pivot(index=["set", "part"], columns="embedding", values="value") * sign
        best = wide.idxmax(axis=1).where(wide["type oracle"] < wide.max(axis=1) - TIE, "type oracle")
        entries = (
            ", ".join(f"{name} {count}" for name, count in ends.value_counts().items())
            for ends in (best, wide.idxmin(axis=1))
        )
        yield f"| {CATALOGUE[str(score)].title} | " + " | ".join(entries) + " |"


def _set_table(scores: pd.DataFrame) -> Iterator[str]:
    embeddings = list(scores["embedding"].unique())
    yield from _head("", embeddings)
    for heading, rows in sections(scores):
        yield f"| **{heading}** |" + " |" * len(embeddings)
        for score, values in rows.groupby("score", sort=False):
            by_name = values.set_index("embedding")["value"]
            entries = ("NA" if pd.isna(by_name[name]) else f"{by_name[name]:.3f}" for name in embeddings)
            yield f"| {CATALOGUE[str(score)].title} | " + " | ".join(entries) + " |"


def _head(first: str, embeddings: Sequence[str]) -> Iterator[str]:
    yield f"| {first} | " + " | ".join(embeddings) + " |"
    yield "|---" + "|---:" * len(embeddings) + "|"
