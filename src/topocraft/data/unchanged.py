"""Files that change, or lose a part, while they are read: zarr would give zeros for what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from topocraft.errors import FileError

State = dict[str, tuple[int, int]]
SPARSE = ("csr_matrix", "csc_matrix")


class Unchanged:
    """What some files were when this was made.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.data.unchanged import Unchanged
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     Unchanged([Path(file.name)]).require()
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._states = {path: _state(path) for path in paths}

    def require(self) -> None:
        """Refuse files that are not what they were.

        Raises
        ------
        FileError
            One was removed, replaced or written to.
        """
        for path, state in self._states.items():
            if _state(path) != state:
                raise FileError(
                    f"Input must stay as it is while it is read; '{path}' was removed, replaced or written to. "
                    "Put it back, and run again."
                )


def _state(path: Path) -> State:
    """Return size and time of a file, or of every file in a folder; nothing of what is gone.

    Not their numbers, which some network file systems change as they like.
    """
    found = {}
    for item in [path, *path.rglob("*")] if path.is_dir() else [path]:
        try:
            facts = item.stat()
        except OSError:
            continue
        if not item.is_dir():
            found[str(item)] = (facts.st_size, facts.st_mtime_ns)
    return found


def require_all_chunks(group: Any) -> None:
    """Refuse a zarr group with a sparse matrix of which a chunk is missing: it would be read as zeros.

    Raises
    ------
    ValueError
        Says which array.
    """
    for name, item in group.members(max_depth=None):
        holder = name.rpartition("/")[0]
        if not hasattr(item, "nchunks") or not item.size or not holder:
            continue
        if group[holder].attrs.get("encoding-type") in SPARSE and item.nchunks_initialized < item.nchunks:
            missing = item.nchunks - item.nchunks_initialized
            raise ValueError(f"{missing:,} of {item.nchunks:,} chunks of {name} are missing")
