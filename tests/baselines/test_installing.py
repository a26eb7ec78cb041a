"""Environments are whole or absent, and say why; a stand-in for Python plays venv and pip."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from topocraft.baselines import METHODS, Method
from topocraft.baselines import installing as module
from topocraft.baselines.environments import find_place
from topocraft.baselines.execution import execute
from topocraft.baselines.installing import install, remove
from topocraft.baselines.preparation import Preparation
from topocraft.errors import FileError, MethodError
from topocraft.hardware import WAITING

Make = Callable[..., Method]
STAND_IN = """#!/bin/sh
echo "$@" >> "$LOG"
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; exit $VENV ;;
  *" install "*) echo "Collecting fake==1.0 (from x)"; printf '%b' "$SAID"; exit $PIP ;;
  *" freeze"*) printf 'fake==1.0\\nother @ file:///x\\n' ;;
  "-c "*) [ "$IMPORT" = 0 ] || echo "ImportError: libfake.so is missing"; exit $IMPORT ;;
esac
"""


def is_installed(method: Method) -> bool:
    return find_place(method).python is not None


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Play Python, venv and pip; return the file of the commands that were run."""
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(python))
    for name, value in {"LOG": str(tmp_path / "commands"), "VENV": "0", "PIP": "0", "IMPORT": "0", "SAID": ""}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "commands"


@pytest.fixture
def method(make: Make) -> Method:
    return make("", home="own", requirements=("fake==1.0", "numpy"), modules=("fake_library",), needs="Mind the gap.")


def test_a_method_is_installed_into_an_environment_of_its_own(
    method: Method, cache: Path, stand_in: Path, heard: Any
) -> None:
    assert find_place(method).where == "nowhere"
    folder = install(method, heard)
    assert folder == cache / "fake"
    place = find_place(method)
    assert (place.where, place.python, place.lacks) == ("own", folder / "bin/python", "")
    marker = json.loads((folder / "installed.json").read_text())
    assert marker["asked"] == [["fake==1.0", "numpy"]]
    assert marker["installed"] == ["fake==1.0"]
    assert [name for name, _ in heard.phases] == ["make", "install", "check"]
    assert heard.notes == ["Collecting fake==1.0"]
    ran = stand_in.read_text().splitlines()
    assert ran[0] == f"-m venv {folder}"
    assert ran[1].endswith("install fake==1.0 numpy")
    assert ran[2] == "-c import fake_library"


def test_calls_of_pip_that_must_come_first_come_first(make: Make, cache: Path, stand_in: Path) -> None:
    before = (("pip==1.0",), ("--no-deps", "odd==1.0"))
    method = make("", home="own", before=before, requirements=("fake==1.0",), modules=("fake_library",))
    install(method)
    installs = [line.partition(" install ")[2] for line in stand_in.read_text().splitlines() if " install " in line]
    assert installs == ["pip==1.0", "--no-deps odd==1.0", "fake==1.0"]
    assert is_installed(method)
    assert not is_installed(replace(method, before=()))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"VENV": "1"}, "The environment 'fake' cannot be made: no word of why."),
        (
            {"PIP": "1", "SAID": "some text\\nERROR: No matching distribution found for fake==1.0\\nthe end\\n"},
            "pip cannot install 'fake': ERROR: No matching distribution found for fake==1.0$",
        ),
        (
            {"PIP": "1", "SAID": "error: command 'g++' failed\\n"},
            r"pip cannot install 'fake': error: command 'g\+\+' failed Mind the gap\.",
        ),
        ({"IMPORT": "1"}, "'fake' was installed, but cannot be imported: ImportError: libfake.so is missing"),
    ],
)
def test_what_fails_is_told_and_leaves_nothing(
    broken: dict[str, str], message: str, method: Method, cache: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in broken.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MethodError, match=message):
        install(method)
    assert not (cache / "fake").exists()
    assert not is_installed(method)


