"""Where the cells of a recipe come from: simulated, drawn from a copula, or a dataset by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from topocraft.benchmark.grid import Dataset, stamp
from topocraft.benchmark.keys import package_code
from topocraft.errors import TopocraftError
from topocraft.randomness import numpy_stream

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress
    from topocraft.simulate.copula import CopulaModel

SIMULATOR = ("simulate/*.py", "randomness.py")


@dataclass(frozen=True)
class Scale:
    """What a user sets for all sources: at most so many ``cells`` of each, and the ``folder`` of own datasets."""

    cells: int | None = None
    folder: Path | None = None


class Source(Protocol):
    """Cells that a recipe can ask for."""

    @property
    def name(self) -> str:
        """As it stands in tables."""

    @property
    def needs(self) -> str:
        """Name of the dataset that must be had; empty where none is needed."""

    @property
    def cells(self) -> int | None:
        """How many cells there are; ``None`` for as many as there happen to be."""

    def dataset(self, scale: Scale, umap: bool) -> Dataset:
        """Return the cells as a dataset of a grid."""


@dataclass(frozen=True)
class Simulated:
    """A scenario of Splat, drawn anew for every seed; as many ``cells`` and ``genes`` as it has, if none are named."""

    scenario: str
    cells: int | None = None
    genes: int | None = None
    title: str = ""

    @property
    def name(self) -> str:
        """The scenario, unless it has a title."""
        return self.title or self.scenario

    @property
    def needs(self) -> str:
        """None: it can always be had."""
        return ""

    def dataset(self, scale: Scale, umap: bool) -> Dataset:
        """Return the simulated cells."""
        cells = _fewer(self.cells, scale.cells)
        told = f"Splat {self.scenario}, cells {cells}, genes {self.genes}, {package_code(SIMULATOR)}"
        return Dataset(name=self.name, read=partial(self._draw, cells), drawn=True, identity=told, umap=umap)

    def _draw(self, cells: int | None, seed: int) -> AnnData:
        from topocraft.simulate.scenarios import simulate_scenario

        return simulate_scenario(self.scenario, n_cells=cells, n_genes=self.genes, seed=seed)


@dataclass(frozen=True)
class Real:
    """A dataset that ``topocraft datasets`` knows, or that lies in the user's own folder.

    ``cells`` is how many are drawn from it at random, always the same; ``None`` for all.
    """

    dataset_name: str
    cells: int | None = None
    title: str = ""

    @property
    def name(self) -> str:
        """The dataset's, unless it has a title."""
        return self.title or self.dataset_name

    @property
    def needs(self) -> str:
        """The dataset itself."""
        return self.dataset_name

    def dataset(self, scale: Scale, umap: bool) -> Dataset:
        """Return the dataset, or a random choice of its cells."""
        cells = _fewer(self.cells, scale.cells)
        read = partial(_sample, partial(_load, self.dataset_name, scale.folder), cells)
        held = _stamp(self.dataset_name, scale.folder)
        return Dataset(name=self.name, read=read, identity=f"{held}\ncells {cells}" if held else "", umap=umap)


@dataclass(frozen=True)
class Copula:
    """One of the paper's ten settings, drawn from a copula that is fitted to a dataset."""

    setting: str
    like: str
    cells: int = 4000

    @property
    def name(self) -> str:
        """The setting."""
        return self.setting

    @property
    def needs(self) -> str:
        """What the copula is fitted to."""
        return self.like

    def dataset(self, scale: Scale, umap: bool) -> Dataset:
        """Return the cells drawn from the copula."""
        cells = _fewer(self.cells, scale.cells) or self.cells
        held = _stamp(self.like, scale.folder)
        told = f"copula {self.setting}, cells {cells}, like {held}, {package_code(SIMULATOR)}" if held else ""
        read = partial(self._draw, cells, scale.folder)
        return Dataset(name=self.name, read=read, drawn=True, identity=told, umap=umap)

    def _draw(self, cells: int, folder: Path | None, seed: int) -> AnnData:
        from topocraft.simulate.copula_settings import copula_scenario

        return copula_scenario(_fitted(self.like, folder), self.setting, n_cells=cells, seed=seed)


def why_missing(name: str, scale: Scale, progress: Progress) -> str:
    """Return why a dataset can neither be found here nor fetched; empty where it is here now."""
    from topocraft.data import datasets

    try:
        datasets.get(name, folder=scale.folder, progress=progress)
    except TopocraftError as error:
        return str(error)
    return ""


@cache
def _fitted(name: str, folder: Path | None) -> CopulaModel:
    """Fit a copula to a dataset, once for all settings and seeds."""
    from topocraft.simulate.copula import fit_copula
    from topocraft.simulate.population import as_csr

    adata = _load(name, folder)
    known = adata.obs["celltype"].notna().to_numpy()
    return fit_copula(as_csr(adata.X[known]), adata.obs["batch"][known], adata.obs["celltype"][known])


def _load(name: str, folder: Path | None) -> AnnData:
    from topocraft.data import datasets

    return datasets.load(name, folder=folder)


def _sample(load: Callable[[], AnnData], cells: int | None, _seed: int) -> AnnData:
    adata = load()
    if cells is None or cells >= adata.n_obs:
        return adata
    return adata[np.sort(numpy_stream(0, "sample").permutation(adata.n_obs)[:cells])].copy()


def _stamp(name: str, folder: Path | None) -> str:
    """Return the identity of a dataset that is here; empty where it is not."""
    from topocraft.data import datasets

    try:
        return stamp(datasets.get(name, folder=folder)) if datasets.is_here(name, folder) else ""
    except TopocraftError:
        return ""


def _fewer(own: int | None, asked: int | None) -> int | None:
    given = [size for size in (own, asked) if size is not None]
    return min(given) if given else None
