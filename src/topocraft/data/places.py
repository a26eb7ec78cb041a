"""Paths to be written: where they lead, what may stand there already, and what of it may be replaced."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from topocraft.errors import FileError, list_names, shown_name

METADATA = frozenset({".zgroup", ".zarray", ".zattrs", ".zmetadata", "zarr.json"})
PARTS = frozenset({"X", "layers", "obs", "obsm", "obsp", "raw", "uns", "var", "varm", "varp"})
CHUNK = re.compile(r"c|(c\.)?\d+(\.\d+)*")
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave behind by themselves."""


@dataclass(frozen=True)
class FolderKind:
    """What a folder of one kind holds: whoever replaces it takes with it whatever else lies there.

    Parameters
    ----------
    name
        In words, as in "a saved model".
    marks
        Names of which one at least tells that a folder that is not empty is of this kind.
    files
        Every name that may be in it.
    """

    name: str
    marks: tuple[str, ...]
    files: frozenset[str]

    def strangers(self, folder: Path) -> list[str]:
        """Return what is in a folder and is no part of one of this kind, by path within it."""
        known = self.files | LITTER
        with os.scandir(folder) as items:
            return sorted(item.name for item in items if item.name not in known or _is_folder(item))


class _ZarrKind(FolderKind):
    def strangers(self, folder: Path) -> list[str]:
        return sorted(os.path.relpath(path, folder) for path in _no_parts_of_cells(folder))


MODEL = FolderKind("a saved model", ("model.json",), frozenset({"model.json", "weights.safetensors"}))
ZARR = _ZarrKind("cells as zarr", (".zgroup", "zarr.json"), METADATA)


def _no_parts_of_cells(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as items:
        for item in items:
            if not _is_folder(item):
                if item.name not in METADATA | LITTER:
                    yield item.path
            elif item.name.partition(".")[0] in PARTS:  # once there was "raw.X"
                yield from _no_parts_of_zarr(item.path, False)
            else:
                yield item.path


def _no_parts_of_zarr(folder: str, in_array: bool) -> Iterator[str]:
    """Yield files below a node that are neither its metadata nor chunks of an array."""
    with os.scandir(folder) as opened:
        items = list(opened)
    in_array = in_array or bool({".zarray", "zarr.json"} & {item.name for item in items})
    for item in items:
        is_chunk = in_array and CHUNK.fullmatch(item.name) is not None
        if _is_folder(item):
            yield from _no_parts_of_zarr(item.path, is_chunk)
        elif not is_chunk and item.name not in METADATA | LITTER:
            yield item.path


def _is_folder(item: os.DirEntry[str]) -> bool:
    return item.is_dir(follow_symlinks=False)


def followed(path: Path) -> Path:
    """Return where a path leads, through links; refuse what leads nowhere."""
    try:
        return Path(path).resolve()
    except RuntimeError as error:
        raise FileError(f"Output must be a path; the link '{path}' leads in a circle. Remove it.") from error
    except ValueError as error:
        raise FileError(f"Output must be a path; '{shown_name(path)}' holds a NUL. Name another path.") from error
    except OSError as error:
        raise FileError(
            f"Output '{shown_name(path)}' must lie in a folder that is there; the working folder is gone. "
            "Change to one that is there, or name a path that begins at the root."
        ) from error


def require_kind(target: Path, *, is_folder: bool) -> None:
    """Refuse what stands at a path and is no file where a file is due, or no folder where a folder is due."""
    if not target.exists():
        return
    here = "a folder" if target.is_dir() else "a file" if target.is_file() else "a device, pipe or socket"
    due = "a folder" if is_folder else "a file"
    if here != due:
        raise FileError(f"Output '{target}' must be {due}; it is {here} already. Name another path.")


def require_free(path: Path, force: bool, kind: FolderKind | None = None) -> None:
    """Refuse a path where something is, unless forced; and a folder that holds more than its kind does, always."""
    path = Path(path)
    if path.exists() and not force:
        raise FileError(f"Output must not exist yet; '{path}' does. Name another, or pass --force (force=True).")
    if path.is_symlink() and not path.exists() and not force:
        raise FileError(
            f"Output must not exist yet; '{path}' is a link to '{path.readlink()}', where nothing is. "
            "Remove the link, or write where it points with --force (force=True)."
        )
    if kind is not None and path.is_dir():
        _require_ours(path, kind)


def _require_ours(folder: Path, kind: FolderKind) -> None:
    held = sorted(item.name for item in folder.iterdir())
    if held and not set(held) & set(kind.marks):
        raise FileError(
            f"Only a folder with {' or '.join(kind.marks)} is replaced; '{folder}' holds {list_names(held, 4)}. "
            "Name another path, or remove that folder yourself."
        )
    others = kind.strangers(folder)
    if others:
        raise FileError(
            f"Only a folder with nothing but {kind.name} is replaced; '{folder}' holds {list_names(others, 4)} "
            "besides, which would be lost. Move that elsewhere, or name another path."
        )
