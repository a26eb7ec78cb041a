"""Where the cells of a recipe come from: simulated, drawn from a copula, or a dataset by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from topocraft.benchmark.grid import Dataset, file_identity
from topocraft.benchmark.keys import package_code
from topocraft.errors import FileError, InputError, TopocraftError, nearest_name
from topocraft.randomness import numpy_stream

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress
    from topocraft.simulate.copula import CopulaModel

OF_SPECIES = ("hcl-mca", "lung-two-species", "pancreas_baron_human_mouse")
LEAST_SHARED = 0.5
"""Of the genes that batches of two species express: fewer are genes by two sets of names."""
SIMULATOR = ("simulate/*.py", "randomness.py")


@dataclass(frozen=True)
class Scale:
    """What holds for all sources.

    At most so many ``cells`` of each; the ``folder`` of own datasets; and which datasets are ``missing``, with the
    reason: they are not looked for again.
    """

    cells: int | None = None
    folder: Path | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


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
        identity = f"Splat {self.scenario}, cells {cells}, genes {self.genes}, {package_code(SIMULATOR)}"
        return Dataset(name=self.name, read=partial(self._draw, cells), drawn=True, identity=identity, umap=umap)

    def _draw(self, cells: int | None, seed: int) -> AnnData:
        from topocraft.simulate.scenarios import simulate_scenario

        return simulate_scenario(self.scenario, n_cells=cells, n_genes=self.genes, seed=seed)


@dataclass(frozen=True)
class Real:
    """A dataset that ``topocraft datasets`` knows, or that lies in the user's own folder.

    ``cells`` is how many are drawn from it at random, always the same; ``None`` for all. Where its batches are of
    several species (``OF_SPECIES``), their genes must have been joined.
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
        of_species = self.dataset_name in OF_SPECIES
        load = partial(_load_of_species if of_species else _load, self.dataset_name, scale)
        read = partial(_sample, load, cells)
        known = _identity(self.dataset_name, scale)
        return Dataset(name=self.name, read=read, identity=f"{known}\ncells {cells}" if known else "", umap=umap)


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
        known = _identity(self.like, scale)
        identity = f"copula {self.setting}, cells {cells}, like {known}, {package_code(SIMULATOR)}" if known else ""
        read = partial(self._draw, cells, scale, known)
        return Dataset(name=self.name, read=read, drawn=True, identity=identity, umap=umap)

    def _draw(self, cells: int, scale: Scale, known: str, seed: int) -> AnnData:
        from topocraft.simulate.copula_settings import copula_scenario

        _require_there(self.like, scale)
        return copula_scenario(_fitted(self.like, scale.folder, known), self.setting, n_cells=cells, seed=seed)


def why_missing(name: str, scale: Scale, progress: Progress) -> str:
    """Return why a dataset can neither be found here nor fetched; empty where it is here now."""
    from topocraft.data import datasets

    try:
        known = datasets.known(scale.folder)
        if name not in known:
            return (
                f"There is no dataset '{name}'.{nearest_name(name, known)} Put '{name}.h5ad' into a folder of your "
                "own, and name that with --data (data=) or TOPOCRAFT_DATA."
            )
        datasets.get(name, folder=scale.folder, progress=progress)
    except TopocraftError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def _fitted(name: str, folder: Path | None, _identity_of_file: str) -> CopulaModel:
    """Fit a copula to a dataset, once for all settings and seeds, and anew where the file has changed."""
    from topocraft.simulate.copula import fit_copula
    from topocraft.simulate.population import as_csr

    adata = _load(name, Scale(folder=folder))
    known = adata.obs["celltype"].notna().to_numpy()
    return fit_copula(as_csr(adata.X[known]), adata.obs["batch"][known], adata.obs["celltype"][known])


def _load(name: str, scale: Scale) -> AnnData:
    from topocraft.data import datasets

    _require_there(name, scale)
    return datasets.load(name, folder=scale.folder)


def _load_of_species(name: str, scale: Scale) -> AnnData:
    """Return a dataset of several species.

    Raises
    ------
    InputError
        Two of its batches share less than half of the genes that the one with fewer expresses.
    """
    adata = _load(name, scale)
    for (one, here), (other, there) in combinations(_expressed(adata).items(), 2):
        fewer, shared = min(here.sum(), there.sum()), (here & there).sum()
        if shared < LEAST_SHARED * fewer:
            raise InputError(
                f"genes of '{name}' must be shared by its batches, which are of several species: at least "
                f"{LEAST_SHARED:.0%} of those expressed; '{one}' and '{other}' share {shared:,} of {fewer:,}. Join its "
                "files over orthologs (topocraft integrate HUMAN.h5ad MOUSE.h5ad --orthologs TABLE), and put the "
                f"result as '{name}.h5ad' into a folder of your own (--data)."
            )
    return adata


def _expressed(adata: AnnData) -> dict[str, np.ndarray]:
    """Return which genes have a value in any cell, by batch."""
    batches = adata.obs["batch"].astype(str).to_numpy()
    return {name: np.asarray(adata.X[batches == name].max(axis=0).toarray()).ravel() > 0 for name in np.unique(batches)}


def _require_there(name: str, scale: Scale) -> None:
    if name in scale.missing:
        raise FileError(scale.missing[name])


def _sample(load: Callable[[], AnnData], cells: int | None, _seed: int) -> AnnData:
    adata = load()
    if cells is None or cells >= adata.n_obs:
        return adata
    return adata[np.sort(numpy_stream(0, "sample").permutation(adata.n_obs)[:cells])].copy()


def _identity(name: str, scale: Scale) -> str:
    """Return the identity of a dataset that is here; empty where it is not."""
    from topocraft.data import datasets

    try:
        is_here = name not in scale.missing and datasets.is_here(name, scale.folder)
        return file_identity(datasets.get(name, folder=scale.folder)) if is_here else ""
    except TopocraftError:
        return ""


def _fewer(own: int | None, asked: int | None) -> int | None:
    given = [size for size in (own, asked) if size is not None]
    return min(given) if given else None
