"""One process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from topocraft.data.locks import held, try_lock
from topocraft.errors import FileError


def test_a_lock_is_had_once_until_its_file_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert try_lock(first)
        assert not try_lock(second)
        first.close()
        assert try_lock(second)


def test_a_path_is_held_by_one_alone_and_by_the_next_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "out.h5ad"
    with held(path):
        with pytest.raises(FileError, match=rf"process {os.getpid()} is writing '.*out\.h5ad'\. Wait"), held(path):
            pytest.fail("the block must not begin")
        with held(tmp_path / "other.h5ad"):
            pass
    with held(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_held_with_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.h5ad").symlink_to(tmp_path / "out.h5ad")
    with held(tmp_path / "out.h5ad"), pytest.raises(FileError, match="is writing"), held(tmp_path / "link.h5ad"):
        pytest.fail("the block must not begin")


def test_what_a_dead_process_has_locked_is_free(tmp_path: Path) -> None:
    (tmp_path / ".out.h5ad.lock").write_text("999999999")
    with held(tmp_path / "out.h5ad"):
        assert (tmp_path / ".out.h5ad.lock").read_text() == str(os.getpid())


def test_a_lock_on_a_file_that_its_holder_removed_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes between being opened and being locked, as its holder ends just then."""
    lock, flock, tries = tmp_path / ".out.h5ad.lock", fcntl.flock, []

    def removed_meanwhile(file: object, how: int) -> None:
        if not tries:
            lock.unlink()
        tries.append(how)
        flock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    with held(tmp_path / "out.h5ad"):
        assert lock.exists()
    assert len(tries) == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_in_the_file_system_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(file: object, how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with held(tmp_path / "out.h5ad"):
        pass


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot be written into .*No such file"), held(tmp_path / "nowhere" / "out"):
        pytest.fail("the block must not begin")
