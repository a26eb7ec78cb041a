"""Files into the cache: verified, from the first address that has them, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from topocraft.data.datasets import RemoteFile, download
from topocraft.data.datasets.download import fetch
from topocraft.data.datasets.transfer import transfer
from topocraft.errors import FileError
from topocraft.progress import Silent

BODY = b"the bytes of a file" * 300
MD5, SHA256 = (f"{name}:{hashlib.new(name, BODY).hexdigest()}" for name in ("md5", "sha256"))


def fetched(file: RemoteFile, folder: Path, **how: Any) -> Path:
    return fetch(file, folder, Silent(), **how)


@pytest.mark.parametrize("checksum", [MD5, SHA256])
def test_a_file_with_a_published_checksum(host: Any, tmp_path: Path, checksum: str) -> None:
    place = host.put("/file", body=BODY)
    file = RemoteFile("cells.h5ad", (host.address("/file"),), checksum)
    path = fetched(file, tmp_path / "set")
    assert path == tmp_path / "set/cells.h5ad"
    assert path.read_bytes() == BODY
    assert fetched(file, tmp_path / "set") == path
    assert len(place.asked) == 1
    assert [item.name for item in path.parent.iterdir()] == ["cells.h5ad"]


def test_a_wrong_checksum_names_both_and_leaves_nothing(host: Any, tmp_path: Path) -> None:
    host.put("/file", body=BODY[::-1])
    got = hashlib.md5(BODY[::-1]).hexdigest()
    file = RemoteFile("cells.h5ad", (host.address("/file"),), MD5)
    expected = rf"'cells\.h5ad' from 'http.*' must have the checksum {MD5}; it has {got}\. What came was removed"
    with pytest.raises(FileError, match=expected):
        fetched(file, tmp_path / "set")
    assert list((tmp_path / "set").iterdir()) == []


def test_fetched_anew_in_vain_the_old_file_stays(host: Any, tmp_path: Path) -> None:
    place = host.put("/file", body=BODY)
    file = RemoteFile("cells.h5ad", (host.address("/file"),), MD5)
    fetched(file, tmp_path)
    place.body = BODY[::-1]
    with pytest.raises(FileError, match="must have the checksum"):
        fetched(file, tmp_path, force=True)
    assert (tmp_path / "cells.h5ad").read_bytes() == BODY
    assert [item.name for item in tmp_path.iterdir()] == ["cells.h5ad"]


def test_a_file_that_broke_off_is_verified_as_a_whole(host: Any, tmp_path: Path) -> None:
    place = host.put("/file", body=BODY, breaks=[2000])
    path = fetched(RemoteFile("cells.h5ad", (host.address("/file"),), SHA256), tmp_path)
    assert path.read_bytes() == BODY
    assert place.asked == [None, "bytes=2000-"]


def test_mirrors_are_tried_in_turn(host: Any, tmp_path: Path) -> None:
    host.put("/wrong", body=b"something else")
    host.put("/right", body=BODY)
    unasked = host.put("/third", body=BODY)
    addresses = tuple(host.address(path) for path in ("/gone", "/wrong", "/right", "/third"))
    assert fetched(RemoteFile("cells.h5ad", addresses, MD5), tmp_path).read_bytes() == BODY
    assert unasked.asked == []


def test_every_address_that_failed_is_named_with_the_way_by_hand(host: Any, tmp_path: Path) -> None:
    host.put("/wrong", body=b"something else")
    file = RemoteFile("cells.h5ad", (host.address("/gone"), host.address("/wrong")), MD5)
    with pytest.raises(FileError) as raised:
        fetched(file, tmp_path)
    assert "/gone' answers 404" in str(raised.value)
    assert "/wrong' must have the checksum" in str(raised.value)
    assert str(raised.value).endswith(f"get the file yourself and put it at '{tmp_path / 'cells.h5ad'}'.")


def test_the_first_download_records_a_checksum_that_later_ones_must_have(host: Any, tmp_path: Path) -> None:
    place = host.put("/file", body=BODY)
    file = RemoteFile("cells.h5ad", (host.address("/file"),))
    path = fetched(file, tmp_path)
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"cells.h5ad": SHA256}
    path.unlink()
    place.body = b"another version"
    with pytest.raises(FileError, match=rf"must have the checksum {SHA256}; it has [0-9a-f]{{64}}\..*pass --force"):
        fetched(file, tmp_path)
    assert not path.exists()
    assert fetched(file, tmp_path, force=True).read_bytes() == b"another version"
    renewed = hashlib.sha256(b"another version").hexdigest()
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"cells.h5ad": f"sha256:{renewed}"}


def test_force_fetches_anew(host: Any, tmp_path: Path) -> None:
    place = host.put("/file", body=BODY)
    file = RemoteFile("cells.h5ad", (host.address("/file"),), MD5)
    fetched(file, tmp_path)
    fetched(file, tmp_path, force=True)
    assert len(place.asked) == 2


def test_a_damaged_file_in_the_cache_is_found_out_and_kept(host: Any, tmp_path: Path) -> None:
    (tmp_path / "cells.h5ad").write_bytes(BODY[:-1])
    file = RemoteFile("cells.h5ad", (host.address("/file"),), MD5)
    with pytest.raises(FileError, match=rf"must have the checksum {MD5}; it has \w+\. Remove it, or .* --force"):
        fetched(file, tmp_path)
    assert (tmp_path / "cells.h5ad").read_bytes() == BODY[:-1]


def test_a_file_without_an_address_is_taken_from_its_place(tmp_path: Path) -> None:
    file = RemoteFile("cells.h5ad")
    with pytest.raises(FileError, match=r"No address is known .* put it at '.*cells\.h5ad'\.$"):
        fetched(file, tmp_path)
    (tmp_path / "cells.h5ad").write_bytes(BODY)
    assert fetched(file, tmp_path).read_bytes() == BODY
    (tmp_path / "cells.h5ad").write_bytes(b"changed")
    with pytest.raises(FileError, match=SHA256):
        fetched(file, tmp_path)


def test_a_full_disk_says_what_is_needed(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.put("/file", body=BODY)
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    file = RemoteFile("cells.h5ad", (host.address("/file"),), MD5, size=len(BODY) * 1000)
    with pytest.raises(FileError, match=r"No space left on device\. It needs up to 5\.7 MB\. Free there: 0\.0 MB\."):
        fetched(file, tmp_path)
    assert not (tmp_path / "cells.h5ad").exists()


def test_an_interruption_keeps_what_came_and_says_so(
    host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Interrupted(Silent):
        def advance(self, note: str = "") -> None:
            raise KeyboardInterrupt

        def say(self, message: str) -> None:
            said.append(message)

    host.put("/file", body=BODY)
    file = RemoteFile("cells.h5ad", (host.address("/file"),), MD5)
    with pytest.raises(KeyboardInterrupt):
        fetch(file, tmp_path / "set", Interrupted())
    assert said == ["0.0 MB are kept; the same call goes on from there."]
    assert {item.name for item in (tmp_path / "set").iterdir()} == {"cells.h5ad.part", "cells.h5ad.part.tag"}
    assert fetched(file, tmp_path / "set").read_bytes() == BODY
    assert {item.name for item in (tmp_path / "set").iterdir()} == {"cells.h5ad"}


def test_a_file_that_came_whole_before_a_kill_is_not_fetched_anew(host: Any, tmp_path: Path) -> None:
    """As it is verified, which of gigabytes takes a while, the process may end too."""
    place = host.put("/file", body=BODY)
    transfer(host.address("/file"), tmp_path / "cells.h5ad.part", "cells.h5ad", Silent())
    assert fetched(RemoteFile("cells.h5ad", (host.address("/file"),), MD5), tmp_path).read_bytes() == BODY
    assert place.asked == [None, f"bytes={len(BODY)}-"]
    assert [item.name for item in tmp_path.iterdir()] == ["cells.h5ad"]


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "cells.h5ad").write_bytes(BODY)
    (tmp_path / download.RECORD).write_text("{")
    with pytest.raises(FileError, match=r"checksums\.json' must be readable JSON; it is not: .* Remove it\."):
        fetched(RemoteFile("cells.h5ad"), tmp_path)
