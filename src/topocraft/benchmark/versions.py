"""Which versions a method and the scores run on, found out without importing any of them."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from topocraft._version import __version__
from topocraft.baselines.environments import environment_folder, find_place, read_marker
from topocraft.baselines.method import Method
from topocraft.metrics.catalogue import SUITE
from topocraft.provenance import library_versions

SCORED_WITH = ("numpy", "scipy", "scikit-learn", "igraph")
SITE_PACKAGES = ("lib/python*/site-packages", "Lib/site-packages")
R_SECONDS = 60


def method_versions(method: Method) -> dict[str, str]:
    """Return the versions that a method runs on, by library; nothing where it is not installed.

    Examples
    --------
    >>> from topocraft.baselines import METHODS
    >>> from topocraft.benchmark.versions import method_versions
    >>> sorted(method_versions(METHODS["topocraft"]))[-3:]
    ['scipy', 'topocraft', 'torch']
    """
    place = find_place(method)
    if place.where == "nowhere":
        return {}
    if not method.requirements and not method.r_packages:
        return {"topocraft": __version__} | library_versions()
    names = [re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in method.requirements]
    own = environment_folder(method) if place.where == "own" else None
    python = str((read_marker(method) or {}).get("python", "")) if own else ""
    return {"python": python or platform.python_version()} | _installed(names, own) | _r_versions(method.r_packages)


def suite_versions() -> dict[str, str]:
    """Return the version of the suite of scores, and of the libraries that decide them."""
    return {"score suite": str(SUITE)} | {name: importlib.metadata.version(name) for name in SCORED_WITH}


def _installed(names: Iterable[str], environment: Path | None) -> dict[str, str]:
    """Return the versions of distributions in an environment, or in this Python."""
    if environment is None:
        search = [item for name in names for item in importlib.metadata.distributions(name=name)]
    else:
        paths = [str(path) for pattern in SITE_PACKAGES for path in environment.glob(pattern)]
        search = [item for name in names for item in importlib.metadata.distributions(name=name, path=paths)]
    return {item.name.lower(): item.version for item in reversed(search)}


def _r_versions(packages: tuple[str, ...]) -> dict[str, str]:
    program = shutil.which("Rscript")
    if not packages or program is None:
        return {}
    listed = ", ".join(f'"{package}"' for package in packages)
    code = f"for (p in c({listed})) cat(p, as.character(packageVersion(p)), '\\n')"
    try:
        asked = subprocess.run([program, "-e", code], capture_output=True, text=True, timeout=R_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}  # the run will say itself what is wrong with R
    names, versions = asked.stdout.split()[::2], asked.stdout.split()[1::2]
    return dict(zip(names, versions, strict=True))
