"""Datasets on their way into a grid: read, checked and prepared, once each."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from topocraft.baselines.preparation import Preparation, open_preparation, write_preparation
from topocraft.benchmark.folder import Folder, stem_of
from topocraft.benchmark.grid import Dataset, Grid, draws
from topocraft.benchmark.keys import digest_of, preparation_code
from topocraft.data.atomic import atomic_text
from topocraft.data.typed_json import built, parsed_object
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
        """Return the preparation with its files in place.

        Raises
        ------
        TopocraftError
            The files are gone, and the cells cannot be read again, or are others by now.
        """
        path = folder.dataset(_stem(self.dataset, self.seed))
        found = open_preparation(path) if path.is_dir() else _write(self.dataset, self.seed, folder)
        if self.preparation is not None and found.fingerprint != self.preparation.fingerprint:
            raise InputError(
                f"The cells of {self.dataset.name} must stay the same while a benchmark runs; they have changed. Run "
                "the same command again."
            )
        return found

    def discard(self, folder: Folder) -> None:
        """Remove the files, which ``ready`` can bring back: a recipe may draw a hundred sets of 100 MB each."""
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
        is_kept = not dataset.drawn or seed == grid.seeds[0]
        found.append(_prepare(dataset, seed, seeds, folder, is_kept))
        if found[-1].reason:
            progress.warn(f"{dataset.name} cannot be had: {found[-1].reason}")
        progress.advance(dataset.name)
    if all(one.preparation is None for one in found):
        raise InputError(found[0].reason)
    return found


def _prepare(dataset: Dataset, seed: int, seeds: tuple[int, ...], folder: Folder, is_kept: bool) -> Prepared:
    try:
        return Prepared(dataset, seed, seeds, _preparation(dataset, seed, folder, is_kept))
    except TopocraftError as error:
        return Prepared(dataset, seed, seeds, None, str(error))


def _preparation(dataset: Dataset, seed: int, folder: Folder, is_kept: bool) -> Preparation:
    """Return what is there of an earlier run; of cells that are not kept, what is known of them is enough."""
    stem = _stem(dataset, seed)
    path = folder.dataset(stem)
    if dataset.identity and path.is_dir():
        return open_preparation(path)
    known = None if is_kept or not dataset.identity else _known(folder.dataset_facts(stem), path)
    return known or _write(dataset, seed, folder)


def _write(dataset: Dataset, seed: int, folder: Folder) -> Preparation:
    from topocraft.data.cells import from_anndata
    from topocraft.data.columns import cell_types

    with _refused():
        adata = dataset.read(seed)
        cells = from_anndata(adata, dataset.batch_key, layer=dataset.layer)
        labels = None if dataset.label_key is None else cell_types(adata.obs, dataset.label_key)
        stem = _stem(dataset, seed)
        written = write_preparation(cells, folder.dataset(stem), labels=labels, force=True)
    facts = {name: value for name, value in dataclasses.asdict(written).items() if name != "folder"}
    atomic_text(folder.dataset_facts(stem), json.dumps(facts))
    return written


@contextmanager
def _refused() -> Iterator[None]:
    """Turn whatever a reader of foreign files may raise into an ``InputError``: one dataset is not the whole grid."""
    try:
        yield
    except TopocraftError:
        raise
    except Exception as error:
        raise InputError(f"{type(error).__name__}: {error}") from error


def _known(facts: Path, folder: Path) -> Preparation | None:
    """Return what is known of cells whose files were removed; ``None`` where that cannot be read."""
    try:
        return built(Preparation, parsed_object(facts.read_text(encoding="utf-8")) | {"folder": folder})
    except (OSError, ValueError):
        return None


def _stem(dataset: Dataset, seed: int) -> str:
    decides = {
        "name": dataset.name,
        "identity": dataset.identity,
        "batch": [dataset.batch_key] if isinstance(dataset.batch_key, str) else list(dataset.batch_key),
        "columns": [dataset.label_key, dataset.layer],
        "seed": seed if dataset.drawn else None,
        "code": preparation_code(),
    }
    return stem_of(dataset.name, digest_of(decides))
