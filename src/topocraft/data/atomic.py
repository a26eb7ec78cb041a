"""Files and folders that are whole or as they were: written beside their target, synced, then renamed."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from topocraft.data.places import FolderKind, followed, require_free, require_kind
from topocraft.errors import FileError, TopocraftError, shown_name
from topocraft.memory import ran_out_of_memory

NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
GONE = "That folder is not there, or is no longer: make it anew, or name another"
NO_RIGHT = "Ask for the right to write there, or name another folder"
CURES = {
    errno.ENOENT: GONE,
    errno.ENOTDIR: GONE,
    errno.ESTALE: GONE,
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EROFS: NO_RIGHT,
    errno.ENAMETOOLONG: "Shorten it: what is written beside it has names that are somewhat longer",
}


@contextmanager
def atomic_file(path: Path, force: bool = True, *, size: int | None = None) -> Iterator[Path]:
    """Yield a temporary path whose file becomes ``path`` when the block ends well, and vanishes otherwise.

    The temporary path ends in ``.partial``, so name the format to writers that go by the ending.

    Parameters
    ----------
    path
        File to be written. A link is followed.
    force
        Replace a file that is there.
    size
        Bytes that are needed at most, for the message when the disk is full.

    Raises
    ------
    FileError
        A file is there and ``force`` is false, or the file cannot be written.
    """
    with explained(path, size):
        target = followed(path)
        require_free(path, force)
        require_kind(target, is_folder=False)
        partial = _beside(target, "partial")
        try:
            yield partial
            _sync(partial)
            require_free(path, force)
            _put(partial, target, force)
        except BaseException:
            _remove(partial)
            raise
        _sync_folder(target.parent)


@contextmanager
def atomic_folder(
    path: Path, force: bool = False, *, kind: FolderKind | None = None, size: int | None = None
) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` when the block ends well, and vanishes otherwise.

    Parameters
    ----------
    path
        Folder to be written. A link is followed.
    force
        Replace a folder that is there.
    kind
        What such a folder holds: even ``force`` replaces none that holds anything else, so that a mistyped path costs
        nobody their data.
    size
        Bytes that are needed at most, for the message when the disk is full.

    Raises
    ------
    FileError
        Something is there that may not be replaced, or the folder cannot be written.
    """
    with explained(path, size):
        target = followed(path)
        require_free(path, force, kind)
        require_kind(target, is_folder=True)
        partial = _beside(target, "partial")
        try:
            _remove(partial)
            partial.mkdir()
            yield partial
            _sync_tree(partial)
            require_free(path, force, kind)
            _swap(partial, target, force)
        except BaseException:
            _remove(partial)
            raise
        _sync_folder(target.parent)


def atomic_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8), whole or as it was before; one that is there is replaced.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from topocraft.data.atomic import atomic_text
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atomic_text(Path(folder, "note.txt"), "whole")
    ...     [item.name for item in Path(folder).iterdir()]
    ['note.txt']
    """
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def require_short(path: Path) -> None:
    """Refuse a path that leaves no room for the longer names of what is written beside it meanwhile.

    Raises
    ------
    FileError
        It is too long for the file system.
    """
    with explained(path), suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(_beside(Path(path), "partial"))


@contextmanager
def explained(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn what the system refuses into a ``FileError``, and let every other exception pass."""
    try:
        yield
    except TopocraftError:
        raise
    except Exception as error:
        code = system_code(error)
        if code is None or ran_out_of_memory(error):
            raise
        raise FileError(_unwritten(Path(path), code, size)) from error


def system_code(error: BaseException | None) -> int | None:
    """Return the system's error number behind an exception, where there is one."""
    while error is not None:
        said = re.search(r"(?:os error|errno =) (\d+)", str(error))
        code = getattr(error, "errno", None) or (said and int(said[1]))
        if code:
            return int(code)
        error = error.__cause__ or error.__context__
    return None


def _unwritten(path: Path, code: int, size: int | None) -> str:
    folder = path.parent
    with suppress(OSError):  # the working folder may be gone
        folder = folder.absolute()
    text = f"Output '{shown_name(path.name)}' cannot be written into '{shown_name(folder)}': {os.strerror(code)}."
    if code not in NO_ROOM:
        return f"{text} {CURES.get(code, 'Name another folder')}."
    needed = "" if size is None else f" It needs up to {size / 1e6:,.1f} MB."
    with suppress(OSError):
        needed += f" Free there: {shutil.disk_usage(folder).free / 1e6:,.1f} MB."
    return f"{text}{needed} Make room (or raise the quota or ulimit -f), or name another folder."


def _put(partial: Path, target: Path, force: bool) -> None:
    """Rename a file; unless forced, only one of several that come at once finds the place free."""
    if not force:
        try:
            os.link(partial, target)
            partial.unlink()
            return
        except FileExistsError:
            require_free(target, force)
        except OSError:
            pass  # a file system without links
    os.replace(partial, target)


def _swap(partial: Path, target: Path, force: bool) -> None:
    """Rename over a folder, which takes two steps: the old one stands aside, and comes back on failure."""
    aside = _beside(target, "old")
    try:
        if force and target.exists():
            os.replace(target, aside)
        os.replace(partial, target)
    except BaseException as error:
        if aside.exists() and not target.exists():
            os.replace(aside, target)
        if isinstance(error, OSError):
            require_free(target, force)
        raise
    finally:
        if target.exists():
            _remove(aside)


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{ending}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sync_tree(folder: Path) -> None:
    for item in folder.rglob("*"):
        if item.is_file():
            _sync(item)
        else:
            _sync_folder(item)
    _sync_folder(folder)


def _sync(file: Path) -> None:
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot sync a folder; what was written stands all the same.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
