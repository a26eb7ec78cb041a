"""Kinds of files with cells, and what reads each: h5ad, zarr, loom, 10x h5 and mtx."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.data.tenx import read_10x_h5, read_10x_mtx
from topocraft.data.unchanged import require_all_chunks
from topocraft.errors import FileError, list_names, nearest_name, shown_name

if TYPE_CHECKING:
    from anndata import AnnData

READ = "an .h5ad, .zarr, .loom or 10x .h5 file, or a 10x folder with matrix.mtx or matrix.mtx.gz"


@dataclass(frozen=True)
class Kind:
    """A kind of file: what it is called, what reads it and returns notes, and whether Cell Ranger wrote it."""

    article: str
    read: Callable[[Path], tuple[AnnData, list[str]]]
    is_10x: bool = False


def kind_of(path: Path) -> Kind:
    """Return the kind of a file or folder, told by its ending or by what the folder holds.

    Raises
    ------
    FileError
        It is missing, or of a kind that is not read.
    """
    _require_there(path)
    suffix = path.suffix.lower()
    if not path.is_dir():
        if not path.is_file():
            raise FileError(f"Input must be {READ}; '{path}' is a device, pipe or socket. Save it as a file first.")
        if suffix in FILE_KINDS:
            return FILE_KINDS[suffix]
        if path.name.removesuffix(".gz").endswith(".mtx"):
            folder = path.parent
            raise FileError(f"A 10x matrix is read with its genes and barcodes: pass the folder '{folder}'.")
        raise FileError(f"Input must be {READ}; got '{path}'. Convert it to .h5ad first.")
    held = {item.name for item in path.iterdir()}
    if suffix == ".zarr" or held & {".zgroup", "zarr.json"}:
        return ZARR
    if held & {"matrix.mtx", "matrix.mtx.gz"}:
        return MTX
    raise FileError(f"Input must be {READ}; the folder '{path}' holds {list_names(sorted(held))}.")


def _require_there(path: Path) -> None:
    try:
        reason = "" if path.exists() else _missing(path)
    except PermissionError:
        raise
    except OSError as error:
        reason = f"Input must exist; '{shown_name(path)}' cannot be looked up: {error.strerror}. Check the path."
    if reason:
        raise FileError(reason)


def _missing(path: Path) -> str:
    folder = path.parent
    if path.is_symlink():
        return f"Input must exist; '{path}' is a link to '{path.readlink()}', which does not. Mend the link."
    if not folder.is_dir():
        return f"Input must exist; there is no folder '{folder}'. Check the path."
    names = sorted(item.name for item in folder.iterdir())
    hint = nearest_name(path.name, names) or f" The folder holds {list_names(names)}."
    return f"Input must exist; there is no '{shown_name(path.name)}' in '{folder.resolve()}'.{hint}"


def _read_h5ad(path: Path) -> tuple[AnnData, list[str]]:
    import anndata

    return anndata.read_h5ad(path), []


def _read_zarr(path: Path) -> tuple[AnnData, list[str]]:
    import anndata
    import zarr

    require_all_chunks(zarr.open_group(path, mode="r"))
    return anndata.read_zarr(path), []


def _read_loom(path: Path) -> tuple[AnnData, list[str]]:
    if importlib.util.find_spec("loompy") is None:
        raise FileError("Reading .loom needs loompy, which is not installed: pip install 'topocraft[loom]'.")
    import anndata
    import h5py

    notes, names = [], {}
    with h5py.File(path, "r") as file:
        for axis, what, candidates in LOOM_NAMES:
            held = [name for name in candidates if name in file[axis]]
            names[what] = held[0] if held else candidates[0]
            if not held:
                notes.append(f"the {what}s have no names ({axis} '{candidates[0]}') and were numbered.")
    # X_name: anndata would take a layer 'spliced' instead. validate: loompy refuses files that it can read.
    named = {"obs_names": names["cell"], "var_names": names["gene"]}
    return anndata.io.read_loom(path, X_name="", validate=False, **named), notes


LOOM_NAMES = (("col_attrs", "cell", ("CellID", "obs_names")), ("row_attrs", "gene", ("Gene", "var_names")))
FILE_KINDS = {
    ".h5ad": Kind("an h5ad", _read_h5ad),
    ".h5": Kind("a 10x .h5", read_10x_h5, is_10x=True),
    ".loom": Kind("a loom", _read_loom),
}
ZARR = Kind("a zarr store of AnnData", _read_zarr)
MTX = Kind("a 10x mtx folder", read_10x_mtx, is_10x=True)
