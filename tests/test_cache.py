"""Where the cache is."""

from __future__ import annotations

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from topocraft.cache import cache_folder


def test_the_environment_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(tmp_path))
    assert cache_folder("datasets", "bct") == tmp_path / "datasets/bct"
    assert cache_folder() == tmp_path
    assert not (tmp_path / "datasets").exists()


def test_home_and_relative_paths_are_made_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TOPOCRAFT_CACHE", "~/kept")
    assert cache_folder() == tmp_path / "kept"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOPOCRAFT_CACHE", "kept")
    assert cache_folder("a") == tmp_path / "kept/a"


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_platform_does(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("TOPOCRAFT_CACHE", raising=False)
    else:
        monkeypatch.setenv("TOPOCRAFT_CACHE", value)
    assert cache_folder("a").parent.parent == user_cache_path()
    assert cache_folder("a").parent.name == "topocraft"
