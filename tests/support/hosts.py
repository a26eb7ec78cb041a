"""A server on this machine that behaves, or misbehaves, as the hosts of datasets do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1000


@dataclass
class Place:
    """What one path of the server holds, and how it answers."""

    body: bytes = b""
    status: int = 200
    location: str = ""
    kind: str = "application/octet-stream"
    tag: str = '"v1"'
    ranges: bool = True
    shifted: bool = False
    """Answer from the beginning to whatever range is asked, and say so."""
    length: bool = True
    breaks: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers breaks off."""
    busy: int = 0
    """Answers, from the first, that only say 503."""
    silent: float = 0.0
    """Seconds of silence after half of the body."""
    pause: float = 0.0
    """Seconds between one kilobyte and the next."""
    asked: list[str | None] = field(default_factory=list)
    """The Range of every request."""


class Host(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.places: dict[str, Place] = {}

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def put(self, path: str, **how: object) -> Place:
        self.places[path] = Place(**how)  # type: ignore[arg-type]
        return self.places[path]


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        place = self.server.places.get(self.path.partition("?")[0], Place(b"nothing here", 404))
        place.asked.append(self.headers["Range"])
        if place.busy:
            place.busy -= 1
            self._answer(503, {}, b"")
        elif place.location:
            self._answer(place.status, {"Location": place.location}, b"")
        elif place.status == 200:
            self._give(place)
        else:
            self._answer(place.status, {}, place.body)

    def _give(self, place: Place) -> None:
        headers = {"Content-Type": place.kind} | ({"ETag": place.tag} if place.tag else {})
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        if not place.ranges or self.headers["If-Range"] not in (None, place.tag):
            start = 0
        if place.shifted and start:
            headers["Content-Range"] = f"bytes 0-{len(place.body) - 1}/{len(place.body)}"
            self._answer(206, headers, place.body, place)
            return
        if start and start >= len(place.body):
            self._answer(416, {"Content-Range": f"bytes */{len(place.body)}"}, b"")
            return
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(place.body) - 1}/{len(place.body)}"
        self._answer(206 if start else 200, headers, place.body[start:], place)

    def _answer(self, status: int, headers: dict[str, str], body: bytes, place: Place | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if place is None or place.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        whole = place is None or not (place.breaks or place.silent)
        sent = len(body) if whole or place is None else place.breaks.pop(0) if place.breaks else len(body) // 2
        try:
            piece, pause = (PIECE, place.pause) if place is not None and place.pause else (sent or 1, 0.0)
            for start in range(0, sent, piece):
                self.wfile.write(body[start : min(sent, start + piece)])
                time.sleep(pause)
            if place is not None and place.silent:
                time.sleep(place.silent)
                self.wfile.write(body[sent:])
        except OSError:
            return


@contextmanager
def serving() -> Iterator[Host]:
    """Run a host for as long as the block runs."""
    host = Host()
    threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield host
    host.shutdown()
    host.server_close()
