"""Datasets on their way into a grid: read, checked and prepared, once each."""

from __future__ import annotations

from dataclasses import dataclass

from topocraft.baselines.preparation import Preparation, open_preparation, write_preparation
from topocraft.benchmark.folder import Folder, stem_of
from topocraft.benchmark.grid import Dataset, Grid, draws
from topocraft.benchmark.keys import digest_of, preparation_code
from topocraft.errors import InputError, TopocraftError
from topocraft.progress import Progress


@dataclass(frozen=True, eq=False)
class Prepared:
    """A dataset as methods are given it, and the seeds they run with; or, as ``reason``, why it cannot be had."""

    dataset: Dataset
    seeds: tuple[int, ...]
    preparation: Preparation | None
    reason: str = ""


def prepare_all(grid: Grid, folder: Folder, progress: Progress) -> list[Prepared]:
    """Prepare every dataset of a grid; what is prepared already is taken as it is.

    Raises
    ------
    InputError
        Not one dataset can be had; the message is the first one's reason.
    """
    progress.phase("prepare", sum(1 for _ in draws(grid)))
    found = []
    for dataset, seed, seeds in draws(grid):
        found.append(_prepare(dataset, seed, seeds, folder))
        if found[-1].reason:
            progress.warn(f"{dataset.name} cannot be had: {found[-1].reason}")
        progress.advance(dataset.name)
    if all(one.preparation is None for one in found):
        raise InputError(found[0].reason)
    return found


def _prepare(dataset: Dataset, seed: int, seeds: tuple[int, ...], folder: Folder) -> Prepared:
    try:
        return Prepared(dataset, seeds, _preparation(dataset, seed, folder))
    except TopocraftError as error:
        return Prepared(dataset, seeds, None, str(error))
    except (MemoryError, OSError, ValueError, KeyError, ImportError) as error:
        return Prepared(dataset, seeds, None, f"{type(error).__name__}: {error}")


def _preparation(dataset: Dataset, seed: int, folder: Folder) -> Preparation:
    path = folder.dataset(_stem(dataset, seed))
    if dataset.identity and path.is_dir():
        return open_preparation(path)
    from topocraft.data.cells import from_anndata
    from topocraft.data.columns import cell_types

    adata = dataset.read(seed)
    cells = from_anndata(adata, dataset.batch_key, layer=dataset.layer)
    labels = None if dataset.label_key is None else cell_types(adata.obs, dataset.label_key)
    return write_preparation(cells, path, labels=labels, force=True)


def _stem(dataset: Dataset, seed: int) -> str:
    told = {
        "name": dataset.name,
        "identity": dataset.identity,
        "batch": [dataset.batch_key] if isinstance(dataset.batch_key, str) else list(dataset.batch_key),
        "columns": [dataset.label_key, dataset.layer],
        "seed": seed if dataset.drawn else None,
        "code": preparation_code(),
    }
    return stem_of(dataset.name, digest_of(told))
