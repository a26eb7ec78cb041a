"""A file over HTTP: broken, continued, moved, slow, changed meanwhile."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest

from topocraft.data.datasets import transfer as module
from topocraft.data.datasets.transfer import answered_json, transfer
from topocraft.errors import FileError
from topocraft.progress import Silent

BODY = bytes(range(256)) * 20


class Told(Silent):
    def __init__(self) -> None:
        self.phases: list[tuple[str, int | None]] = []
        self.parts: list[str] = []
        self.said: list[str] = []

    def phase(self, name: str, total: int | None = None) -> None:
        self.phases.append((name, total))

    def advance(self, note: str = "") -> None:
        self.parts.append(note)

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "file.part"


def test_a_file_comes_whole_and_every_part_of_it_is_told(host: Any, part: Path) -> None:
    host.put("/file", body=BODY)
    told = Told()
    transfer(host.address("/file"), part, "file", told)
    assert part.read_bytes() == BODY
    assert told.phases == [("fetch file", 6)]
    assert len(told.parts) == 5
    assert part.with_name("file.part.tag").read_text() == '"v1"'


def test_a_file_of_unknown_length_comes_too(host: Any, part: Path) -> None:
    host.put("/file", body=BODY, length=False)
    told = Told()
    transfer(host.address("/file"), part, "file", told)
    assert part.read_bytes() == BODY
    assert told.phases == [("fetch file", None)]


def test_what_broke_off_goes_on_where_it_was(host: Any, part: Path) -> None:
    place = host.put("/file", body=BODY, breaks=[2000, 1000, 500, 500, 100])
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY
    assert place.asked == [None, *(f"bytes={start}-" for start in (2000, 3000, 3500, 4000, 4100))]


def test_a_later_call_goes_on_where_an_earlier_one_was_given_up(host: Any, part: Path) -> None:
    place = host.put("/file", body=BODY, breaks=[2000, 0, 0, 0])
    with pytest.raises(FileError, match=r"broke off before the end\. 0\.0 MB are kept, to go on from\."):
        transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY[:2000]
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY
    assert place.asked[-1] == "bytes=2000-"


def test_another_version_of_the_file_is_never_joined_to_the_old_beginning(host: Any, part: Path) -> None:
    place = host.put("/file", body=BODY, breaks=[2000, 0, 0, 0])
    with pytest.raises(FileError):
        transfer(host.address("/file"), part, "file", Silent())
    place.body, place.tag = BODY[::-1], '"v2"'
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY[::-1]


@pytest.mark.parametrize("how", [{"ranges": False}, {"shifted": True}])
def test_a_server_that_begins_anew_is_believed(host: Any, part: Path, how: dict[str, Any]) -> None:
    host.put("/file", body=BODY, breaks=[2000], **how)
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_sure_mark_of_the_version_all_of_it_is_asked_again(host: Any, part: Path, tag: str) -> None:
    place = host.put("/file", body=BODY, breaks=[2000], tag=tag)
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY
    assert place.asked == [None, None]


def test_an_answer_that_ends_early_without_an_error_is_no_whole_file(part: Path) -> None:
    class Answer:
        headers: ClassVar = {"Content-Length": "10"}

        def iter_content(self, _: int) -> list[bytes]:
            return [b"123"]

    with part.open("wb") as file, pytest.raises(module.Broken, match="broke off after 3 of 10 bytes"):
        module._store(Answer(), file, 0, "file", Silent())  # type: ignore[arg-type]


def test_a_part_that_was_whole_already_is_not_fetched_again(host: Any, part: Path) -> None:
    host.put("/file", body=BODY)
    part.write_bytes(BODY)
    part.with_name("file.part.tag").write_text('"v1"')
    told = Told()
    transfer(host.address("/file"), part, "file", told)
    assert part.read_bytes() == BODY
    assert told.phases == []


def test_a_part_that_is_longer_than_the_file_begins_anew(host: Any, part: Path) -> None:
    host.put("/file", body=BODY)
    part.write_bytes(BODY + b"more")
    part.with_name("file.part.tag").write_text('"v1"')
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY


def test_a_busy_server_is_asked_again(host: Any, part: Path) -> None:
    place = host.put("/file", body=BODY, busy=2)
    transfer(host.address("/file"), part, "file", Silent())
    assert part.read_bytes() == BODY
    assert len(place.asked) == 3


def test_a_server_that_stays_busy_is_given_up(host: Any, part: Path) -> None:
    host.put("/file", body=BODY, busy=9)
    with pytest.raises(FileError, match=r"/file' is not ready: it answers 503 Service Unavailable\.$"):
        transfer(host.address("/file"), part, "file", Silent())


def test_a_server_that_falls_silent_is_given_up(host: Any, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 0.1))
    host.put("/file", body=BODY, silent=0.5, ranges=False)
    with pytest.raises(FileError, match=r"/file' broke off, or sends nothing any more\. 0\.0 MB are kept"):
        transfer(host.address("/file"), part, "file", Silent())


def test_a_server_that_never_answers_is_given_up(host: Any, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 0.1))
    monkeypatch.setattr(module, "PATIENCE", 1)
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/file"
        with pytest.raises(FileError, match=r"does not answer within 0\.1 seconds"):
            transfer(address, part, "file", Silent())


def test_no_network(part: Path) -> None:
    with pytest.raises(FileError, match=r"127\.0\.0\.1:1/file' cannot be reached: check the network"):
        transfer("http://127.0.0.1:1/file", part, "file", Silent())


def test_a_moved_file_is_followed_and_its_new_address_told(host: Any, part: Path) -> None:
    host.put("/new", body=BODY)
    host.put("/old", status=301, location="/new?key=secret")
    told = Told()
    transfer(host.address("/old"), part, "file", told)
    assert part.read_bytes() == BODY
    assert told.said == [f"'{host.address('/old')}' has moved to '{host.address('/new')}'."]


def test_a_passing_detour_is_followed_in_silence(host: Any, part: Path) -> None:
    host.put("/new", body=BODY)
    host.put("/old", status=302, location="/new")
    told = Told()
    transfer(host.address("/old"), part, "file", told)
    assert part.read_bytes() == BODY
    assert told.said == []


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"status": 404}, "answers 404: the file has moved or is gone"),
        ({"status": 410}, "answers 410: the file has moved or is gone"),
        ({"status": 403}, "answers 403 Forbidden: it does not give the file to everyone"),
        ({"body": b"<html>", "kind": "text/html; charset=utf-8"}, "answers with a web page instead of the file"),
        ({"status": 302, "location": "/file"}, "cannot be fetched: Exceeded 30 redirects"),
    ],
)
def test_what_does_not_help_to_ask_again_is_asked_once(host: Any, part: Path, how: dict[str, Any], told: str) -> None:
    place = host.put("/file", **how)
    with pytest.raises(FileError, match=told):
        transfer(host.address("/file"), part, "file", Silent())
    assert len(place.asked) == 1 or "redirects" in told
    assert part.read_bytes() == b""


def test_a_full_disk_is_known_before_it_is_full(host: Any, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.put("/file", body=BODY)
    usage = shutil.disk_usage(part.parent)._replace(free=len(BODY) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="No space left") as raised:
        transfer(host.address("/file"), part, "file", Silent())
    assert raised.value.errno == errno.ENOSPC
    assert part.read_bytes() == b""


def test_a_second_process_waits_its_turn(host: Any, part: Path) -> None:
    host.put("/file", body=BODY)
    with module._alone(part), pytest.raises(FileError, match=r"file\.part' is being fetched by another process"):
        transfer(host.address("/file"), part, "file", Silent())


def test_answers_that_are_no_json(host: Any) -> None:
    host.put("/list", body=b'{"files": 3}')
    host.put("/text", body=b"files: 3")
    assert answered_json(host.address("/list")) == {"files": 3}
    with pytest.raises(FileError, match=r"/text' must answer with JSON; it does not"):
        answered_json(host.address("/text"))
    with pytest.raises(FileError, match=r"/none' answers 404"):
        answered_json(host.address("/none"))
    host.put("/busy", busy=1)
    with pytest.raises(FileError, match=r"/busy' is not ready"):
        answered_json(host.address("/busy"))
