"""Where a method lives: in this Python, or in an environment of its own under topocraft's cache."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from topocraft.baselines.method import Method
from topocraft.cache import cache_folder

MARKER = "installed.json"
"""Written last, so that an environment without it is no environment."""
R_SECONDS = 60


@dataclass(frozen=True)
class Place:
    """Where a method would run: ``python`` is ``None`` where it cannot, and ``lacks`` then says why, in a sentence."""

    where: Literal["here", "own", "nowhere"]
    python: Path | None
    lacks: str = ""


def environment_name(method: Method) -> str:
    """Return the name of the method's own environment, which methods of one library share."""
    return method.environment or method.name


def environment_folder(method: Method) -> Path:
    """Return the folder of the method's own environment, which need not exist."""
    return cache_folder("environments", environment_name(method))


def find_place(method: Method) -> Place:
    """Return where a method would run: in its own environment if there is one, or else here.

    Examples
    --------
    >>> from topocraft.baselines import METHODS
    >>> from topocraft.baselines.environments import find_place
    >>> find_place(METHODS["unintegrated"]).where
    'here'
    """
    missing_r = _missing_r(method.r_packages)
    if missing_r:
        return Place("nowhere", None, missing_r)
    own = _own_python(method) if method.home == "own" else None
    if own is not None:
        return Place("own", own)
    missing = [name for name in method.modules if importlib.util.find_spec(name.partition(".")[0]) is None]
    if not missing:
        return Place("here", Path(sys.executable))
    return Place("nowhere", None, _unplaced(method, missing))


def read_marker(method: Method) -> dict[str, Any] | None:
    """Return what is known of the method's finished environment; ``None`` where there is none."""
    try:
        marker: dict[str, Any] = json.loads((environment_folder(method) / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker


def asked_of_pip(method: Method) -> list[list[str]]:
    """Return the arguments of every call of ``pip install`` that makes the method's environment."""
    return [list(arguments) for arguments in (*method.before, method.requirements)]


def python_of(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _own_python(method: Method) -> Path | None:
    marker, python = read_marker(method), python_of(environment_folder(method))
    whole = marker is not None and marker.get("asked") == asked_of_pip(method) and python.exists()
    return python if whole else None


def _unplaced(method: Method, missing: list[str]) -> str:
    get = f"Run: topocraft baselines install {method.name}."
    if read_marker(method) is not None:
        return f"Its environment was made for other versions, or its Python is gone. {get}"
    if environment_folder(method).exists():
        return f"Its environment is not finished. {get}"
    return f"Python lacks {' and '.join(missing)} here, and it has no environment of its own. {get}"


def _missing_r(packages: tuple[str, ...]) -> str:
    if not packages:
        return ""
    program = shutil.which("Rscript")
    if program is None:
        return f"R is not here: no Rscript on the path, which {' and '.join(packages)} needs."
    listed = ", ".join(f'"{package}"' for package in packages)
    code = f"cat(Filter(function(p) !nzchar(system.file(package = p)), c({listed})))"
    try:
        asked = subprocess.run([program, "-e", code], capture_output=True, text=True, timeout=R_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "R does not answer."
    if asked.returncode:
        return "R does not answer."
    return f"R lacks {' and '.join(asked.stdout.split())}." if asked.stdout.split() else ""
