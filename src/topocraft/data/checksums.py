"""Checksums of files."""

from __future__ import annotations

import hashlib
from pathlib import Path


def checksum_of(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file, in hexadecimal digits.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.data.checksums import checksum_of
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     checksum_of(Path(file.name), "md5")
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
