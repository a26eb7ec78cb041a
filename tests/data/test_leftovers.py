"""What killed processes leave goes; what living ones are writing, and what is not ours, stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from topocraft.data.leftovers import sweep, sweep_folder

DEAD = 2**22 + 1
"""More than Linux gives."""


def test_only_what_dead_processes_left_of_this_result_is_removed(tmp_path: Path) -> None:
    kept = [f".out.h5ad.{os.getpid()}.partial", f".other.h5ad.{DEAD}.partial", "out.h5ad.1.partial", ".outxh5ad.1.old"]
    for name in [*kept, f".out.h5ad.{DEAD}.partial", f".out.h5ad.{DEAD}.old", "out.h5ad"]:
        (tmp_path / name).write_text(name)
    (tmp_path / f".out.h5ad.{DEAD + 1}.partial").mkdir()
    sweep(tmp_path / "out.h5ad")
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted([*kept, "out.h5ad"])
    assert (tmp_path / "out.h5ad").read_text() == "out.h5ad"


def test_a_folder_that_was_set_aside_comes_back(tmp_path: Path) -> None:
    aside = tmp_path / f".out.zarr.{DEAD}.old"
    aside.mkdir()
    (aside / "zarr.json").write_text("{}")
    sweep(tmp_path / "out.zarr")
    assert [item.name for item in tmp_path.iterdir()] == ["out.zarr"]
    assert (tmp_path / "out.zarr" / "zarr.json").read_text() == "{}"


def test_a_link_to_a_folder_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").touch()
    (tmp_path / f".out.zarr.{DEAD}.partial").symlink_to(tmp_path / "mine")
    sweep(tmp_path / "out.zarr")
    assert [item.name for item in tmp_path.rglob("*")] == ["mine", "thesis"]


def test_a_folder_is_swept_of_all_that_dead_processes_left(tmp_path: Path) -> None:
    kept = [".lock", f".one.json.{os.getpid()}.partial", "one.json", "notes.1.partial"]
    for name in [*kept, f".one.json.{DEAD}.partial", f".other.csv.{DEAD}.partial"]:
        (tmp_path / name).touch()
    (tmp_path / f".folder.{DEAD}.old").mkdir()
    sweep_folder(tmp_path)
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted([*kept, "folder"])
    sweep_folder(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_a_process_of_somebody_else_may_still_write_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(process: int, signal: int) -> None:
        raise PermissionError

    (tmp_path / ".out.h5ad.7.partial").touch()
    monkeypatch.setattr(os, "kill", forbidden)
    sweep(tmp_path / "out.h5ad")
    assert (tmp_path / ".out.h5ad.7.partial").exists()
