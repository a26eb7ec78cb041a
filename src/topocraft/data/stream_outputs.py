"""Results of cells that stay on disk: the input's matrices copied, names and annotations written beside them."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.data.atomic import atomic_file, atomic_folder
from topocraft.data.failures import held_back, patient_store
from topocraft.data.outputs import check_output, is_zarr, shell_of, writable
from topocraft.data.places import ZARR
from topocraft.data.stream import BLOCK, Part, read_rows
from topocraft.data.stream_files import OpenFiles, stored_bytes
from topocraft.errors import FileError

if TYPE_CHECKING:
    from anndata import AnnData

GZIP = {"compression": "gzip", "compression_opts": 1}


def check_streamed_output(path: Path, inputs: Sequence[Path], *, force: bool) -> None:
    """Refuse, before any work, an output that could not be written; one file is copied, and so keeps its kind.

    Raises
    ------
    FileError
        As ``check_output``; or a single input is of the other kind.
    """
    check_output(path, force=force, inputs=inputs)
    if len(inputs) == 1 and is_zarr(path) != Path(inputs[0]).is_dir():
        due = ".zarr" if Path(inputs[0]).is_dir() else ".h5ad"
        raise FileError(
            f"What is read in blocks is written as it is stored: output must end in {due}, like the input; "
            f"got '{path}'. Change its ending, or read it into memory (a larger --memory)."
        )


def write_streamed(opened: OpenFiles, result: AnnData, path: Path, *, force: bool) -> None:
    """Write the cells of open files with the annotations of ``result``, whole or not at all.

    One file is copied as it is, and ``obs``, ``var`` and what ``result`` has in ``obsm`` and ``uns`` are written into
    the copy. Several are joined cell by cell over all their genes, ``X`` and the layers they share (CSR).

    Parameters
    ----------
    opened
        The files.
    result
        All cells and genes in the order of ``opened.adata``, without values.
    path
        File ``.h5ad`` or folder ``.zarr``.
    force
        Replace what is there.

    Raises
    ------
    FileError
        As ``topocraft.data.outputs.write_result``; or a file was changed since it was opened.
    """
    import anndata

    path = Path(path)
    check_streamed_output(path, opened.paths, force=force)
    with warnings.catch_warnings(), anndata.settings.override(allow_write_nullable_strings=True):
        warnings.simplefilter("ignore")
        whole = shell_of(result)
        size = stored_bytes(opened.paths)
        folder = is_zarr(path)
        place = atomic_folder(path, force, kind=ZARR, size=size) if folder else atomic_file(path, force, size=size)
        opened.still.require()  # what is copied must be what was read
        with place as partial, held_back(), writable(path):
            (_write_folder if folder else _write_file)(opened, whole, partial)
            opened.still.require()


def _write_file(opened: OpenFiles, result: AnnData, partial: Path) -> None:
    import h5py

    if len(opened.paths) == 1:
        shutil.copyfile(opened.paths[0], partial)
    # Without a cache a full disk is an exception; with it, HDF5 fails as it closes, and crashes the process.
    with h5py.File(partial, "a", rdcc_nbytes=0) as root:
        _fill(opened, result, root, GZIP)


def _write_folder(opened: OpenFiles, result: AnnData, partial: Path) -> None:
    import zarr

    if len(opened.paths) == 1:
        _copy_tree(opened.paths[0], partial)
    with patient_store(partial) as store:
        _fill(opened, result, zarr.open_group(store, mode="a", use_consolidated=False), {})
        zarr.consolidate_metadata(store)


def _copy_tree(source: Path, target: Path) -> None:
    """Copy cells; ``shutil.copytree`` would go on after a full disk, and not say that it was one.

    What else lies there stays behind, as it does where cells are read into memory: it would keep a result from being
    replaced.
    """
    others = {source / name for name in ZARR.strangers(source)}
    for item in sorted(source.rglob("*")):
        if others & {item, *item.parents}:
            continue
        copy = target / item.relative_to(source)
        if item.is_dir():
            copy.mkdir()
        else:
            shutil.copyfile(item, copy)


def _fill(opened: OpenFiles, result: AnnData, root: Any, options: dict[str, Any]) -> None:
    from anndata.io import write_elem

    if len(opened.paths) > 1:
        write_elem(root, "/", result, dataset_kwargs=options)
        for layer in (None, *opened.layers):
            if layer is not None or _have_values(opened):
                name = "X" if layer is None else f"layers/{layer}"
                _write_joined(opened.parts(layer), result.n_vars, root, name, options)
        return
    for table in ("obs", "var"):
        write_elem(root, table, getattr(result, table), dataset_kwargs=options)
    for section in ("obsm", "uns"):
        if section not in root:
            write_elem(root, section, {})
        for key, value in getattr(result, section).items():
            write_elem(root, f"{section}/{key}", value, dataset_kwargs=options)


def _have_values(opened: OpenFiles) -> bool:
    return all("X" in group and group["X"].attrs.get("encoding-type") != "null" for group in opened.groups)


def _write_joined(parts: Sequence[Part], n_genes: int, root: Any, name: str, options: dict[str, Any]) -> None:
    from anndata.io import sparse_dataset, write_elem

    stored = np.result_type(*(part.dataset.dtype for part in parts))
    dtype = np.dtype(np.float32) if stored == np.float16 else stored  # no sparse matrix holds half precision
    n_cells = sum(part.n_rows for part in parts)
    for start in range(0, n_cells, BLOCK):
        block = read_rows(parts, start, min(start + BLOCK, n_cells), n_genes).astype(dtype, copy=False)
        if start:
            sparse_dataset(root[name]).append(block)
        else:
            block.indptr = block.indptr.astype(np.int64)
            write_elem(root, name, block, dataset_kwargs=options)
