"""One process at a time."""

from __future__ import annotations

from pathlib import Path

from topocraft.data.locks import try_lock


def test_a_lock_is_had_once_until_its_file_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert try_lock(first)
        assert not try_lock(second)
        first.close()
        assert try_lock(second)
