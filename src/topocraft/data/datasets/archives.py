"""The one file that a ``.zip`` or ``.gz`` of a dataset holds."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

from topocraft.data.atomic import atomic_file
from topocraft.data.datasets.entries import PACKED, READ
from topocraft.errors import FileError, TopocraftError, list_names

# RuntimeError: it needs a password, or a method of packing that Python lacks.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError)


def unpacked(path: Path) -> Path:
    """Return the path of the file to be read: the file itself, or what is unpacked beside it.

    Raises
    ------
    FileError
        The archive is damaged, or does not hold exactly one file that topocraft reads.
    """
    if path.suffix.lower() not in PACKED:
        return path
    try:
        return _from_zip(path) if path.suffix.lower() == ".zip" else _from_gzip(path)
    except TopocraftError:
        raise
    except DAMAGED as error:
        raise FileError(f"'{path}' must be a whole archive; it is not: {error}. Fetch it anew with --force.") from error


def _from_zip(path: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        held = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        cells = [name for name in held if Path(name).suffix.lower() in READ]
        if len(cells) != 1:
            raise FileError(f"'{path}' must hold one file of {' or '.join(READ)}; it holds {list_names(held)}.")
        target = path.with_name(path.stem + Path(cells[0]).suffix.lower())
        with archive.open(cells[0]) as packed, atomic_file(target) as partial, partial.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    return target


def _from_gzip(path: Path) -> Path:
    target = path.with_suffix("")
    if target.suffix.lower() not in READ:
        raise FileError(f"'{path}' must hold a file of {' or '.join(READ)}, by its name; rename it.")
    with gzip.open(path) as packed, atomic_file(target) as partial, partial.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target
