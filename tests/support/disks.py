"""A disk that runs full: a small one of its own where this user may mount one, and else files that may not grow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BALLAST = "ballast"
FILL = """
import shutil
def fill():
    with open("ballast", "wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(folder).free - FREE)))
"""
LIMIT = """
import resource
def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (FREE, resource.RLIM_INFINITY))
"""


@dataclass(frozen=True)
class Disk:
    """A folder on which there can be as little room as a test wants."""

    folder: Path
    mounted: bool

    def filling(self, free: int) -> str:
        """Return a hook that defines ``fill``, which leaves so many bytes, in pages of 4 kB."""
        return (FILL if self.mounted else LIMIT).replace("FREE", str(free))

    def clear(self) -> None:
        """Give all the room back."""
        (self.folder / BALLAST).unlink(missing_ok=True)


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Disk]:
    """Yield a disk at a folder."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    mounted = shutil.which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield Disk(place, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)
