"""How far the score that needs no cell types goes with the true one, over a grid: rows as JSON lines, a page."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anndata
import pandas as pd
import process
from quality import SETS
from rows import add_row, read_rows

from topocraft import IntegrationConfig
from topocraft.benchmark.page import table_of
from topocraft.display import duration
from topocraft.errors import InputError
from topocraft.evaluation.correlation import rank_correlation
from topocraft.metrics.yardstick import LabelFree
from topocraft.progress import Silent
from topocraft.simulate.registry import PAPER
from topocraft.simulate.scenarios import simulate_scenario
from topocraft.tuning.choice import ranked
from topocraft.tuning.ledger import Run
from topocraft.tuning.schedule import shortened
from topocraft.tuning.subject import Subject, read_subject

PAGE = process.REPOSITORY / "docs" / "tuning.md"
DEFAULTS = (1.0, 1.0, 0.005, 0.5)
FIELDS = ("lambda_adversary", "lambda_triplet", "kl_coefficient", "low_resolution")
GRIDS: dict[str, tuple[tuple[float, ...], ...]] = {
    "full": ((0.3, 1.0, 3.0), (0.3, 1.0, 3.0), (0.0005, 0.005), (0.2, 0.5, 1.0)),
    "half": ((0.3, 1.0), (0.3, 1.0), (0.0005, 0.005), (0.2, 0.5)),
}
"""Values along λ_D, λ_T, KL and the low resolution, the defaults among them."""
PAIRS = {"score": ("score", "composite"), "structure": ("structure", "bio"), "mixing": ("mixing", "batch")}
FRACTION = " (the half of the grid where an even number of values departs from the defaults)"
FEW = "Of eight settings, chance alone correlates above .64 once in twenty."
WEAK = 0.3
AUTO, BEHIND = "auto", 0.01
HEAD = """# Tuning without cell types: how far the score goes with the truth

