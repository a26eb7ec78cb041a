"""Audits of every shared set and of the ten scenarios: rows as JSON lines, a page of tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anndata
import process
from quality import integrated
from rows import add_row, read_rows

import topocraft
from topocraft import IntegrationConfig
from topocraft.audit import as_json, audit
from topocraft.data.outputs import write_result
from topocraft.simulate.registry import PAPER
from topocraft.simulate.scenarios import simulate_scenario

SETS = (
    "pancreas_baron_human_mouse",
    "pancreas_cepo_3batch",
    "rnamix_gradient",
    "cellline_mixology",
    "pbmc_symphony_3chem",
    "kang_pbmc_ifn",
    "malaria_berghei_10x_ss2",
    "pbmc_10x_6batch",
)
"""The smallest first."""
COVARIATES = {"rnamix_gradient": ["H2228_prop", "H1975_prop", "HCC827_prop"]}
PAGE = process.REPOSITORY / "docs" / "audit-tables.md"
KINDS = ("split", "Harmony", "given")
MOST_ABSORBED, COST = 0.05, 2.0
HEAD = """# Audits of the shared sets and the scenarios

Built by `python benchmarks/run.py audit`: the defaults, seed 0 (scenarios: seed 1), audited by `topocraft audit` with
its defaults. What every number means: [audit.md](audit.md). Wanted: neighbours kept at least at Harmony's value, at
most 5 % of an absent type absorbed, at most twice the cost of the integration. What falls short is in bold, and named
below.
"""


def write_audits(log: Path, only: Sequence[str] | None) -> None:
    """Audit what is not in ``log`` yet, of ``only`` the named sets where given, and write ``docs/audit-tables.md``."""
    done = {row["set"] for row in read_rows(log)}
    for name in only or (*SETS, *PAPER):
        if name not in done:
            add_row(log, _audited(name, log.parent / "integrated"))
    rows = {row["set"]: row for row in read_rows(log)}
    ordered = [rows[name] for name in (*SETS, *PAPER) if name in rows]
    missing = [name for name in (*SETS, *PAPER) if name not in rows]
    lines = [HEAD, *_null_table(ordered), "", *_absence_table(ordered), "", *_other_table(ordered), ""]
    lines += ["## What falls short", "", *_failures(ordered), "", *_unmeasured(missing, ordered)]
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("written: docs/audit-tables.md")


def _audited(name: str, folder: Path) -> dict[str, Any]:
    adata = _scenario(name, folder) if name in PAPER else integrated(name, folder)
    found = audit(adata, "batch", "celltype", continuous=COVARIATES.get(name, ()))
    return {"set": name, **json.loads(as_json(found))}


def _scenario(name: str, folder: Path) -> anndata.AnnData:
    """Return a scenario, simulated and integrated once, and kept in ``folder``."""
    path = folder / f"{name}.h5ad"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        adata = simulate_scenario(name, seed=1)
        topocraft.integrate(adata, "batch", config=IntegrationConfig(seed=1))
        write_result(adata, path, force=False)
    return anndata.read_h5ad(path)


def _null_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "## Null test: a batch split at random in two"
    yield ""
    columns = ("neighbours kept", "Harmony", "unsplit", "chance", "clusters (ARI)", "Harmony", "halves mixed")
    yield from _head(("set", "batch", "splits"), columns)
    for row in rows:
        found = row["tables"].get("null_test", [])
        split, harmony, given = (_mean([one for one in found if one["what"] == what]) for what in KINDS)
        if not split:
            yield _line(f"`{row['set']}`", "not tested", *[""] * 8)
            continue
        yield _line(
            f"`{row['set']}`",
            ", ".join(dict.fromkeys(one["batch"] for one in found)),
            str(len({one["draw"] for one in found})),
            _number(split["knn_overlap"], short=split["knn_overlap"] < harmony.get("knn_overlap", 0)),
            _number(harmony.get("knn_overlap")),
            _number(given["knn_overlap"]),
            _number(split["chance_overlap"]),
            _number(split["ari"]),
            _number(harmony.get("ari")),
            _number(split["halves_mixed"]),
        )


def _absence_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "## Absence: types that a batch lacks"
    yield ""
    yield from _head(
        ("set", "type", "batch", "how", "mostly into"), ("cells judged", "absorbed", "with the type there", "p")
    )
    for row in rows:
        for one in row["tables"]["absence"]:
            yield _line(
                f"`{row['set']}`",
                *(one[name].replace("|", " ") for name in ("group", "batch", "how", "into")),
                str(one["judged"]),
                _number(one["absorbed"], short=(one["absorbed"] or 0) > MOST_ABSORBED),
                _number(one["before"]),
                _number(one["p_value"]),
            )


def _other_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "## Over-correction, structure, cells, cost"
    yield ""
    columns = ("lost between own clusters", "distances inside types", "two halves of the genes", "cells flagged")
    yield from _head(("set",), (*columns, "times the integration"))
    for row in rows:
        said = {one["name"]: one for one in row["statements"]}
        seconds, integration = row["facts"]["seconds"], row["facts"]["integration_seconds"]
        cost = seconds / integration if integration else None
        yield _line(
            f"`{row['set']}`",
            _number(said["lost share"]["value"]),
            _number(said["distances kept"]["value"]),
            _number(said["distances kept"]["reference"]),
            _number(said["flagged cells"]["value"]),
            _number(cost, short=(cost or 0) > COST),
        )


def _failures(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        for one in row["statements"]:
            absorbed = one["name"].startswith("absorbed") and (one["value"] or 0) > MOST_ABSORBED
            neighbours = one["name"] == "neighbours kept" and one["verdict"] == "warning"
            if one["verdict"] == "bad" or absorbed or neighbours:
                about = f", {one['subject']}" if one["subject"] else ""
                yield f"* `{row['set']}`, {one['part']}{about} ({one['verdict']}): {one['sentence']}"


def _unmeasured(missing: list[str], rows: list[dict[str, Any]]) -> Iterator[str]:
    untried = [row["set"] for row in rows if not row["facts"]["removals"]]
    for what, names in (("Not measured yet", missing), ("Nothing was integrated again yet for", untried)):
        if names:
            yield f"{what}: {', '.join(f'`{name}`' for name in names)}."
            yield ""


def _mean(rows: list[dict[str, Any]]) -> dict[str, float]:
    names = ("knn_overlap", "ari", "halves_mixed", "chance_overlap")
    return {name: math.fsum(row[name] for row in rows) / len(rows) for name in names} if rows else {}


def _head(words: Sequence[str], numbers: Sequence[str]) -> Iterator[str]:
    yield _line(*words, *numbers)
    yield "|" + "---|" * len(words) + "---:|" * len(numbers)


def _line(*entries: str) -> str:
    return f"| {' | '.join(entries)} |"


def _number(value: float | None, *, short: bool = False) -> str:
    text = "–" if value is None else f"{value:.3f}"
    return f"**{text}**" if short else text