def test_an_interruption_leaves_nothing(
    method: Method, cache: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(note: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Silent, "advance", lambda self, note: interrupted(note))
    with pytest.raises(KeyboardInterrupt):
        install(method)
    assert not (cache / "fake").exists()


@pytest.mark.parametrize("damage", ["half made", "other versions", "Python gone"])
def test_an_environment_that_is_not_whole_is_none_and_is_made_anew(
    damage: str, method: Method, cache: Path, stand_in: Path
) -> None:
    folder = install(method)
    if damage == "half made":
        (folder / "installed.json").unlink()
    elif damage == "other versions":
        (folder / "installed.json").write_text('{"asked": [["fake==0.9", "numpy"]]}')
    else:
        shutil.rmtree(folder / "bin")
    place = find_place(method)
    assert place.python is None
    expected = "is not finished" if damage == "half made" else "was made for other versions, or its Python is gone"
    assert place.lacks == f"Its environment {expected}. Run: topocraft baselines install fake."
    (folder / "left").touch()
    install(method)
    assert is_installed(method)
    assert not (folder / "left").exists()


def test_methods_of_one_library_share_an_environment(make: Make, cache: Path, stand_in: Path) -> None:
    shared = {"home": "own", "requirements": ("fake==1.0",), "modules": ("fake_library",)}
    one, other = make("", **shared), make("", **shared, environment="fake")
    install(one)
    assert is_installed(other)
    assert remove(other)
    assert not is_installed(one)
    assert not remove(one)


def test_two_do_not_install_at_once(method: Method, cache: Path, stand_in: Path) -> None:
    cache.mkdir(parents=True)
    with (cache / "fake.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(MethodError, match="'fake' is being installed by another process"):
            install(method)
    install(method)


def test_there_must_be_something_to_install_and_somewhere_to_put_it(
    cache: Path, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MethodError, match="unintegrated has nothing that pip could install"):
        install(METHODS["unintegrated"])
    monkeypatch.setenv("TOPOCRAFT_CACHE", "/dev/null")
    with pytest.raises(FileError, match="cannot be written"):
        install(method)


def test_a_run_takes_the_own_environment_first_and_nothing_of_ours_reaches_it(
    make: Make, cache: Path, stand_in: Path, prepared: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = make("", home="own", requirements=("fake==1.0",), modules=("json",))
    assert find_place(method).where == "here"
    python = install(method) / "bin/python"
    told = "path: $PYTHONPATH, user site: $PYTHONNOUSERSITE, waits: $OMP_WAIT_POLICY$GOMP_SPINCOUNT"
    python.write_text(f'#!/bin/sh\necho "{told}"; exit 9\n')
    monkeypatch.undo()
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(cache.parent))
    monkeypatch.setenv("PYTHONPATH", "ours")
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    said = "Ended with exit code 9 before its result; its last words: path: , user site: 1, waits: "
    assert execute(method, prepared.folder, 0).reason == f"{said}PASSIVE2000"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert execute(method, prepared.folder, 0).reason == f"{said}ACTIVE"


def test_r_packages_are_asked_of_r(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method = make("", r_packages=("Seurat", "Matrix"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_place(method).lacks == "R is not here: no Rscript on the path, which Seurat and Matrix needs."
    script = tmp_path / "Rscript"
    for answer, where, lacks in (
        ("", "here", ""),
        ("echo Seurat", "nowhere", "R lacks Seurat."),
        ("exit 1", "nowhere", "R does not answer."),
    ):
        script.write_text(f"#!/bin/sh\n{answer}\n")
        script.chmod(0o755)
        place = find_place(method)
        assert (place.where, place.lacks) == (where, lacks)


def test_the_requirements_of_every_method_are_pinned() -> None:
    loose = [
        item for method in METHODS.values() for item in method.requirements if "==" not in item and "@" not in item
    ]
    assert loose == []


def test_pip_understands_the_requirements() -> None:
    from packaging.requirements import Requirement

    names = [Requirement(item).name for method in METHODS.values() for item in method.requirements]
    assert {"harmonypy", "scvi-tools", "scanorama", "bbknn"} <= set(names)


def test_the_stand_in_is_what_venv_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "real")], check=True, timeout=60)
    assert os.access(tmp_path / "real/bin/python", os.X_OK)
