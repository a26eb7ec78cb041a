"""Files and folders are whole, or as they were."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from topocraft.data.atomic import atomic_file, atomic_folder, atomic_text
from topocraft.errors import FileError


def test_text_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "note.txt"
    atomic_text(path, "αβ\n")
    atomic_text(path, "γ\n")
    assert path.read_bytes() == "γ\n".encode()

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FileError, match=r"'note\.txt' cannot be written into '.*': Input/output error"):
        atomic_text(path, "δ")
    assert path.read_text(encoding="utf-8") == "γ\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"

    def overtaken() -> None:
        with atomic_file(path, force=False) as partial:
            partial.write_text("ours")
            path.write_text("theirs")

    with pytest.raises(FileError, match="must not exist yet"):
        overtaken()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    with atomic_file(tmp_path / "picture.png", force=False) as partial:
        partial.write_text("ours")
    assert [item.name for item in tmp_path.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_appears_at_the_last_moment_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Between the last look and the renaming."""
    path = tmp_path / "result"
    looks = [0]

    def looked(*_: object) -> None:
        looks[0] += 1
        if looks[0] == 2 and kind == "file":
            path.write_text("theirs")
        elif looks[0] == 2:
            path.mkdir()
            (path / "part").write_text("theirs")
        elif looks[0] > 2:
            raise FileError("taken")

    monkeypatch.setattr("topocraft.data.atomic.require_free", looked)
    place = atomic_file(path, force=False) if kind == "file" else atomic_folder(path)
    with pytest.raises(FileError, match="taken"), place as partial:
        (partial if kind == "file" else partial / "part").write_text("ours")
    assert (path if kind == "file" else path / "part").read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_never_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="must be a file; it is a folder already"):
        atomic_text(tmp_path, "text")


def test_what_the_block_raises_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def unfit(partial: Path) -> None:
        (partial / "model.json" if partial.is_dir() else partial).write_text("{}")
        raise ValueError("unfit")

    with pytest.raises(ValueError, match="unfit"), atomic_folder(tmp_path / "model") as folder:
        unfit(folder)
    with pytest.raises(ValueError, match="unfit"), atomic_file(tmp_path / "picture.png") as file:
        unfit(file)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_known_by_its_text_too(tmp_path: Path) -> None:
    """Rust's writers, such as safetensors', give no errno."""
    said = "I/O error: No space left on device (os error 28)"
    with pytest.raises(FileError, match="No space left on device"), atomic_folder(tmp_path / "model"):
        raise ValueError(said)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_there_only_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "model.json").write_text("{}")
        assert not path.exists()
    assert (path / "deep" / "model.json").read_text() == "{}"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileError, match="must not exist yet"), atomic_folder(path):
        pytest.fail("the block must not begin")


def test_a_folder_is_replaced_or_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    for text in ("old", "new"):
        with atomic_folder(path, force=True) as folder:
            (folder / "model.json").write_text(text)
    assert (path / "model.json").read_text() == "new"

    rename = os.replace

    def interrupted(source: Path, target: Path) -> None:
        if str(source).endswith("partial"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    for place in (path, tmp_path / "fresh"):
        with pytest.raises(KeyboardInterrupt), atomic_folder(place, force=True) as folder:
            (folder / "model.json").write_text("newest")
    assert (path / "model.json").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with (
        pytest.raises(FileError, match="must be a folder; it is a file"),
        atomic_folder(tmp_path / "model", True),
    ):
        pytest.fail("the block must not begin")
