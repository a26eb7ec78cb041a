"""The user's own sets: a folder of ``NAME.h5ad``, each described by a ``NAME.toml`` where it departs from custom."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from topocraft.data.datasets.entries import Dataset
from topocraft.errors import FileError, InputError, list_names, nearest_name

VARIABLE = "TOPOCRAFT_DATA"
KEYS = ("batch_key", "label_key")
DESCRIBED = ("title", "licence", "citation", "url", "origin", "note", "layer", *KEYS)


def local_sets(folder: Path | None) -> dict[str, Dataset]:
    """Return the sets of a folder by name, sorted; those of ``TOPOCRAFT_DATA`` if no folder is named.

    Parameters
    ----------
    folder
        Holds ``NAME.h5ad``, with the batch in ``obs["batch"]`` and the cell type in ``obs["celltype"]``. A
        ``NAME.toml`` beside it may name other columns (``batch_key``, ``label_key``) or a ``layer``, and say what the
        set is: ``title``, ``licence``, ``citation``, ``url``, ``origin``, ``note``.

    Raises
    ------
    FileError
        The folder does not exist, or a description cannot be read.
    InputError
        A description has a key that is not known, or that is not text.
    """
    named = folder if folder is not None else os.environ.get(VARIABLE)
    if not named:
        return {}
    place = Path(named).expanduser()
    if not place.is_dir():
        asked = "folder (--from)" if folder is not None else VARIABLE
        raise FileError(f"{asked} must be a folder of h5ad files; there is no folder '{place}'.")
    return {path.stem: _described(path) for path in sorted(place.glob("*.h5ad"))}


def sized(dataset: Dataset) -> Dataset:
    """Return a local set with its numbers of cells, batches and types and its source, without reading its values."""
    import anndata

    if dataset.local is None:
        return dataset
    try:
        opened = anndata.read_h5ad(dataset.local, backed="r")
    except Exception as error:
        raise FileError(f"'{dataset.local}' must be an h5ad that can be read; it is not: {error}.") from error
    try:
        counts = [_distinct(opened.obs, keys) for keys in (dataset.batch_key, dataset.label_key)]
        origin = dataset.origin or str(opened.uns.get("source", ""))
        return replace(dataset, cells=int(opened.n_obs), batches=counts[0], types=counts[1], origin=origin)
    finally:
        opened.file.close()


def _distinct(obs: Any, keys: tuple[str, ...]) -> int | None:
    held = [key for key in keys if key in obs.columns]
    return int(obs[held[0]].nunique()) if held else None


def _described(path: Path) -> Dataset:
    dataset = Dataset(path.stem, f"Your own: {path.name}", local=path)
    description = path.with_suffix(".toml")
    if not description.exists():
        return dataset
    try:
        with description.open("rb") as file:
            values = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise FileError(f"'{description}' must be TOML that can be read; it is not: {error}.") from error
    for name, value in values.items():
        _require_known(name, value, description)
    given: dict[str, Any] = {name: (value,) if name in KEYS else value for name, value in values.items()}
    return replace(dataset, **given)


def _require_known(name: str, value: object, description: Path) -> None:
    if name not in DESCRIBED:
        raise InputError(
            f"'{description}' may hold {list_names(DESCRIBED, 20)}; there is '{name}'.{nearest_name(name, DESCRIBED)}"
        )
    if not isinstance(value, str):
        raise InputError(f"'{description}' must give '{name}' as text; it gives {value!r}.")
