"""Cells from files: h5ad, 10x h5 and mtx, zarr and loom; one file, or several joined."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft.data.kinds import kind_of
from topocraft.data.matrices import require_sound_parts
from topocraft.data.unchanged import Unchanged
from topocraft.errors import FileError, InputError, TopocraftError, first_line, list_names
from topocraft.memory import IN_BLOCKS, ran_out_of_memory, within_memory

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.data.ortholog_table import Rule

# Warnings of the libraries about what is settled or reported here in other words.
SPARSE_HALF = "scipy.sparse does not support dtype float16"
SETTLED = ("names are not unique", "Transforming to str index", "to deduplicate index values")


@dataclass(frozen=True, eq=False)
class Loaded:
    """What was read, and what the user should know about it.

    ``notes`` are sentences: names made unique, features left out, annotations that could not be joined.
    """

    adata: AnnData
    notes: tuple[str, ...] = ()


def read_cells_file(path: Path, *, make_unique: bool = False) -> Loaded:
    """Read one file or folder into memory; its kind is told by its ending, or by what the folder holds.

    Parameters
    ----------
    path
        An ``.h5ad``, ``.zarr``, ``.loom`` or 10x ``.h5`` file, or a 10x folder with ``matrix.mtx[.gz]``.
    make_unique
        Number repeated gene and cell names ("A", "A-1"). Gene symbols of 10x files repeat by nature and are
        always numbered.

    Raises
    ------
    FileError
        The file is missing, may not be read, is damaged, or is of another kind.
    InputError
        A 10x file holds no gene expression.
    """
    path = Path(path)
    notes: list[str] = []
    with readable(path, "a file that can be read"):
        kind, still = kind_of(path), Unchanged([path])
    with readable(path, kind.article), heard(notes):
        adata, said = kind.read(path)
        still.require()
        notes.extend(said)
        require_sound_parts(adata)
        if make_unique or kind.is_10x:
            notes.extend(number_names(adata.var_names, adata.var_names_make_unique, "gene"))
        if make_unique:
            notes.extend(number_names(adata.obs_names, adata.obs_names_make_unique, "cell"))
    return Loaded(adata, tuple(f"{path.name}: {note}" for note in notes))


def check_input(path: Path) -> None:
    """Refuse, before any work, a path that is missing or of a kind that is not read.

    Raises
    ------
    FileError
        As ``read_cells_file``, but for damage inside the file.
    """
    with readable(path, "a file that can be read"):
        kind_of(path)


def read_many(
    paths: Sequence[Path], make_unique: bool = False, *, orthologs: Path | str | None = None, rule: Rule = "one-to-one"
) -> Loaded:
    """Read one file as it is, or join several: every cell and every gene of any of them.

    Of several files, ``obs["file"]`` names the file of each cell and ``var["in_every_file"]`` marks the genes
    that all of them measured; counts of the others are zero where they were not measured. Genes come in the
    order in which they are first met. Sparse counts stay sparse. Cell names that occur in more than one file
    get the file's name appended.

    Parameters
    ----------
    paths
        Files or folders, as for ``read_cells_file``.
    make_unique
        Number repeated gene and cell names.
    orthologs, rule
        Table of human and mouse genes for files of both species, and what becomes of genes with several orthologs; see
        ``topocraft.data.orthologs.join_species_files``.

    Raises
    ------
    FileError
        A file cannot be read, or is named twice.
    InputError
        No gene is in every file, or gene names repeat within one; or a single file comes with a table of orthologs.
    """
    from topocraft.data.joining import file_names, join_files
    from topocraft.data.orthologs import join_species_files, known_table

    paths = [Path(path) for path in paths]
    if not paths:
        raise InputError("paths must name at least one file; got none.")
    for path in paths:
        check_input(path)
    names = file_names(paths)
    table = None if orthologs is None else known_table(orthologs)
    loaded = [read_cells_file(path, make_unique=make_unique) for path in paths]
    if len(loaded) == 1:
        if table is not None:
            raise InputError("orthologs join files of two species; got one file. Name the others too, or leave it out.")
        return loaded[0]
    files = {name: item.adata for name, item in zip(names, loaded, strict=True)}
    notes = [note for item in loaded for note in item.notes]
    with heard(notes):
        adata, said = join_files(files) if table is None else join_species_files(files, table, rule=rule)
        notes.extend(said)
    return Loaded(adata, tuple(notes))


@contextmanager
def readable(path: Path, article: str) -> Iterator[None]:
    """Turn what may go wrong in reading a file into a ``FileError``, and lack of memory into ``OutOfMemory``."""
    try:
        with within_memory(IN_BLOCKS, only=MemoryError):
            yield
    except TopocraftError:
        raise
    except PermissionError as error:
        raise FileError(
            f"Input must be readable; '{path}' is not, for this user. Ask its owner for the right to read it."
        ) from error
    except BlockingIOError as error:
        raise FileError(f"'{path}' is being written by another program. Wait for it to end.") from error
    except Exception as error:
        if SPARSE_HALF in str(error):
            raise FileError(
                f"'{path}' must hold no sparse matrix of half precision (float16), which nothing here reads; it holds "
                "one. Write the file anew from adata.X.astype('float32')."
            ) from error
        # HDF5 says the same of sizes that damage has made absurd.
        doubt = ", or memory ran out as it was read" if ran_out_of_memory(error) else ""
        raise FileError(
            f"'{path}' is damaged or not {article}{doubt}: {first_line(error).rstrip('.')}. "
            "Check that it was copied whole, or fetch it again."
        ) from error


@contextmanager
def heard(notes: list[str]) -> Iterator[None]:
    """Turn the warnings of the libraries into notes."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield
    for warning in heard:
        text = next(iter(str(warning.message).strip().splitlines()), "")
        known = text in notes or any(settled in text for settled in SETTLED)
        if issubclass(warning.category, UserWarning) and not known:
            notes.append(text)


def number_names(names: Any, make_unique: Callable[[], None], what: str) -> list[str]:
    """Give repeated names numbers, and say so."""
    repeated = names[names.duplicated()]
    if not len(repeated):
        return []
    make_unique()
    shown = list_names(repeated.unique(), 3)
    return [f"{len(repeated):,} repeated {what} names were numbered to be unique: {shown}."]
