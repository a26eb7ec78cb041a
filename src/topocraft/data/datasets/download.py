"""A file of a dataset into the cache: from the first address that has it, verified, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.data.atomic import atomic_text, explained
from topocraft.data.checksums import checksum_of
from topocraft.data.datasets.entries import RemoteFile
from topocraft.data.datasets.listing import resolved
from topocraft.data.datasets.transfer import mark_of, transfer
from topocraft.data.typed_json import parsed_object
from topocraft.errors import FileError

if TYPE_CHECKING:
    from topocraft.progress import Progress

RECORD = "checksums.json"


def fetch(file: RemoteFile, folder: Path, progress: Progress, *, force: bool = False) -> Path:
    """Return the path of a file, fetched if it is not there yet, and verified.

    Parameters
    ----------
    file
        What to fetch, and from where.
    folder
        Folder of the dataset in the cache; made if it is not there.
    progress
        Told about every mebibyte.
    force
        Fetch it anew, and forget the checksum that an earlier download recorded.

    Raises
    ------
    FileError
        No address gives the file, it comes with a wrong checksum, or it cannot be stored.
    """
    with explained(folder / file.name):
        folder.mkdir(parents=True, exist_ok=True)
        if not force and (folder / file.name).exists():
            return _verified(folder / file.name, file.checksum)
        _require_address(file, folder)
        return _fetched(resolved(file, progress), folder, progress, force)


def _require_address(file: RemoteFile, folder: Path) -> None:
    if not file.can_be_fetched:
        raise FileError(
            f"No address is known from which '{file.name}' can be fetched. "
            f"Get the file yourself and put it at '{folder / file.name}'."
        )


def _fetched(file: RemoteFile, folder: Path, progress: Progress, force: bool) -> Path:
    checksum = file.checksum or (None if force else _recorded(folder).get(file.name))
    problems = []
    with explained(folder / file.name, file.size):
        for address in file.addresses:
            try:
                path = _retrieved(address, file.name, checksum, folder, progress)
            except FileError as error:
                problems.append(str(error))
            else:
                return path if checksum else _recorded_now(path)
    cure = f"Try again later, or get the file yourself and put it at '{folder / file.name}'."
    raise FileError(f"'{file.name}' could not be fetched. {' '.join(problems)} {cure}")


def _retrieved(address: str, name: str, checksum: str | None, folder: Path, progress: Progress) -> Path:
    """Bring a file, verify it, and move it into its place; killed at any moment, it goes on from what has come."""
    part = folder / f"{name}.part"
    with _kept(part, progress):
        transfer(address, part, name, progress)
    mark = mark_of(part)
    if checksum:
        got, due = _hashed(part, checksum)
        if got != due:
            part.unlink()
            mark.unlink(missing_ok=True)
            raise FileError(_mismatch(name, address, checksum, got))
    mark.unlink(missing_ok=True)
    return part.replace(folder / name)


def _mismatch(name: str, address: str, checksum: str, got: str) -> str:
    return (
        f"'{name}' from '{address}' must have the checksum {checksum}; it has {got}. "
        "What came was removed; if its source has published a new version, pass --force (force=True)."
    )


@contextmanager
def _kept(part: Path, progress: Progress) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if part.exists():
            progress.say(f"{part.stat().st_size / 1e6:,.1f} MB are kept; the same call goes on from there.")
        raise


def _verified(path: Path, checksum: str | None) -> Path:
    """Compare a file with its checksum: the published one, or else that of the first time it was here."""
    known = checksum or _recorded(path.parent).get(path.name)
    if known is None:
        return _recorded_now(path)
    got, due = _hashed(path, known)
    if got != due:
        raise FileError(
            f"'{path}' must have the checksum {known}; it has {got}. Remove it, or fetch it anew with --force "
            "(force=True)."
        )
    return path


def _hashed(path: Path, checksum: str) -> tuple[str, str]:
    """Return the checksum that a file has, and the one that is due, in its algorithm."""
    algorithm, _, due = checksum.partition(":")
    return checksum_of(path, algorithm), due


def _recorded_now(path: Path) -> Path:
    record = _recorded(path.parent) | {path.name: f"sha256:{checksum_of(path)}"}
    atomic_text(path.parent / RECORD, json.dumps(record, indent=2) + "\n")
    return path


def _recorded(folder: Path) -> dict[str, str]:
    try:
        record = parsed_object((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FileError(f"'{folder / RECORD}' must be readable JSON; it is not: {error}. Remove it.") from error
    return {str(name): str(checksum) for name, checksum in record.items()}
