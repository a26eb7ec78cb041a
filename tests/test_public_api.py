"""The public surface: what it is, that it is documented, and that it is quick to reach."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from types import FunctionType

import pytest

import topocraft

HEAVY = {"anndata", "igraph", "matplotlib", "numba", "optuna", "pandas", "scanpy", "scipy", "sklearn", "torch", "umap"}
PUBLIC = [name for name in topocraft.__all__ if name != "__version__"]


def _loaded_by(*arguments: str) -> tuple[set[str], str]:
    """Run a fresh Python; return the roots of every module that it imported, and its output."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    imported = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return {name.partition(".")[0] for name in imported}, done.stdout


def _documentable(name: str) -> list[tuple[str, object]]:
    """Return a public object and, of a class, the public methods and properties that it defines itself."""
    thing = getattr(topocraft, name)
    if not inspect.isclass(thing):
        return [(name, thing)]
    members = [
        (f"{name}.{key}", getattr(thing, key))
        for key, value in vars(thing).items()
        if not key.startswith("_") and isinstance(value, property | classmethod | staticmethod | FunctionType)
    ]
    return [(name, thing), *members]


def test_the_public_names_are_sorted_and_listed() -> None:
    assert topocraft.__all__ == sorted(topocraft.__all__)
    assert {"IntegrationConfig", "Integrator", "integrate"} <= set(topocraft.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name: str) -> None:
    bare = [path for path, thing in _documentable(name) if not inspect.getdoc(thing)]
    assert not bare, f"without a docstring: {bare}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_are_typed(name: str) -> None:
    for path, thing in _documentable(name):
        if inspect.isfunction(thing) or inspect.ismethod(thing):
            signature = inspect.signature(thing)
            untyped = [p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name != "self"]
            assert not untyped, f"{path} leaves untyped: {untyped}"
            assert signature.return_annotation is not signature.empty, f"{path} does not type what it returns"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'integrat'"):
        topocraft.integrat  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    assert topocraft.__version__ == version("topocraft")


def test_import_loads_no_numerical_library() -> None:
    loaded, _ = _loaded_by("-c", "import topocraft")
    assert "topocraft" in loaded
    assert not loaded & (HEAVY | {"numpy"})


def test_import_takes_under_300_milliseconds() -> None:
    measure = "import time; start = time.process_time(); import topocraft; print(time.process_time() - start)"
    seconds = [
        float(subprocess.run([sys.executable, "-c", measure], capture_output=True, check=True, timeout=60).stdout)
        for _ in range(3)
    ]
    assert min(seconds) < 0.3


def test_help_runs_without_the_numerical_libraries() -> None:
    loaded, shown = _loaded_by("-m", "topocraft", "--help")
    assert {"integrate", "demo"} <= set(shown.split())
    assert not loaded & HEAVY
