"""The ranked table as a page that people read: Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from topocraft.benchmark.folder import Plan
from topocraft.benchmark.ranking import ranking
from topocraft.benchmark.rows import runs_of
from topocraft.benchmark.words import datasets_seen, left_out, listed
from topocraft.display import byte_size, duration
from topocraft.metrics.catalogue import CATALOGUE, members

MARKS = {
    "incomplete": "not on every dataset",
    "graph": "graph only",
    "labelled": "sees cell types",
    "control": "control",
}
WITHOUT_TYPES = ("within_batch_nmi", "within_batch_ari", "ilisi", "pcr")
READING = (
    "Composite = 0.6 bio-conservation + 0.4 batch mixing, the means over their scores; overall is its mean over "
    "datasets. Where there are several seeds: mean ± standard deviation over them, which is 0 of methods that make no "
    "use of a seed. In brackets the place on that dataset, and how many runs the mean is of where some did not end "
    "well. A method has a place overall if it has a composite on every dataset where any method has one, and has not "
    "seen the cell types. One that gives only a graph is scored on what graphs allow, and has no composite: a mean "
    "over fewer scores does not compare."
)
COSTS = (
    "Wall time and peak resident memory of the whole process of a run, measured by the operating system, medians over "
    "seeds. The choice of genes and the principal components are made once for all and are not in it; topocraft makes "
    "its own, and they are."
)


def page(rows: pd.DataFrame, plan: Plan, pictures: Sequence[str] = (), first: str = "") -> str:
    """Return the page of a grid.

    Parameters
    ----------
    rows
        As ``tidy`` makes them.
    plan
        Of which heading, note and limits are taken.
    pictures
        File names of pictures that lie beside the page.
    first
        Markdown that stands before the ranking.

    Examples
    --------
    >>> from topocraft.benchmark import page, tidy
    >>> from topocraft.benchmark.folder import Plan
    >>> from topocraft.benchmark.records import Record
    >>> from topocraft.metrics.suite import Score
    >>> rows = tidy([Record(dataset="mine", method="harmony", seed=0, scores=(Score("composite", 0.6),))])
    >>> print(page(rows, Plan(entries=())).splitlines()[0])
    # Benchmark
    """
    table = ranking(rows)
    head = [f"# {plan.title}", "", *([plan.note, ""] if plan.note else []), *_about(rows, plan)]
    blocks = [head, [first] if first else [], list(_ranked(table, rows))]
    blocks += [[f"![{name.removesuffix('.png')}]({name})"] for name in pictures]
    blocks += [list(_halves(table, rows)), list(_scores(table, rows)), list(_costs(table, rows)), list(_failures(rows))]
    return "\n".join("\n".join([*block, ""]) for block in blocks if block)


def _about(rows: pd.DataFrame, plan: Plan) -> Iterator[str]:
    runs = runs_of(rows)
    own = runs[runs["kind"] != "control"]
    n_methods = own["method"].nunique()
    datasets = listed(map(_about_dataset, datasets_seen(rows).itertuples())) or "no dataset"
    seeds = listed(sorted(set(own["seed"])))
    yield f"{n_methods} {'method' if n_methods == 1 else 'methods'} on {datasets}; seeds: {seeds}."
    if plan.facts:
        yield ""
        yield "; ".join(f"{name} {value}" for name, value in plan.facts.items()) + "."
    versions = versions_used(rows)
    if versions:
        yield ""
        yield "Versions: " + ", ".join(f"{name} {' and '.join(found)}" for name, found in versions.items()) + "."


def _about_dataset(row: Any) -> str:
    out = f"; {left_out(row)} left out by quality control" if row.n_left_out else ""
    return f"`{row.dataset}` ({row.n_cells:,} cells, {row.n_batches} batches{out})"


def _ranked(table: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    if _is_unscored(rows):
        return
    yield "## Ranking"
    yield ""
    if table["overall"].isna().all():
        yield "No run has a composite, so that nothing is ranked."
        return
    datasets = list(rows["dataset"].unique())
    yield from _head("place", "method", "overall", "bio", "batch", *(f"`{name}`" for name in datasets))
    for row in table.to_dict(orient="records"):
        mark = MARKS.get(row["group"], "")
        name = f"{row['method']} ({mark})" if mark else f"**{row['method']}**"
        shown = [in_figures(row[column]) for column in ("overall", "bio", "batch")]
        yield _line("–" if pd.isna(row["place"]) else row["place"], name, *shown, *(_entry(row, d) for d in datasets))
    yield ""
    yield READING


def _is_unscored(rows: pd.DataFrame) -> bool:
    """Return whether nothing was asked to be scored: a run that ends well and is asked has scores, if only NaN."""
    return bool((rows["status"] == "ok").any() and (rows["score"] == "").all())


def _entry(row: Mapping[str, object], dataset: str) -> str:
    value, sd, place = (row[f"{column} {dataset}"] for column in ("composite", "sd", "place"))
    spread = "" if pd.isna(sd) else f" ± {sd:.3f}"
    scored, runs = (int(str(row[f"{column} {dataset}"])) for column in ("n_scored", "n_runs"))
    notes = [] if pd.isna(place) else [str(place)]
    notes += [f"{scored} of {runs} runs"] if 0 < scored < runs else []
    where = f" ({'; '.join(notes)})" if notes else ""
    return f"{in_figures(value)}{spread}{where}"


def _halves(table: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    if table["overall"].isna().all():
        return
    datasets = list(rows["dataset"].unique())
    yield from ("## Bio-conservation / batch mixing", "")
    yield from _head("method", *(f"`{name}`" for name in datasets))
    for row in table.to_dict(orient="records"):
        halves = (f"{in_figures(row[f'bio {name}'], 2)} / {in_figures(row[f'batch {name}'], 2)}" for name in datasets)
        yield _line(row["method"], *halves)


def _scores(table: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    """Yield the single scores, a table per dataset: methods × scores, means over seeds."""
    named = [*members("bio"), *members("batch"), "f1_lisi"]
    shown = named if rows["score"].isin(["composite"]).any() else list(WITHOUT_TYPES)
    if not rows["score"].isin(shown).any():
        return
    datasets = rows.loc[rows["score"] != "", "dataset"].unique()
    whole = rows[(rows["part"] == "") & rows["score"].isin(shown)]
    means = whole.groupby(["dataset", "method", "score"])["value"].mean().unstack("score")
    means = means.reindex(pd.MultiIndex.from_product([datasets, table["method"]]), columns=shown)
    yield from ("## Scores", "")
    for number, dataset in enumerate(datasets):
        yield from (*([""] if number else []), f"`{dataset}`", "")
        yield from _head("method", *(CATALOGUE[score].title for score in shown))
        for method, values in means.loc[dataset].iterrows():
            yield _line(method, *(in_figures(value) for value in values))


def _costs(table: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    runs = runs_of(rows)
    runs = runs[(runs["status"] == "ok") & runs["wall_seconds"].notna()]
    if not len(runs):
        return
    median = runs.groupby(["method", "dataset"])[["wall_seconds", "peak_bytes"]].median()
    datasets = list(rows["dataset"].unique())
    yield from ("## Time and memory", "")
    yield from _head("method", *(f"`{name}`" for name in datasets))
    for method in table["method"]:
        if method in median.index.get_level_values("method"):
            yield _line(method, *(_cost(median, (method, dataset)) for dataset in datasets))
    yield from ("", COSTS)


def _cost(median: pd.DataFrame, place: tuple[str, str]) -> str:
    if place not in median.index:
        return "–"
    seconds, peak = median.loc[place]
    return f"{seconds:.1f} s, {byte_size(peak)}" if seconds < 60 else f"{duration(seconds)}, {byte_size(peak)}"


def _failures(rows: pd.DataFrame) -> Iterator[str]:
    runs = runs_of(rows)
    failed = runs[runs["status"] != "ok"]
    if not len(failed):
        return
    yield from ("## What did not end well", "")
    yield from _head("dataset", "method", "seeds", "how", "reason")
    for (dataset, method, status, reason), some in failed.groupby(
        ["dataset", "method", "status", "reason"], sort=False
    ):
        yield _line(f"`{dataset}`", method, listed(some["seed"]), status, reason)


def versions_used(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Return every version of every library that the runs of a table ran on."""
    found: dict[str, dict[str, None]] = {}
    for text in rows["versions"].unique():
        for name, version in json.loads(text).items():
            found.setdefault(name, {})[version] = None
    return {name: list(versions) for name, versions in found.items()}


def _head(*columns: object) -> Iterator[str]:
    yield _line(*columns)
    yield "|" + "---|" * len(columns)


def _line(*cells: object) -> str:
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(texts) + " |"


def in_figures(value: object, digits: int = 3) -> str:
    """Return a score in figures, "–" where there is none."""
    return "–" if pd.isna(value) or not math.isfinite(float(str(value))) else f"{float(str(value)):z.{digits}f}"


def table_of(values: pd.DataFrame, titles: Mapping[str, str] | None = None, digits: int = 3) -> str:
    """Return a table as Markdown: numbers with so many digits, columns by their titles.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.benchmark.page import table_of
    >>> print(table_of(pd.DataFrame({"method": ["a"], "nmi": [0.5], "n": [3]}), {"nmi": "NMI"}))
    | method | NMI | n |
    |---|---|---|
    | a | 0.500 | 3 |
    """
    named = titles or {}
    head = _head(*(named.get(str(column), str(column)) for column in values.columns))
    rows = (
        _line(*(in_figures(cell, digits) if isinstance(cell, float) else cell for cell in row))
        for row in values.itertuples(index=False, name=None)
    )
    return "\n".join([*head, *rows])
