"""The main job on simulated cells: what the method is for, in under a minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.config import IntegrationConfig
from topocraft.errors import FileError
from topocraft.progress import Progress, Silent

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.figure import Figure

    from topocraft.integrator import Integrator
    from topocraft.report import Report

DEMO_CONFIG = IntegrationConfig().with_values(epochs=100, warmup_epochs=20)
"""Fewer epochs than by default: the cells are easy, and the user is waiting."""
RESULT, PICTURE, PAGE = "demo.h5ad", "umap.png", "report.html"


@dataclass(frozen=True, eq=False)
class Demo:
    """The integrated cells, the model, what became of every type, and the picture."""

    adata: AnnData
    model: Integrator
    report: Report
    figure: Figure


def run_demo(
    seed: int = 0, progress: Progress | None = None, config: IntegrationConfig = DEMO_CONFIG, **size: int
) -> Demo:
    """Simulate cells, integrate them, score every type and draw the picture.

    Parameters
    ----------
    seed
        Of the simulation and of the integration.
    progress
        A display of progress.
    config
        Every choice but the seed.
    size
        ``n_cells`` and ``n_genes``, as for ``simulate.demo.demo_cells``.

    Examples
    --------
    >>> from topocraft.demo import DEMO_CONFIG, run_demo
    >>> quick = DEMO_CONFIG.with_values(epochs=2, warmup_epochs=1)
    >>> run_demo(config=quick, n_cells=200, n_genes=200).report.n_batches
    3
    """
    from topocraft.integration import integrate
    from topocraft.plot import umap_figure
    from topocraft.provenance import EMBEDDING
    from topocraft.report import score_result
    from topocraft.simulate.demo import demo_cells

    progress = progress or Silent()
    progress.phase("simulate")
    adata = demo_cells(seed=seed, **size)
    model = integrate(adata, "batch", config=config.with_values(seed=seed), progress=progress)
    progress.phase("score")
    report, before = score_result(adata, "batch", model, "celltype")
    progress.phase("draw")
    colours = {"batch": adata.obs["batch"], "cell type": adata.obs["celltype"]}
    return Demo(adata, model, report, umap_figure(before, adata.obsm[EMBEDDING], colours, seed))


def require_demo_folder(folder: Path, *, force: bool) -> None:
    """Refuse, before any work, a folder into which ``save_demo`` could not write.

    Raises
    ------
    FileError
        It is a file, its parent is missing, or a result is there and ``force`` is not given.
    """
    from topocraft.data.atomic import explained
    from topocraft.data.places import followed, require_free, require_kind

    with explained(folder):
        require_kind(folder, is_folder=True)
    if not folder.exists() and not followed(folder).parent.is_dir():
        raise FileError(f"The output's folder must exist; there is no '{folder.parent}'. Create it, or name another.")
    for name in (RESULT, PICTURE, PAGE):
        require_free(folder / name, force)


def save_demo(demo: Demo, folder: Path, *, force: bool, progress: Progress | None = None) -> Iterator[Path]:
    """Write cells, picture and page into a folder, made where it is missing; yield each path once whole.

    Raises
    ------
    FileError
        As ``require_demo_folder``, or the disk is full.
    """
    from topocraft.data.atomic import explained
    from topocraft.data.outputs import write_result
    from topocraft.plot import save_figure
    from topocraft.report import write_report

    require_demo_folder(folder, force=force)
    with explained(folder):
        folder.mkdir(exist_ok=True)
    write_result(demo.adata, folder / RESULT, force=force)
    yield folder / RESULT
    save_figure(demo.figure, folder / PICTURE, force=force)
    yield folder / PICTURE
    yield write_report(
        demo.adata,
        folder / PAGE,
        label_key="celltype",
        source="demo",
        command="topocraft demo",
        seed=demo.model.config.seed,
        force=force,
        progress=progress or Silent(),
    )
