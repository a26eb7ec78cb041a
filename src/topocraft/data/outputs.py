"""Results out: an AnnData to h5ad or zarr, whole or not at all. Everything that writes comes from here."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft.data.apart import require_apart
from topocraft.data.atomic import (
    atomic_file,
    atomic_folder,
    atomic_text,
    explained,
    require_short,
    system_code,
)
from topocraft.data.failures import complaints_heard, held_back, patient_store
from topocraft.data.places import ZARR, FolderKind, followed, require_free, require_kind
from topocraft.errors import FileError, TopocraftError
from topocraft.memory import ran_out_of_memory

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["atomic_file", "atomic_folder", "atomic_text", "check_output", "write_h5ad", "write_result"]

WRITTEN = (".h5ad", ".zarr")


def check_output(path: Path, *, force: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse, before any work, an output that could not be written or would overwrite what it should not.

    Parameters
    ----------
    path
        File ``.h5ad`` or folder ``.zarr`` to be written. A link is followed.
    force
        Allow that a result of the same kind is there already, to be replaced.
    inputs
        Files that are read, which the output must not be, whether forced or not.

    Raises
    ------
    FileError
        The ending is another, the folder is missing or read-only, or something stands there already.
    """
    path = Path(path)
    _require_place(path, ZARR if is_zarr(path) else None, force, inputs)


def check_file(path: Path, *endings: str, force: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse, before any work, a file of another ending than ``endings``, or one that could not be written.

    Parameters and errors are those of ``check_output``.
    """
    if path.suffix.lower() not in endings:
        raise FileError(f"Output '{path}' must end in {' or '.join(endings)}. Name another path.")
    _require_place(path, None, force, inputs)


def check_folder(path: Path, kind: FolderKind, *, force: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse, before any work, a folder of some kind that could not be written or would take other things with it.

    Parameters and errors are those of ``check_output``.
    """
    _require_place(path, kind, force, inputs)


def _require_place(path: Path, kind: FolderKind | None, force: bool, inputs: Sequence[Path]) -> None:
    with explained(path):
        target = followed(path)
        _require_folder(target.parent)
        if target.exists() and any(Path(item).exists() and target.samefile(item) for item in inputs):
            raise FileError(f"Output must not be an input; '{path}' is both. Name another path.")
        require_short(target)
        require_apart({"output": path}, inputs)
        require_kind(target, is_folder=kind is not None)
        require_free(path, force, kind)


def write_result(adata: AnnData, path: Path, *, force: bool) -> None:
    """Write an AnnData to ``.h5ad`` or ``.zarr``; whatever happens, the target is whole or as it was before.

    The AnnData is not changed. Text columns become categories in the file, as anndata has it.

    Raises
    ------
    FileError
        As ``check_output``; the disk is full; or an annotation is of a kind that the format cannot hold.
    """
    import anndata

    path = Path(path)
    check_output(path, force=force)
    with warnings.catch_warnings(), anndata.settings.override(allow_write_nullable_strings=True):
        warnings.simplefilter("ignore")
        with writable(path):
            whole = shell_of(adata)
        size = _size(whole)
        if is_zarr(path):
            write, place = _write_zarr, atomic_folder(path, force, kind=ZARR, size=size)
        else:
            write, place = _write_h5ad, atomic_file(path, force, size=size)
        with place as partial, held_back(), writable(path):
            write(whole, partial)


def write_h5ad(adata: AnnData, path: Path, **options: Any) -> None:
    """Write an AnnData to a file that is nobody's yet; ``options`` are those of h5py's datasets."""
    import anndata
    import h5py

    # Without a cache a full disk is an exception; with it, HDF5 fails as it closes, and crashes the process.
    with complaints_heard(), h5py.File(path, "w", rdcc_nbytes=0) as opened:
        anndata.io.write_elem(opened, "/", adata, dataset_kwargs=options)


def _write_h5ad(adata: AnnData, path: Path) -> None:
    # 10,500 cells: gzip 1 takes 0.9 s and 27 MB, gzip 4 1.4 s and 26 MB, lzf 0.6 s and 47 MB.
    write_h5ad(adata, path, compression="gzip", compression_opts=1)


def _write_zarr(adata: AnnData, path: Path) -> None:
    with patient_store(path) as store:
        adata.write_zarr(store)


def is_zarr(path: Path) -> bool:
    """Tell by its ending whether an output is a zarr folder; refuse what is neither."""
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise FileError(f"Output must end in {' or '.join(WRITTEN)}; got '{path}'. Change its ending.")
    return suffix == ".zarr"


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise FileError(f"The output's folder must exist; there is no '{folder}'. Create it, or name another.")
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn an annotation that the format cannot hold into a ``FileError``."""
    try:
        yield
    except Exception as error:
        if isinstance(error, TopocraftError) or ran_out_of_memory(error) or system_code(error):
            raise
        where = "".join(f" ({note})" for note in getattr(error, "__notes__", []))
        raise FileError(
            f"Every annotation must be of a kind that {path.suffix} holds; one is not: {error}{where}. "
            "Turn it into text or numbers, or remove it."
        ) from error


def shell_of(adata: AnnData) -> AnnData:
    """Share the arrays and copy the tables; text becomes categories, as h5ad holds no text with gaps."""
    from anndata import AnnData

    sections = ("uns", "layers", "obsm", "varm", "obsp", "varp")
    shell = AnnData(
        X=adata.X,
        obs=adata.obs.copy(),
        var=adata.var.copy(),
        raw=adata.raw,
        **{name: dict(getattr(adata, name)) for name in sections},
    )
    shell.strings_to_categoricals()
    if shell.raw is not None:
        shell.strings_to_categoricals(shell.raw.var)
    return shell


def _size(adata: AnnData) -> int:
    raw = [] if adata.raw is None else [adata.raw.X]
    return sum(_bytes(values) for values in [adata.X, *adata.layers.values(), *adata.obsm.values(), *raw])


def _bytes(values: Any) -> int:
    if hasattr(values, "indptr"):
        return sum(_bytes(part) for part in (values.data, values.indices, values.indptr))
    return int(getattr(values, "nbytes", 0))
