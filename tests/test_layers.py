"""Imports point downwards, form no cycle, and reach for a library only in the rooms that may use it."""

from __future__ import annotations

import ast
import importlib.util
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import topocraft

PACKAGE = Path(topocraft.__file__).parent


class Room(NamedTuple):
    """A module or subpackage: its layer, and the libraries that it may import, at once or at the call."""

    layer: int
    libraries: frozenset[str]


def _room(layer: int, libraries: str = "") -> Room:
    return Room(layer, frozenset(libraries.split()))


ROOMS = {
    "_version": _room(0),
    "errors": _room(0),
    "cache": _room(0, "platformdirs"),
    "checkpoints": _room(0),
    "config": _room(0),
    "progress": _room(0),
    "randomness": _room(0, "numpy torch"),
    "streams": _room(0),
    "rows": _room(0, "scipy"),
    "projection": _room(0, "numpy scipy"),
    "hardware": _room(0, "torch threadpoolctl sklearn"),
    "memory": _room(0),
    "model": _room(1, "numpy torch"),
    "metrics": _room(1, "numpy scipy sklearn igraph"),
    "simulate": _room(1, "numpy scipy pandas anndata"),
    "topology": _room(1, "numpy scipy sklearn igraph pynndescent torch"),
    "data": _room(1, "numpy scipy pandas anndata scanpy h5py zarr requests"),
    "training": _room(2, "numpy scipy sklearn torch safetensors"),
    "fitting": _room(3, "numpy"),
    "integrator": _room(3, "numpy"),
    "fitted_cells": _room(3, "numpy"),
    "rescue": _room(3),
    "integration": _room(3, "anndata"),
    "embedding": _room(3, "numpy anndata"),
    "streaming": _room(3, "anndata"),
    "provenance": _room(3, "numpy pandas anndata"),
    "steps": _room(3, "numpy"),
    "plan": _room(3, "numpy torch"),
    "report": _room(3, "numpy pandas scipy anndata matplotlib jinja2 markupsafe umap pynndescent numba"),
    "plot": _room(3, "numpy pandas scipy anndata matplotlib umap"),
    "evaluation": _room(3, "numpy pandas scipy anndata matplotlib rich"),
    "baselines": _room(3, "numpy scipy pandas anndata harmonypy scanorama bbknn scvi scDML imap torch"),
    "audit": _room(4, "numpy pandas scipy sklearn anndata matplotlib rich"),
    "tuning": _room(4, "numpy pandas scipy anndata matplotlib rich optuna"),
    "benchmark": _room(4, "numpy pandas scipy anndata matplotlib"),
    "reproduce": _room(4, "numpy pandas scipy anndata matplotlib"),
    "demo": _room(3, "anndata matplotlib"),
    "display": _room(3, "rich"),
    "tables": _room(3, "rich"),
    "": _room(4),
    "cli": _room(5, "typer rich anndata pandas"),
    "__main__": _room(6),
}


def _name(path: Path) -> str:
    parts = ("topocraft", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _room_of(module: str) -> Room:
    name = module.partition(".")[2].partition(".")[0]
    if name not in ROOMS:
        pytest.fail(f"{module} has no layer. Give '{name}' a row in ROOMS, at the lowest layer that it fits.")
    return ROOMS[name]


def _imported(module: str) -> set[str]:
    """Return the full names that a module imports anywhere in its file, ours down to the module."""
    found = set()
    is_package = FILES[module].name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names = {f"{source}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else source for name in names}
    return found


def _ours(module: str) -> set[str]:
    return {name for name in _imported(module) if name.partition(".")[0] == "topocraft"}


@pytest.mark.parametrize("module", FILES)
def test_imports_point_downwards(module: str) -> None:
    layer = _room_of(module).layer
    upwards = {name for name in _ours(module) if _room_of(name).layer > layer}
    assert not upwards, f"{module} (layer {layer}) imports from above: {sorted(upwards)}"


@pytest.mark.parametrize("module", FILES)
def test_libraries_stay_in_their_rooms(module: str) -> None:
    roots = {name.partition(".")[0] for name in _imported(module)}
    outside = roots - sys.stdlib_module_names - {"topocraft"} - _room_of(module).libraries
    assert not outside, f"{module} may not import {sorted(outside)}"


@pytest.mark.parametrize("module", [m for m in FILES if m.split(".")[1:2] in (["model"], ["topology"], ["metrics"])])
def test_the_mathematics_never_opens_a_file(module: str) -> None:
    assert not {name for name in _ours(module) if name.startswith("topocraft.data")}
    assert not _imported(module) & {"io", "os", "pathlib", "shutil", "tempfile"}


def test_imports_form_no_cycle() -> None:
    TopologicalSorter({module: _ours(module) for module in FILES}).prepare()


def test_every_room_is_in_the_house() -> None:
    there = {module.partition(".")[2].partition(".")[0] for module in FILES}
    assert not ROOMS.keys() - there, "ROOMS has rows for modules that are gone"
