"""Settings of checkpoints, and the folder that they lie in."""

from __future__ import annotations

from pathlib import Path

import pytest

from topocraft import Checkpoints
from topocraft.errors import ConfigError, FileError


@pytest.mark.parametrize("minutes", [-1, float("nan"), float("inf"), "10", True, None])
def test_minutes_must_be_a_number_of_at_least_0(minutes: object) -> None:
    with pytest.raises(ConfigError, match=r"Checkpoints\.minutes must be a number of at least 0; got"):
        Checkpoints(folder="run", minutes=minutes)  # type: ignore[arg-type]


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "checkpoint.json").write_text("{}")
    checkpoints = Checkpoints(folder=str(tmp_path))
    with pytest.raises(FileError, match=r"a folder of their own; '.*' holds 'thesis\.tex'\. Name another"):
        checkpoints.require_ours()
    checkpoints.remove()
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(FileError, match="is a file"):
        Checkpoints(folder=tmp_path / "run").require_ours()


def test_everything_of_ours_is_removed_with_its_folder(tmp_path: Path) -> None:
    checkpoints = Checkpoints(folder=tmp_path / "run")
    (checkpoints.path / "last_good_model").mkdir(parents=True)
    names = [
        "checkpoint.json",
        "state-12.safetensors",
        ".state-13.safetensors.77.partial",
        ".checkpoint.json.7.partial",
    ]
    for name in [*names, "ending", ".checkpoint.json.lock", "last_good_model/model.json"]:
        (checkpoints.path / name).touch()
    checkpoints.require_ours()
    assert checkpoints.found
    assert checkpoints.ending
    checkpoints.remove()
    assert list(tmp_path.iterdir()) == []
    checkpoints.remove()


def test_the_ending_is_noted_where_there_is_a_checkpoint_alone(tmp_path: Path) -> None:
    checkpoints = Checkpoints(folder=tmp_path)
    checkpoints.note_ending()
    assert not checkpoints.ending
    (tmp_path / "checkpoint.json").touch()
    checkpoints.note_ending()
    assert checkpoints.ending
