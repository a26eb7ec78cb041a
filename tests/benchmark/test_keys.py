"""What decides a result changes its digest, and nothing else does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from topocraft.baselines import METHODS
from topocraft.benchmark import keys
from topocraft.benchmark.keys import code_digest, digest_of, method_code
from topocraft.benchmark.versions import method_versions, suite_versions
from topocraft.metrics.catalogue import SUITE

CODE = "def double(x):\n    return 2 * x\n"


def _digest(path: Path, text: str) -> str:
    path.write_text(text)
    return code_digest([path])


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ('"""Text."""\n\n# Note.\ndef double(x):\n    """Return."""\n    return 2 * x  # twice\n', True),
        ("def double(x): return (2*x)\n", True),
        ("def double(x):\n    return 3 * x\n", False),
        ("def double(y):\n    return 2 * y\n", False),
        ("def double(x):\n    print(x)\n    return 2 * x\n", False),
    ],
)
def test_a_program_is_what_it_does(tmp_path: Path, changed: str, same: bool) -> None:
    assert (_digest(tmp_path / "a.py", CODE) == _digest(tmp_path / "a.py", changed)) is same


def test_programs_in_other_languages_are_their_text(tmp_path: Path) -> None:
    assert _digest(tmp_path / "a.R", "x <- 1") != _digest(tmp_path / "a.R", "x <- 1 # one")


def test_digests_are_of_values_of_every_depth() -> None:
    base = {"a": {"b": [1, 2]}, "c": None}
    assert digest_of(base) == digest_of({"c": None, "a": {"b": [1, 2]}})
    assert len({digest_of(base), digest_of({**base, "c": 0}), digest_of({**base, "a": {"b": [2, 1]}})}) == 3
    assert len(digest_of(base)) == keys.DIGITS


def test_ours_is_also_the_modules_that_train() -> None:
    assert len(method_code(METHODS["topocraft"])) == 2 * len(method_code(METHODS["harmony"]))
    assert all(list(keys.PACKAGE.glob(pattern)) for pattern in (*keys.INTEGRATES, keys.RUNS)), "a pattern names no file"


WORK = """
import json, sys, tempfile
from pathlib import Path
from topocraft.data.cells import from_anndata
from topocraft.simulate.demo import demo_cells
cells = from_anndata(demo_cells(n_cells=200, n_genes=150), "batch")
"""
FITS = """
from topocraft import IntegrationConfig
from topocraft.integrator import Integrator
Integrator(IntegrationConfig().with_values(epochs=1, coordinates="best")).fit(cells).embed(cells)
"""
PREPARATION = """
from topocraft.baselines.preparation import write_preparation
with tempfile.TemporaryDirectory() as folder:
    write_preparation(cells, Path(folder, "prepared"))
"""
TELLS = """
print(json.dumps([module.__file__ for name, module in sys.modules.items() if name.startswith("topocraft")]))
"""
OF_NO_WEIGHT = (
    *("__init__.py", "_version.py", "cache.py", "checkpoints.py", "errors.py", "memory.py", "progress.py"),
    *("provenance.py", "rescue.py", "simulate/*.py", "data/__init__.py", "data/apart.py", "data/atomic.py"),
    *("data/checksums.py", "data/columns.py", "data/failures.py", "data/files.py", "data/kinds.py", "data/locks.py"),
    *("data/outputs.py", "data/places.py", "data/scratch.py", "data/stream*.py", "data/tenx.py", "data/texts.py"),
    *("data/typed_json.py", "data/unchanged.py"),
)
"""Words and files: none of it changes a number of an embedding of cells that were read."""
ONLY_SCORES = tuple(
    str(path.relative_to(keys.PACKAGE))
    for path in (keys.PACKAGE / "metrics").glob("*.py")
    if path.stem not in ("clustering", "confusion", "label_free", "matching", "yardstick")
)
AROUND = (
    *("baselines/__init__.py", "baselines/calling.py", "baselines/method.py", "baselines/registry.py"),
    *("hardware.py", "data/digests.py", "topology/__init__.py"),
)
"""Loaded as cells are made ready for methods, and used by other things."""


def _paths(patterns: tuple[str, ...]) -> set[Path]:
    return {path for pattern in patterns for path in keys.PACKAGE.glob(pattern)}


@pytest.mark.parametrize(
    ("work", "patterns", "others"), [(FITS, keys.INTEGRATES, ONLY_SCORES), (PREPARATION, keys.PREPARES, AROUND)]
)
def test_no_module_that_decides_a_number_is_left_out(
    work: str, patterns: tuple[str, ...], others: tuple[str, ...]
) -> None:
    done = subprocess.run([sys.executable, "-c", WORK + work + TELLS], capture_output=True, text=True, check=True)
    loaded = {Path(path) for path in json.loads(done.stdout.splitlines()[-1])}
    decides, others_there = _paths(patterns), _paths((*OF_NO_WEIGHT, *others))
    assert sorted(str(path.relative_to(keys.PACKAGE)) for path in loaded - decides - others_there) == []
    assert not decides & others_there


@pytest.mark.parametrize("changed", ["fitting.py", "data/variable.py", "data/order.py", "projection.py"])
def test_a_change_of_what_decides_is_another_digest(tmp_path: Path, changed: str) -> None:
    package = tmp_path / "topocraft"
    shutil.copytree(keys.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    asked = "from topocraft.baselines import METHODS; from topocraft.benchmark import keys; "
    codes = "keys.method_code(METHODS['topocraft']), keys.method_code(METHODS['harmony']), keys.preparation_code()"
    told = [sys.executable, "-c", f"{asked}print({codes})"]
    found = []
    for text in ("", "\nCHANGED = 1\n"):
        path = package / changed
        path.write_text(path.read_text() + text)
        done = subprocess.run(told, cwd=tmp_path, capture_output=True, text=True, check=True)
        found.append(done.stdout.split())
    (ours, theirs, prepared), (ours_then, theirs_then, prepared_then) = found
    assert ours != ours_then
    assert theirs == theirs_then
    assert (prepared != prepared_then) == (changed in keys.PREPARES)


def test_the_worker_belongs_to_every_method(monkeypatch: pytest.MonkeyPatch) -> None:
    before = method_code(METHODS["harmony"])
    monkeypatch.setattr(keys, "RUNS", "baselines/limits.py")
    assert method_code(METHODS["harmony"]) != before


def test_versions_are_of_what_runs_and_of_what_scores() -> None:
    ours = method_versions(METHODS["topocraft"])
    assert {"topocraft", "torch", "numpy", "python"} <= set(ours)
    assert method_versions(METHODS["harmony"])["harmonypy"].startswith("2.")
    assert suite_versions()["score suite"] == str(SUITE)


def test_versions_in_an_environment_of_its_own_are_read_there(tmp_path: Path) -> None:
    from topocraft.benchmark.versions import _installed

    for name, version in (("fastmethod", "9.1"), ("numpy", "0.1")):
        info = tmp_path / "lib" / "python3.99" / "site-packages" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    assert _installed(["fastmethod", "numpy", "absent"], tmp_path) == {"fastmethod": "9.1", "numpy": "0.1"}
    assert _installed(["numpy"], None)["numpy"] != "0.1"
