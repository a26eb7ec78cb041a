"""Programs run in foreign environments, so they may import no more than is there; and the registry knows them all."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from topocraft import IntegrationConfig
from topocraft.baselines import METHODS, method
from topocraft.baselines import worker as worker_module
from topocraft.baselines.execution import PROGRAMS, program_path
from topocraft.baselines.programs import harmony
from topocraft.baselines.programs.topocraft import configured
from topocraft.errors import ConfigError
from topocraft.simulate.demo import demo_cells

FILES = [path for path in sorted(PROGRAMS.glob("*.py")) if path.stem != "__init__"]
FOREIGN = [path for path in FILES if path.stem != "topocraft"]
EVERYWHERE = {"numpy", "scipy", "anndata"}


def _imports(path: Path, body_only: bool) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if body_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names


@pytest.mark.parametrize("path", [*FOREIGN, Path(worker_module.__file__)], ids=lambda path: path.stem)
def test_a_program_needs_nothing_of_ours_and_its_library_only_at_the_call(path: Path) -> None:
    assert "topocraft" not in _imports(path, body_only=False)
    assert _imports(path, body_only=True) <= EVERYWHERE


def test_the_supervisor_needs_the_standard_library_alone() -> None:
    assert _imports(Path(worker_module.__file__).with_name("supervisor.py"), body_only=False) == set()


def test_every_program_has_a_method_and_every_method_a_program() -> None:
    assert {path.stem for path in FILES} == {known.program for known in METHODS.values()}
    assert all(program_path(known).is_file() for known in METHODS.values())


@pytest.mark.parametrize("name", METHODS)
def test_what_is_known_of_a_method_is_said(name: str) -> None:
    known = METHODS[name]
    assert known.name == name
    assert known.title
    assert known.summary.endswith(".")
    assert known.licence
    assert known.control or known.doi.startswith("10.")
    assert known.control or known.homepage.startswith("https://")
    assert bool(known.requirements) == (known.home == "own")


def test_an_unknown_method_is_refused_with_the_nearest_name() -> None:
    assert method("scvi").title == "scVI"
    with pytest.raises(ConfigError, match=r"method must be one of topocraft, .*; got 'scvy'\. Did you mean 'scvi'\?"):
        method("scvy")


def test_settings_change_fields_and_sections() -> None:
    assert configured({}) == IntegrationConfig()
    changed = configured(json.loads('{"epochs": 7, "topology": {"n_components": 20}, "encoder_widths": [8]}'))
    expected = IntegrationConfig.from_dict({"topology": {"n_components": 20}}).with_values(
        epochs=7, encoder_widths=(8,)
    )
    assert changed == expected
    with pytest.raises(ConfigError, match="'epoch' is no field of the configuration"):
        configured({"epoch": 7})


def test_a_program_of_the_name_of_a_library_does_not_stand_in_its_way() -> None:
    loaded = worker_module.load_program(PROGRAMS / "harmony.py")
    assert loaded.__name__ == "program_harmony"
    assert importlib.util.find_spec("program_harmony") is None


def test_harmony_takes_as_many_components_as_cells() -> None:
    adata = demo_cells(n_cells=60, n_genes=80)
    points = np.random.default_rng(0).normal(size=(60, 60))
    adata.obsm["X_pca"], adata.uns["threads"] = points, 1
    square = harmony.integrate(adata, 0)
    adata.obsm["X_pca"] = np.column_stack([points, np.zeros(60)])
    assert square.shape == (60, 60)
    np.testing.assert_allclose(square, harmony.integrate(adata, 0)[:, :60], atol=1e-4)
