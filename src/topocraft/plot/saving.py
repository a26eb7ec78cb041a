"""Figures to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: Path, *, force: bool = False) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises
    ------
    FileError
        The file exists and ``force`` is not given, or it cannot be written.
    """
    from topocraft.data.outputs import atomic_file

    with atomic_file(path, force) as partial:
        figure.savefig(partial, format="png", bbox_inches="tight", pad_inches=0.1)