Built by `python benchmarks/run.py tuning --grid {grid}`. Every set is integrated at {n} settings{which}: λ_D of {d},
λ_T of {t}, KL coefficient of {k}, low resolution of {r}; seed 0 (scenarios: seed 1). Spearman's rank correlation over
those of what `topocraft tune` sees with what the cell types say: its score (0.6 structure + 0.4 mixing) with the
composite, structure with bio-conservation, mixing with batch mixing. *After a third*: of the score after a third of
the epochs with that after all, by which settings are given up early. *Chosen*: the composite of the setting that
`--rule no-worse` takes of the whole grid, beside that of the defaults, the best there is, and of `--auto`. {few}
"""


def write_tuning(log: Path, only: Sequence[str] | None, grid: str) -> None:
    """Measure what is not in ``log`` yet, of ``only`` the named sets where given, and write ``docs/tuning.md``."""
    settings = _settings(grid)
    for name in only or (*SETS, *PAPER):
        done = [row["setting"] for row in read_rows(log) if row["set"] == name]
        missing = [setting for setting in [*map(list, settings), AUTO] if setting not in done]
        if missing and [] not in done:
            _measure(name, missing, log)
    PAGE.write_text("\n".join(_page(read_rows(log), grid)).rstrip() + "\n", encoding="utf-8")
    print("written: docs/tuning.md")


def _settings(grid: str) -> list[tuple[float, ...]]:
    """Return all of a full grid, of the other its half of resolution IV: no two axes always change together."""
    every = list(itertools.product(*GRIDS[grid]))
    return every if grid == "full" else [one for one in every if _departures(one) % 2 == 0]


def _departures(setting: tuple[float, ...]) -> int:
    return sum(value != default for value, default in zip(setting, DEFAULTS, strict=True))


def _measure(name: str, settings: Sequence[list[float] | str], log: Path) -> None:
    base = IntegrationConfig(seed=int(name in PAPER))
    try:
        subject = _subject(name, base)
    except InputError as error:
        add_row(log, {"set": name, "setting": [], "reason": str(error)})
        return
    for setting in settings:
        if isinstance(setting, str):
            run, _ = subject.train(base.with_values(coordinates="best"), Silent(), true=True)
            add_row(log, {"set": name, "setting": setting, "seconds": run.seconds} | dict(getattr(run, "truth", {})))
        else:
            add_row(log, _row(name, subject, base.with_values(**dict(zip(FIELDS, setting, strict=True))), setting))


def _subject(name: str, base: IntegrationConfig) -> Subject:
    adata = simulate_scenario(name, seed=1) if name in PAPER else anndata.read_h5ad(process.DATA / f"{name}.h5ad")
    return read_subject(adata, "batch", "celltype", base)


def _row(name: str, subject: Subject, config: IntegrationConfig, setting: list[float]) -> dict[str, Any]:
    short, _ = subject.train(shortened(config), Silent())
    full, _ = subject.train(config, Silent(), true=True)
    row: dict[str, Any] = {"set": name, "setting": setting, "seconds": short.seconds + full.seconds}
    if isinstance(short, Run) and isinstance(full, Run):
        parts = {"structure": full.scores.structure, "mixing": full.scores.mixing, "score": full.scores.score}
        row |= dataclasses.asdict(full.scores) | parts | {"short": short.scores.score} | dict(full.truth)
    return row


def _page(rows: list[dict[str, Any]], grid: str) -> Iterator[str]:
    settings = [list(setting) for setting in _settings(grid)]
    words = (", ".join(f"{value:g}" for value in axis) for axis in GRIDS[grid])
    which, few = (FRACTION, FEW) if grid == "half" else ("", "")
    yield HEAD.format(grid=grid, n=len(settings), which=which, few=few, **dict(zip("dtkr", words, strict=True)))
    every = (*SETS, *PAPER)
    measured = {name: [row for row in rows if row["set"] == name and row["setting"] in settings] for name in every}
    whole = {name: pd.DataFrame(found) for name, found in measured.items() if len(found) == len(settings)}
    if whole:
        autos = {row["set"]: row.get("composite", float("nan")) for row in rows if row["setting"] == AUTO}
        summaries = [_summary(name, of) | {AUTO: autos.get(name, float("nan"))} for name, of in whole.items()]
        table = pd.DataFrame(summaries)
        means = table.mean(numeric_only=True).to_dict() | {AUTO: table[AUTO].mean(skipna=False)}
        shown = pd.DataFrame([*summaries, {"set": f"mean of {len(summaries)}"} | means])
        yield table_of(shown.drop(columns="broken"))
        yield ""
        yield from _failures(summaries)
    yield from _unmeasured({name: len(found) for name, found in measured.items() if name not in whole}, rows, settings)
    taken = sum(row.get("seconds", 0.0) for row in rows)
    yield f"All that was measured took {duration(taken)} of training and scoring."


def _summary(name: str, table: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"set": f"`{name}`"}
    row |= {title: rank_correlation(table[seen], table[true]) for title, (seen, true) in PAIRS.items()}
    row["after a third"] = rank_correlation(table["short"], table["score"])
    ended = table.dropna(subset=["score"]).reset_index(drop=True)
    parts = ["nmi", "ari", "cilisi", "confusion"]
    scores = [LabelFree(**{part: float(one[part]) for part in parts}) for one in ended.to_dict(orient="records")]
    start = next(place for place, setting in enumerate(ended["setting"]) if tuple(setting) == DEFAULTS)
    chosen = ranked(scores, scores[start])[0]
    composite, broken = ended["composite"], len(table) - len(ended)
    return row | {"defaults": composite[start], "chosen": composite[chosen], "best": composite.max(), "broken": broken}


def _failures(summaries: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        f"## Where it fails (correlation of the score under {WEAK}, a choice below the defaults, or --auto more than "
        f"{BEHIND} below the best)"
    )
    yield ""
    told = 0
    for found in summaries:
        faults = [f"the score goes with the composite at {found['score']:.2f} only"] * (found["score"] < WEAK)
        if round(found["chosen"], 3) < round(found["defaults"], 3):
            faults.append(f"the choice has {found['chosen']:.3f}, the defaults {found['defaults']:.3f}")
        if found[AUTO] < found["best"] - BEHIND:
            faults.append(f"--auto has {found[AUTO]:.3f}, the best setting {found['best']:.3f}")
        faults += [f"{found['broken']} settings could not be trained"] * bool(found["broken"])
        told += bool(faults)
        if faults:
            yield f"* {found['set']}: {'; '.join(faults)}."
    yield "" if told else "Nowhere among the sets above.\n"


def _unmeasured(counts: dict[str, int], rows: list[dict[str, Any]], settings: list[list[float]]) -> Iterator[str]:
    refused = {row["set"]: row["reason"] for row in rows if not row["setting"]}
    for name, reason in refused.items():
        yield f"`{name}` cannot be tuned for. {reason}"
        yield ""
    left = [f"`{name}` ({count} of {len(settings)})" for name, count in counts.items() if name not in refused]
    if left:
        yield f"Not measured, or not all of it: {', '.join(left)}."
        yield ""
