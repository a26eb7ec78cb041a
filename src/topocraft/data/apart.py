"""Outputs that do not get in each other's way, nor in that of what is read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from topocraft.data.places import followed
from topocraft.errors import FileError


def require_apart(outputs: Mapping[str, Path | None], inputs: Sequence[Path] = ()) -> None:
    """Refuse outputs of one path, one output in another, and inputs in an output: a folder is replaced as a whole.

    Parameters
    ----------
    outputs
        Paths to be written by the names of their options; ``None`` where nothing is.
    inputs
        Files and folders that are read.

    Raises
    ------
    FileError
        The message names both, and the cure.

    Examples
    --------
    >>> from pathlib import Path
    >>> from topocraft.data.apart import require_apart
    >>> require_apart({"--output": Path("a.h5ad"), "--save-model": Path("model")}, [Path("cells.h5ad")])
    """
    named = {name: path for name, path in outputs.items() if path is not None}
    places = {name: followed(path) for name, path in named.items()}
    for one, other in combinations(named, 2):
        if places[one] == places[other]:
            raise FileError(
                f"Every output needs a path of its own; {one} and {other} are both '{named[one]}'. Name another path."
            )
        inner, outer = (one, other) if places[one].is_relative_to(places[other]) else (other, one)
        if places[inner].is_relative_to(places[outer]):
            raise FileError(
                f"No output may lie in another; {inner} '{named[inner]}' lies in {outer} '{named[outer]}', which is "
                "replaced as a whole. Name a path outside."
            )
    for name, place in places.items():
        for item in inputs:
            if place in Path(os.path.realpath(item)).parents:
                raise FileError(
                    f"No input may lie in an output; '{item}' lies in {name} '{named[name]}', which is replaced as a "
                    "whole. Name another path."
                )
