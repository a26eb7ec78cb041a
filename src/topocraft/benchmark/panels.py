"""UMAP panels of a dataset: a row per method, by batch and by cell type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from topocraft.baselines.preparation import open_preparation
from topocraft.benchmark.folder import Entry, Folder
from topocraft.benchmark.records import read_output
from topocraft.data.atomic import atomic_file
from topocraft.errors import TopocraftError
from topocraft.evaluation.scoring import UNINTEGRATED
from topocraft.metrics.graph_suite import checked_graph
from topocraft.plot import graph_layout, in_chance_order, layouts_figure, umap_layout

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.figure import Figure

    from topocraft.progress import Progress

MOST_CELLS = 10_000
"""A random choice of so many cells is laid out; more take long, and hide each other."""
SEED = 0
PANEL_INCHES = 2.4
TINY = 1e-12


def n_layouts(entries: Sequence[Entry]) -> int:
    """Return how many rows of panels ``panels_figure`` draws of these entries."""
    own = [entry for entry in entries if entry.output]
    return len(own) + (UNINTEGRATED not in [entry.program for entry in own])


def panels_figure(folder: Folder, entries: Sequence[Entry], progress: Progress) -> Figure | None:
    """Draw UMAPs of what methods gave, a row for each, below the cells before integration.

    Parameters
    ----------
    folder
        Folder of a benchmark. Layouts are kept in it.
    entries
        Entries of one dataset and one seed that ended well, in the order of the rows.
    progress
        Told of every layout, and of what cannot be drawn.

    Returns
    -------
    matplotlib.figure.Figure or None
        Not registered with pyplot: it needs no display, and no closing. ``None`` where there is nothing to draw.
    """
    place = folder.dataset(entries[0].prepared)
    if not place.is_dir():
        progress.warn(
            f"There are no UMAPs of {entries[0].dataset}: its cells are gone from '{place}'. Run the benchmark again, "
            "without --table-only, to have them back."
        )
        return None
    adata = open_preparation(place).read()
    drawn = _drawn(adata.n_obs)
    layouts = {}
    for name, layout in _layouts(folder, entries, adata, drawn):
        try:
            layouts[name] = layout()
        except (TopocraftError, ValueError, ArithmeticError) as error:
            progress.warn(f"There is no UMAP of {name} on {entries[0].dataset}: {error}")
        progress.advance(name)
    if not layouts:
        return None
    titles = {"batch": "batch"} | ({"cell type": "celltype"} if "celltype" in adata.obs else {})
    colours = {title: adata.obs[column] for title, column in titles.items()}
    return layouts_figure(layouts, colours, drawn, PANEL_INCHES)


def _drawn(n_cells: int) -> np.ndarray:
    return in_chance_order(np.arange(n_cells), SEED)[:MOST_CELLS]


def _layouts(
    folder: Folder, entries: Sequence[Entry], adata: AnnData, drawn: np.ndarray
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    before = adata.obsm["X_pca"]
    own = [entry for entry in entries if entry.output]
    if UNINTEGRATED not in [entry.program for entry in own]:
        lay_out = partial(umap_layout, before[drawn], SEED)
        yield UNINTEGRATED, partial(_kept, folder, entries[0].prepared, lay_out)
    for entry in own:
        lay_out = partial(_layout, folder, entry, before, drawn)
        yield entry.method, partial(_kept, folder, entry.output, lay_out)


def _layout(folder: Folder, entry: Entry, before: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    _, output = read_output(folder.output(entry.output))
    if output.embedding is not None:
        return umap_layout(output.embedding[drawn], SEED)
    graph = checked_graph(output.graph, len(before))[drawn][:, drawn]
    return graph_layout(graph / max(graph.max(), TINY), before[drawn], SEED)


def _kept(folder: Folder, stem: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Return a layout from disk, or compute it and keep it."""
    path = folder.layout(stem)
    if not path.is_file():
        layout = compute()
        with atomic_file(path) as partial_path, partial_path.open("wb") as opened:
            np.save(opened, layout)
    kept: np.ndarray = np.load(path, allow_pickle=False)
    return kept
