"""What a figshare article says of its files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from topocraft.data.datasets import RemoteFile
from topocraft.data.datasets.listing import resolved
from topocraft.errors import FileError
from topocraft.progress import Silent

FILES = [
    {"id": 1, "name": "other_raw.h5ad", "size": 5, "download_url": "http://x/1", "computed_md5": "aa"},
    {"id": 2, "name": "Lung_raw.zip", "size": 7, "download_url": "http://x/2", "computed_md5": "bb"},
    {"id": 3, "name": "bct_raw.h5ad", "size": 9, "download_url": "http://x/3", "supplied_md5": "cc"},
    {"id": 4, "name": "bct_raw.zip", "size": 3, "download_url": "http://x/4", "computed_md5": "dd"},
    {"id": 5, "name": "bare.h5ad", "download_url": "http://x/5"},
]


def asked(host: Any, name: str, *paths: str) -> RemoteFile:
    return resolved(RemoteFile(name, listings=tuple(host.address(path) for path in paths)), Silent())


@pytest.mark.parametrize("answer", [FILES, {"files": FILES}])
def test_address_checksum_and_size_come_from_the_article(host: Any, answer: Any) -> None:
    host.put("/article", body=json.dumps(answer).encode())
    found = asked(host, "bct_raw.h5ad", "/article")
    assert (found.name, found.addresses, found.checksum, found.size) == ("bct_raw.h5ad", ("http://x/3",), "md5:cc", 9)
    bare = asked(host, "bare.h5ad", "/article")
    assert (bare.checksum, bare.size) == (None, None)


def test_a_packed_file_of_the_same_name_will_do(host: Any) -> None:
    host.put("/article", body=json.dumps(FILES).encode())
    found = asked(host, "lung_raw.h5ad", "/article")
    assert (found.name, found.addresses, found.checksum) == ("Lung_raw.zip", ("http://x/2",), "md5:bb")


def test_the_licence_is_told(host: Any) -> None:
    said: list[str] = []

    class Told(Silent):
        def say(self, message: str) -> None:
            said.append(message)

    host.put("/article", body=json.dumps({"files": FILES, "license": {"name": "CC BY 4.0"}}).encode())
    resolved(RemoteFile("bct_raw.h5ad", listings=(host.address("/article"),)), Told())
    assert said == ["bct_raw.h5ad: licence CC BY 4.0, as its page states."]


def test_a_second_listing_is_asked_where_the_first_lacks_the_file(host: Any) -> None:
    host.put("/first", body=json.dumps({"files": FILES[:1]}).encode())
    host.put("/second", body=json.dumps(FILES).encode())
    assert asked(host, "bct_raw.h5ad", "/gone", "/first", "/second").addresses == ("http://x/3",)


def test_what_the_article_lists_instead_is_named(host: Any) -> None:
    host.put("/article", body=json.dumps({"files": [*FILES[:2], {"name": "no address"}]}).encode())
    expected = r"/article' lists no 'bct_del_raw\.h5ad'; it lists 'other_raw\.h5ad', 'Lung_raw\.zip'\.$"
    with pytest.raises(FileError, match=expected):
        asked(host, "bct_del_raw.h5ad", "/article")


@pytest.mark.parametrize("answer", ["[]", "3", '{"files": 3}', "[1, 2]"])
def test_an_answer_of_another_shape_lists_nothing(host: Any, answer: str) -> None:
    host.put("/article", body=answer.encode())
    with pytest.raises(FileError, match=r"it lists none\."):
        asked(host, "bct_raw.h5ad", "/article")


def test_a_file_with_an_address_of_its_own_needs_no_article() -> None:
    file = RemoteFile("a.h5ad", ("http://x",))
    assert resolved(file, Silent()) is file
