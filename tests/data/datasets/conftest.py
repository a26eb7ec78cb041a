"""A server on this machine that behaves, or misbehaves, as the hosts of datasets do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topocraft.data.datasets import transfer


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
            self.wfile.write(body[:sent])
            if place is not None and place.silent:
                time.sleep(place.silent)
                self.wfile.write(body[sent:])
        except OSError:
            return


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield host
    host.shutdown()
    host.server_close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the cache be empty, no folder of one's own be named, nothing be waited for, and no proxy be asked."""
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("TOPOCRAFT_DATA", raising=False)
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    monkeypatch.setattr(transfer, "TIMEOUT", (5.0, 5.0))
    monkeypatch.setattr(transfer, "BLOCK", 100)
    monkeypatch.setattr(transfer, "STEP", 1000)
    return tmp_path


@pytest.fixture
def source() -> anndata.AnnData:
    """Return four cells as a source might store them: counts in a layer, its own names of columns."""
    counts = sparse.csr_matrix(np.array([[1, 0], [2, 3], [0, 4], [5, 0]], dtype="int64"))
    obs = pd.DataFrame(
        {"tech": ["a", "a", "b", "b"], "kind": ["T", None, "B", "T"], "batch": ["x", "y", "z", "w"]},
        index=["c1", "c2", "c3", "c4"],
    )
    adata = anndata.AnnData(counts.astype("float32") * 0.5, obs=obs, var=pd.DataFrame(index=["g1", "g2"]))
    adata.layers["counts"] = counts
    adata.obsm["X_pca"] = np.ones((4, 2))
    return adata


@pytest.fixture
def stored(source: anndata.AnnData, tmp_path: Path) -> bytes:
    """Return the bytes of the same as h5ad."""
    path = tmp_path / "stored.h5ad"
    source.write_h5ad(path)
    return path.read_bytes()
