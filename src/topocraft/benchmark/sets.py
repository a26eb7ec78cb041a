"""Datasets on their way into a grid: read, checked and prepared, once each."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topocraft.baselines.preparation import Preparation, open_preparation, write_preparation
from topocraft.benchmark.folder import Folder, stem_of
from topocraft.benchmark.grid import Dataset, Grid, draws
from topocraft.benchmark.keys import digest_of, preparation_code
from topocraft.data.atomic import atomic_text
from topocraft.errors import InputError, TopocraftError
from topocraft.progress import Progress


@dataclass(frozen=True, eq=False)
class Prepared:
    """A dataset as methods are given it, drawn with ``seed``, and the ``seeds`` they run with; or why it has none.

    Its files may be gone, if nothing was left to be run on them: ``ready`` brings them back.
    """

    dataset: Dataset
    seed: int
    seeds: tuple[int, ...]
    preparation: Preparation | None
    reason: str = ""

    def ready(self, folder: Folder) -> Preparation:
        """Return the preparation with its files in place."""
        path = folder.dataset(_stem(self.dataset, self.seed))
        return open_preparation(path) if path.is_dir() else _write(self.dataset, self.seed, folder)

    def spend(self, folder: Folder) -> None:
        """Remove the files: of cells that can be drawn again, a hundred sets may be due, of 100 MB each."""
        path = folder.dataset(_stem(self.dataset, self.seed))
        aside = path.with_name(f".{path.name}.{os.getpid()}.old")
        if path.is_dir():
            os.replace(path, aside)
            shutil.rmtree(aside, ignore_errors=True)


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
        return Prepared(dataset, seed, seeds, _preparation(dataset, seed, folder))
    except TopocraftError as error:
        return Prepared(dataset, seed, seeds, None, str(error))
    except (MemoryError, OSError, ValueError, KeyError, ImportError) as error:
        return Prepared(dataset, seed, seeds, None, f"{type(error).__name__}: {error}")


def _preparation(dataset: Dataset, seed: int, folder: Folder) -> Preparation:
    stem = _stem(dataset, seed)
    path, facts = folder.dataset(stem), folder.dataset_facts(stem)
    if dataset.identity and path.is_dir():
        return open_preparation(path)
    if dataset.identity and facts.is_file():
        return _spent(path, facts)
    return _write(dataset, seed, folder)


def _write(dataset: Dataset, seed: int, folder: Folder) -> Preparation:
    from topocraft.data.cells import from_anndata
    from topocraft.data.columns import cell_types

    adata = dataset.read(seed)
    cells = from_anndata(adata, dataset.batch_key, layer=dataset.layer)
    labels = None if dataset.label_key is None else cell_types(adata.obs, dataset.label_key)
    stem = _stem(dataset, seed)
    written = write_preparation(cells, folder.dataset(stem), labels=labels, force=True)
    facts = {name: value for name, value in dataclasses.asdict(written).items() if name != "folder"}
    atomic_text(folder.dataset_facts(stem), json.dumps(facts))
    return written


def _spent(path: Path, facts: Path) -> Preparation:
    held: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
    return Preparation(folder=path, **{**held, "batches": tuple(held["batches"])})


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
