"""Which pictures a folder of a benchmark gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from topocraft.benchmark.circles import scores_figure
from topocraft.benchmark.costs import costs_figure, costs_of
from topocraft.benchmark.folder import Entry, Folder, Plan, stem_of
from topocraft.benchmark.panels import n_layouts, panels_figure
from topocraft.benchmark.ranking import ranking
from topocraft.evaluation.scoring import UNINTEGRATED
from topocraft.plot import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from topocraft.progress import Progress


def write_pictures(folder: Folder, plan: Plan, rows: pd.DataFrame, progress: Progress) -> list[Path]:
    """Write ``scores.png``, one per dataset, ``costs.png`` and ``umap-NAME.png``; return their paths."""
    maps = {name: shown for name in plan.umaps if (shown := list(_shown(plan, rows, name)))}
    progress.phase("draw", sum(map(n_layouts, maps.values())) + 1)
    written = []
    for name, figure in _figures(rows):
        written.append(_save(figure, folder.path / name))
    progress.advance("scores")
    for name, entries in maps.items():
        panels = panels_figure(folder, entries, progress)
        if panels is not None:
            written.append(_save(panels, folder.path / f"{stem_of('umap-' + name)}.png"))
    folder.replace_pictures([path.name for path in written])
    return written


def _figures(rows: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    scored = rows[(rows["score"] == "composite") & rows["value"].notna()]
    if len(scored):
        yield "scores.png", scores_figure(rows)
    if rows["dataset"].nunique() > 1:
        for dataset in scored["dataset"].unique():
            yield f"{stem_of('scores-' + dataset)}.png", scores_figure(rows, dataset)
    if len(costs_of(rows)):
        yield "costs.png", costs_figure(rows)


def _shown(plan: Plan, rows: pd.DataFrame, dataset: str) -> Iterator[Entry]:
    """Yield the entries of a dataset's panels, best first: one seed, the first, the same cells for all."""
    own = [entry for entry in plan.entries if entry.dataset == dataset]
    ended = set(rows.loc[rows["status"] == "ok", ["dataset", "method", "seed"]].itertuples(index=False, name=None))
    there = {
        entry.method: entry
        for entry in own
        if entry.seed == own[0].seed
        and (dataset, entry.method, entry.seed) in ended
        and (entry.kind != "control" or entry.program == UNINTEGRATED)
    }
    yield from (entry for entry in there.values() if entry.program == UNINTEGRATED)
    for method in ranking(rows)["method"]:
        if method in there and there[method].program != UNINTEGRATED:
            yield there[method]


def _save(figure: Figure, path: Path) -> Path:
    save_figure(figure, path, force=True)
    return path
