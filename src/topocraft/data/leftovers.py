"""What a killed process has left half-written beside its result."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from topocraft.data.places import followed

HALF_WRITTEN = re.compile(r"\.(.+)\.\d+\.(?:partial|old)")
"""The names that ``topocraft.data.atomic`` gives to what is not yet whole."""


def sweep(path: Path) -> None:
    """Remove what killed processes have left beside a file or folder, and put back what they had set aside.

    A process that is killed leaves its half-written result, ``.NAME.PID.partial``. One that is killed at the very
    moment at which it replaces a folder leaves the folder of before as ``.NAME.PID.old``. Call this while the path is
    held (``topocraft.data.locks.held``).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from topocraft.data.leftovers import sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, ".result.h5ad.999999999.partial").write_text("half")
    ...     sweep(Path(folder, "result.h5ad"))
    ...     list(Path(folder).iterdir())
    []
    """
    target = followed(path)
    ours = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.(partial|old)")
    for item in sorted(target.parent.iterdir()):
        match = ours.fullmatch(item.name)
        if match is None or _runs(int(match[1])):
            continue
        if match[2] == "old" and not target.exists():
            os.replace(item, target)
        elif item.is_dir() and not item.is_symlink():
            shutil.rmtree(item, ignore_errors=True)
        else:
            item.unlink(missing_ok=True)


def sweep_folder(folder: Path) -> None:
    """Remove what killed processes have left half-written of anything in a folder, as ``sweep`` does of one path."""
    for item in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = HALF_WRITTEN.fullmatch(item.name)
        if match is not None:
            sweep(folder / match[1])


def _runs(process: int) -> bool:
    if os.name == "nt":
        return True  # there, asking would end the process
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
