"""Datasets by name: which there are, whether they are here, and how to have them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.cache import cache_folder
from topocraft.data.datasets.catalogue import PUBLISHED
from topocraft.data.datasets.entries import Dataset
from topocraft.data.datasets.local import local_sets
from topocraft.data.leftovers import sweep_folder
from topocraft.errors import ConfigError, FileError, nearest_name
from topocraft.progress import Progress, Unattended

if TYPE_CHECKING:
    from anndata import AnnData


def known(folder: Path | None = None) -> dict[str, Dataset]:
    """Return every dataset by name: the published ones, then those of the user's folder, which take precedence.

    Parameters
    ----------
    folder
        Folder of ``NAME.h5ad``; ``None`` takes the one that the environment variable ``TOPOCRAFT_DATA`` names, if
        any.

    Raises
    ------
    FileError
        The folder does not exist, or a description in it cannot be read.

    Examples
    --------
    >>> known()["pancreas"].cells
    16382
    """
    return PUBLISHED | local_sets(folder)


def find(name: str, folder: Path | None = None) -> Dataset:
    """Return what is known of a dataset.

    Parameters
    ----------
    name
        One of ``known(folder)``.
    folder
        As in ``known``.

    Raises
    ------
    ConfigError
        There is no such dataset; the nearest one is named.

    Examples
    --------
    >>> find("lung-atlas").licence
    'CC BY 4.0'
    """
    datasets = known(folder)
    if name not in datasets:
        raise ConfigError(
            f"name must be a dataset that 'topocraft datasets list' shows; there is no dataset '{name}'."
            f"{nearest_name(name, datasets)} A folder of your own h5ad files is named with --from (folder=) or "
            "TOPOCRAFT_DATA."
        )
    return datasets[name]


def is_here(name: str, folder: Path | None = None) -> bool:
    """Return whether ``load`` needs no network: the set is the user's own, or has been fetched and prepared."""
    dataset = find(name, folder)
    return dataset.local is not None or prepared_path(name).exists()


def get(name: str, *, folder: Path | None = None, force: bool = False, progress: Progress | None = None) -> Path:
    """Fetch a dataset and prepare it, unless that has been done, and return the path of its h5ad.

    Parameters
    ----------
    name, folder
        As in ``find``.
    force
        Fetch and prepare it anew.
    progress
        Where to say what happens; warnings alone where left out.

    Returns
    -------
    The prepared file in the cache; of the user's own sets, their file as it is.

    Raises
    ------
    ConfigError
        There is no such dataset.
    FileError
        It cannot be fetched, verified or stored. The message names every address that was tried, and where to put the
        file by hand.
    InputError
        The file lacks a column or a layer that it should have.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "mine.h5ad").write_bytes(b"")
    ...     get("mine", folder=Path(folder)).name
    'mine.h5ad'
    """
    dataset = find(name, folder)
    if dataset.local is not None:
        return dataset.local
    target = prepared_path(name)
    if force or not target.exists():
        sweep_folder(target.parent)
        _prepare(dataset, target, force, progress or Unattended())
    return target


def load(name: str, *, folder: Path | None = None, progress: Progress | None = None) -> AnnData:
    """Return a dataset in the common form, fetched first if need be.

    Parameters
    ----------
    name, folder
        As in ``find``.
    progress
        Where to say what happens; warnings alone where left out.

    Returns
    -------
    Cells × genes: values in ``X`` (CSR, float32), ``obs["batch"]``, ``obs["celltype"]``, and in ``uns`` what they are
    (``x_kind``) and where they came from (``source``).

    Raises
    ------
    ConfigError, FileError, InputError
        As ``get``.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from anndata import AnnData
    >>> columns = {"batch": ["a", "b"], "celltype": ["T", "B"]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     AnnData(np.eye(2), obs=columns).write_h5ad(Path(folder, "mine.h5ad"))
    ...     load("mine", folder=Path(folder)).uns["x_kind"]
    'raw counts'
    """
    from topocraft.data.datasets.standard import standardised
    from topocraft.data.files import read_cells_file

    told, dataset = progress or Unattended(), find(name, folder)
    adata = read_cells_file(get(name, folder=folder, progress=told)).adata
    if dataset.local is None:
        return adata
    cells, notes = standardised(adata, dataset)
    for note in notes:
        told.say(f"{name}: {note}")
    return cells


def prepared_path(name: str) -> Path:
    """Return where the prepared file of a published dataset is, or will be."""
    return cache_folder("datasets", name) / f"{name}.h5ad"


def _prepare(dataset: Dataset, target: Path, force: bool, progress: Progress) -> None:
    from topocraft.data.datasets.standard import standardised
    from topocraft.data.files import read_cells_file
    from topocraft.data.outputs import write_result

    source = _source(dataset, target.parent, force, progress)
    progress.phase(f"prepare {dataset.name}")
    loaded = read_cells_file(source)
    cells, notes = standardised(loaded.adata, dataset)
    for note in (*loaded.notes, *notes):
        progress.say(f"{dataset.name}: {note}")
    write_result(cells, target, force=True)


def _source(dataset: Dataset, folder: Path, force: bool, progress: Progress) -> Path:
    """Return the file to be read, from the first of the alternatives that can be had."""
    from topocraft.data.datasets.archives import unpacked
    from topocraft.data.datasets.download import fetch

    problems = []
    for file in dataset.files:
        try:
            return unpacked(fetch(file, folder, progress, force=force))
        except FileError as error:
            problems.append(str(error))
    page = f" See {dataset.url}." if dataset.url else ""
    hint = f" {dataset.by_hand}" if dataset.by_hand else ""
    raise FileError(f"Dataset '{dataset.name}' is not to be had. {' '.join(problems)}{page}{hint}")
