"""One file from one address, over HTTP, continued where it broke off."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from topocraft._version import __version__
from topocraft.data.locks import try_lock
from topocraft.data.typed_json import parsed
from topocraft.errors import FileError

if TYPE_CHECKING:
    from requests import Response

    from topocraft.progress import Progress

TIMEOUT = (15.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""
PATIENCE = 3
"""Attempts in a row that bring no new byte, before the address is given up."""
PAUSE = 2.0
"""Seconds before the second attempt; longer before each further one."""
BLOCK = 1 << 16
"""Bytes that are read at once; of the last block before a break, nothing is kept."""
STEP = 1 << 20
"""Bytes from one word about the progress to the next."""
BUSY = (202, 408, 425, 429, 500, 502, 503, 504)
UNREACHABLE = "cannot be reached: check the network, and whether a proxy or firewall lets it pass"
MOVED_FOR_GOOD = (301, 308)
HEADERS = {"User-Agent": f"topocraft/{__version__}", "Accept-Encoding": "identity"}


class Broken(Exception):
    """The connection ended too early, or the server was busy: it may help to ask again."""


def transfer(address: str, part: Path, name: str, progress: Progress) -> None:
    """Bring the file at ``address`` into ``part``, from where ``part`` ends if the server still has the same file.

    What has come stays in ``part`` whatever happens, with the server's mark of the version in ``mark_of(part)``.

    Raises
    ------
    FileError
        There is no such file, it cannot be reached, it breaks off again and again, or the disk is full.
    """
    idle = 0
    while True:
        before = _length(part)
        try:
            _continue(address, part, name, progress)
            return
        except Broken as problem:
            idle = 0 if _length(part) > before else idle + 1
            if idle >= PATIENCE:
                kept = f" {_length(part) / 1e6:,.1f} MB are kept, to go on from." if _length(part) else ""
                raise FileError(f"'{address}' {problem}.{kept}") from problem
            time.sleep(PAUSE * idle)


def mark_of(part: Path) -> Path:
    """Return the file that holds the server's mark of the version of ``part``; it goes when ``part`` goes."""
    return part.with_name(f"{part.name}.tag")


def answered_json(address: str) -> Any:
    """Return the JSON that an address answers with.

    Raises
    ------
    FileError
        It cannot be reached, or answers with something else.
    """
    try:
        with _asked(address, {}) as answer:
            text = answer.content
        return parsed(text)
    except Broken as problem:
        raise FileError(f"'{address}' {problem}.") from problem
    except ValueError as error:
        raise FileError(f"'{address}' must answer with JSON; it does not: {error}.") from error


def _continue(address: str, part: Path, name: str, progress: Progress) -> None:
    tag = mark_of(part)
    with _alone(part) as file:
        start = file.seek(0, os.SEEK_END)
        known = tag.read_text(encoding="utf-8") if start and tag.exists() else ""
        asked = {"Range": f"bytes={start}-", "If-Range": known} if known else {}
        with _asked(address, asked) as answer:
            if answer.status_code == 416:
                _settle(answer, file, start)
            else:
                _require_data(answer, address)
                if answer.status_code != 206 or not _goes_on(answer, start):
                    start = file.seek(0)
                    file.truncate()
                    tag.write_text(_version(answer), encoding="utf-8")
                _tell_moved(answer, address, progress)
                _store(answer, file, start, name, progress)


@contextmanager
def _asked(address: str, headers: dict[str, str]) -> Iterator[Response]:
    """Ask, and turn what the network says into ``Broken`` or a ``FileError``."""
    import requests

    begun = False
    try:
        with requests.get(address, headers=HEADERS | headers, stream=True, timeout=TIMEOUT) as answer:
            begun = True
            if answer.status_code in BUSY:
                raise Broken(f"is not ready: it answers {answer.status_code} {answer.reason}")
            if answer.status_code not in (200, 206, 416):
                raise FileError(_refusal(address, answer.status_code, answer.reason))
            yield answer
    except requests.Timeout as error:
        raise Broken(f"does not answer within {TIMEOUT[1]:g} seconds") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise Broken("broke off before the end") from error
    except requests.exceptions.SSLError as error:
        raise FileError(f"'{address}' is not to be trusted: {error}. Check the date of this machine.") from error
    except requests.ConnectionError as error:
        raise Broken("broke off, or sends nothing any more" if begun else UNREACHABLE) from error
    except requests.RequestException as error:
        raise FileError(f"'{address}' cannot be fetched: {error}.") from error


def _refusal(address: str, code: int, reason: str) -> str:
    if code in (404, 410):
        return f"'{address}' answers {code}: the file has moved or is gone."
    return f"'{address}' answers {code} {reason}: it does not give the file to everyone."


def _require_data(answer: Response, address: str) -> None:
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise FileError(f"'{address}' answers with a web page instead of the file: it has moved, or asks for a login.")


def _settle(answer: Response, file: BinaryIO, start: int) -> None:
    """Nothing is left to send: either all is here, or what is here belongs to another version."""
    whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
    if whole != str(start):
        file.truncate(0)
        raise Broken("has another version of the file now")


def _goes_on(answer: Response, start: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _version(answer: Response) -> str:
    """Return the mark by which a server tells versions; nothing where the same mark may mean other bytes."""
    mark = str(answer.headers.get("ETag", ""))
    return "" if mark.startswith("W/") else mark or str(answer.headers.get("Last-Modified", ""))


def _tell_moved(answer: Response, address: str, progress: Progress) -> None:
    if any(step.status_code in MOVED_FOR_GOOD for step in answer.history):
        progress.say(f"'{address}' has moved to '{answer.url.partition('?')[0]}'.")


def _store(answer: Response, file: BinaryIO, start: int, name: str, progress: Progress) -> None:
    length = answer.headers.get("Content-Length")
    left = None if length is None or "Content-Encoding" in answer.headers else int(length)
    if left is not None and shutil.disk_usage(Path(file.name).parent).free < left:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    progress.phase(f"fetch {name}", total=None if left is None else max(1, -(-left // STEP)))
    came = 0
    for block in answer.iter_content(BLOCK):
        file.write(block)
        for _ in range(came // STEP, (came + len(block)) // STEP):
            progress.advance(f"{(start + came + len(block)) / 1e6:,.0f} MB")
        came += len(block)
    if left is not None and came != left:
        raise Broken(f"broke off after {came:,} of {left:,} bytes")


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """Open ``part`` to be added to, and hold it against a second process that fetches the same file."""
    with part.open("a+b") as file:
        if not try_lock(file):
            raise FileError(f"'{part}' is being fetched by another process. Wait for it to end.")
        yield file


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
