"""The command tells which methods there are, and passes on what happens to their environments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from topocraft.baselines import METHODS, Method
from topocraft.baselines import installing as module
from topocraft.errors import MethodError
from topocraft.progress import Progress

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "cache/environments"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Install nothing; remember what was asked."""
    asked: list[str] = []

    def install(method: Method, progress: Progress) -> Path:
        progress.phase("install")
        if method.name == "bbknn":
            raise MethodError("pip cannot install 'bbknn': no network.")
        asked.append(method.name)
        return Path("there", method.name)

    monkeypatch.setattr(module, "install", install)
    return asked


def test_the_list_names_every_method_and_how_to_get_it(run: Run, cache: Path) -> None:
    (cache / "bbknn").mkdir(parents=True)
    shown = run("baselines", "list").stdout
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert set(METHODS) <= set(rows)
    assert "graph" in rows["bbknn"]
    assert "GPL-3.0-or-later" in rows["harmony"]
    assert rows["scanorama"].rstrip().endswith("install scanorama")
    assert rows["scanorama,"].startswith("scanorama, bbknn, imap: annoy is compiled as it is installed")
    assert "here" in rows["topocraft"]
    assert "scanvi *" in rows["scanvi"]
    assert "* sees the cell types." in shown
    assert "bbknn: Its environment is not finished." in shown


def test_the_list_as_json(run: Run) -> None:
    found = {row["name"]: row for row in json.loads(run("baselines", "list", "--json").stdout)}
    assert list(found) == list(METHODS)
    assert (found["harmony"]["where"], found["harmony"]["installed"]) == ("here", True)
    assert found["scvi"]["requirements"][0].startswith("scvi-tools==")
    assert found["scvi"]["how_to_get"] == "topocraft baselines install scvi"
    assert found["unintegrated"]["how_to_get"] == ""


def test_methods_of_one_environment_are_installed_once(run: Run, installed: list[str]) -> None:
    result = run("baselines", "install", "scvi", "harmony", "scanvi")
    assert len(installed) == 2
    assert "harmony" in installed
    assert re.search(r"Harmony installed into there/harmony in \d+ s\.", result.stdout)
    assert "install" in result.stderr
    assert run("baselines", "install", "harmony", "--quiet").output == ""


def test_what_cannot_be_installed_is_told_with_what_was(run: Run, installed: list[str]) -> None:
    result = run("baselines", "install", "harmony", "bbknn", "scvi", code=1)
    assert installed == ["harmony"]
    assert "Error: pip cannot install 'bbknn': no network." in result.stderr
    assert "Written before that: 'there/harmony'." in result.stderr


def test_what_has_no_environment_is_refused_before_any_work(run: Run, installed: list[str]) -> None:
    assert "Seurat RPCA has nothing that pip could install. R with" in run(
        "baselines", "install", "harmony", "rpca", code=1
    ).stderr.replace("\n", " ")
    assert installed == []
    assert "topocraft has nothing that pip could install" in run("baselines", "remove", "topocraft", code=1).stderr


def test_a_name_that_is_unknown_is_refused_before_any_work(run: Run, installed: list[str]) -> None:
    assert "Did you mean 'harmony'?" in run("baselines", "install", "scvi", "harmoni", code=1).stderr
    assert installed == []
    assert run("baselines", "install", code=2).exit_code == 2


def test_environments_are_removed(run: Run, cache: Path) -> None:
    (cache / "scvi").mkdir(parents=True)
    result = run("baselines", "remove", "scanvi", "scvi", "bbknn")
    assert result.stdout.splitlines() == ["Environment 'scvi' removed.", "Environment 'bbknn' is not there."]
    assert not (cache / "scvi").exists()
