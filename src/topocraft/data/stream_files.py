"""Files of cells opened without their values: names and annotations in memory, matrices left on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topocraft.data.files import check_input, heard, number_names, readable
from topocraft.data.joining import file_names, join_files
from topocraft.data.stream import Part, Source, require_by_cell
from topocraft.data.unchanged import Unchanged, require_all_chunks
from topocraft.errors import FileError, InputError, list_names, nearest_name
from topocraft.progress import Progress

if TYPE_CHECKING:
    from anndata import AnnData

LOST = ("layers", "varm", "obsp", "varp")


@dataclass(frozen=True, eq=False)
class OpenFiles:
    """Files of cells that are open for reading.

    Parameters
    ----------
    adata
        All cells, joined where there are several files, without ``X`` and layers; of one file only ``obs``, ``var``.
    paths, groups
        The files, and what h5py or zarr gives for them.
    columns
        For each file, where its genes stand in ``adata``.
    layers
        Layers that every file has.
    notes
        Sentences on what was changed or left out.
    still
        What the files were as they were opened.
    """

    adata: AnnData
    paths: tuple[Path, ...]
    groups: tuple[Any, ...]
    columns: tuple[np.ndarray, ...]
    layers: tuple[str, ...]
    notes: tuple[str, ...]
    still: Unchanged

    def parts(self, layer: str | None) -> tuple[Part, ...]:
        """Return the matrix ``X`` or a layer of every file, on disk.

        Raises
        ------
        InputError
            A file has none, or it is stored gene by gene.
        """
        each = zip(self.paths, self.groups, self.columns, strict=True)
        return tuple(Part(_matrix(group, layer, path), columns, path) for path, group, columns in each)

    def source(self, layer: str | None, scratch: Path | None, progress: Progress) -> Source:
        """Return the values that are to be integrated, for ``from_anndata``."""
        return Source(self.parts(layer), scratch, progress)


def is_streamable(path: Path) -> bool:
    """Tell whether a file is of a kind that can be read in blocks: ``.h5ad`` or a zarr store."""
    path = Path(path)
    if not path.is_dir():
        return path.suffix.lower() == ".h5ad"
    return path.suffix.lower() == ".zarr" or any((path / mark).exists() for mark in (".zgroup", "zarr.json"))


@contextmanager
def open_files(paths: Sequence[Path], *, make_unique: bool = False) -> Iterator[OpenFiles]:
    """Open one file, or several to be joined as ``topocraft.data.files.read_many`` does, for as long as the block runs.

    Raises
    ------
    FileError
        A file cannot be read, or is of a kind that cannot be read in blocks.
    InputError
        The files cannot be joined.
    """
    paths = tuple(Path(path) for path in paths)
    for path in paths:
        check_input(path)
        if not is_streamable(path):
            raise FileError(f"Only .h5ad and .zarr are read in blocks; '{path}' is neither. Convert it to .h5ad first.")
    notes: list[str] = []
    still = Unchanged(paths)
    with ExitStack() as stack, _telling_first(still):
        groups = tuple(stack.enter_context(_opened(path)) for path in paths)
        shells = []
        for path, group in zip(paths, groups, strict=True):
            shell, said = _shell(path, group, make_unique, several=len(paths) > 1)
            shells.append(shell)
            notes.extend(said)
        layers = [layer for layer in _keys(groups[0], "layers") if all(layer in _keys(g, "layers") for g in groups)]
        if len(paths) == 1:
            columns: tuple[np.ndarray, ...] = (np.arange(shells[0].n_vars),)
            yield OpenFiles(shells[0], paths, groups, columns, tuple(layers), tuple(notes), still)
            return
        with heard(notes):
            joined, said = join_files(dict(zip(file_names(paths), shells, strict=True)))
        notes.extend([*said, *_lost(groups, layers)])
        columns = tuple(joined.var_names.get_indexer(shell.var_names) for shell in shells)
        yield OpenFiles(joined, paths, groups, columns, tuple(layers), tuple(notes), still)


@contextmanager
def _telling_first(still: Unchanged) -> Iterator[None]:
    """Where anything fails, tell first that a file has changed: what follows from it explains nothing."""
    try:
        yield
    except Exception:
        still.require()
        raise


def stored_bytes(paths: Sequence[Path]) -> int:
    """Return how many bytes of memory all arrays of some files would take."""
    total = 0
    for path in paths:
        with readable(Path(path), "a file of AnnData"), _opened(Path(path)) as group:
            total += _bytes(group)
    return total


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py
    import zarr

    with readable(path, "a zarr store of AnnData" if path.is_dir() else "an h5ad"):
        group = zarr.open_group(path, mode="r") if path.is_dir() else h5py.File(path, "r")
        if path.is_dir():
            require_all_chunks(group)
    try:
        yield group
    finally:
        if isinstance(group, h5py.File):
            group.close()


def _shell(path: Path, group: Any, make_unique: bool, several: bool) -> tuple[AnnData, list[str]]:
    import anndata

    notes: list[str] = []
    with readable(path, "a file of AnnData"), heard(notes):
        tables = {name: anndata.io.read_elem(group[name]) for name in ("obs", "var")}
        more = {name: anndata.io.read_elem(group[name]) for name in ("obsm", "uns") if several and name in group}
        adata = anndata.AnnData(**tables, **more)
    if make_unique:
        notes.extend(number_names(adata.var_names, adata.var_names_make_unique, "gene"))
        notes.extend(number_names(adata.obs_names, adata.obs_names_make_unique, "cell"))
    return adata, [f"{path.name}: {note}" for note in notes]


def _matrix(group: Any, layer: str | None, path: Path) -> Any:
    import anndata

    layers = _keys(group, "layers")
    if layer is not None and layer not in layers:
        raise InputError(
            f"layer must name a layer of every file; '{path.name}' has no '{layer}'.{nearest_name(layer, layers)} "
            f"Layers: {list_names(layers)}."
        )
    if layer is None and ("X" not in group or group["X"].attrs.get("encoding-type") == "null"):
        raise InputError(f"X must hold values; it is empty in '{path.name}'. Name a layer: {list_names(layers)}.")
    name = "X" if layer is None else f"layers/{layer}"
    with readable(path, "a file of AnnData"):
        matrix = group[name]
        if not hasattr(matrix, "shape"):
            matrix = anndata.io.sparse_dataset(matrix)
    require_by_cell(matrix, f"{name} of '{path.name}'")
    return matrix


def _keys(group: Any, section: str) -> list[str]:
    return sorted(group[section]) if section in group else []


def _lost(groups: Sequence[Any], layers: Sequence[str]) -> list[str]:
    lost = []
    for section in LOST:
        keys = pd.unique(np.array([key for group in groups for key in _keys(group, section)], dtype=object))
        gone = [key for key in keys if section != "layers" or key not in layers]
        lost += [f"{section} {list_names(gone)}"] if gone else []
    lost += ["raw"] if any("raw" in group for group in groups) else []
    return [f"left out, as not alike in all files or bound to one of them: {'; '.join(lost)}."] if lost else []


def _bytes(group: Any) -> int:
    total = 0
    for name in group:
        item = group[name]
        total += (item.size or 0) * item.dtype.itemsize if hasattr(item, "size") else _bytes(item)
    return total
