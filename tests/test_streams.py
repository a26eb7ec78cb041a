"""Streams that lack letters, are full, closed or read by nobody."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from topocraft.display import LogProgress, safe_console
from topocraft.errors import FileError
from topocraft.streams import Tolerant


class Failing(io.StringIO):
    """Takes nothing, for the reason of a number of the system's."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def write(self, text: str) -> int:
        raise OSError(self.code, os.strerror(self.code))


def test_letters_that_are_not_there_become_escapes() -> None:
    held = io.BytesIO()
    stream = Tolerant(io.TextIOWrapper(held, encoding="latin-1"), must_arrive=True)
    assert stream.write("3 × α\ud800") == 6
    stream.flush()
    assert held.getvalue() == b"3 \xd7 \\u03b1\\ud800"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF])
def test_progress_that_cannot_be_told_ends_nothing(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(sys, "stderr", Failing(code))
    progress = LogProgress(safe_console(stderr=True))
    progress.phase("train", 1)
    progress.advance()
    progress.warn("lost")


def test_results_that_cannot_be_told_are_an_error_and_nobody_to_read_them_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(errno.EPIPE))
    safe_console().print("unread")
    monkeypatch.setattr(sys, "stdout", Failing(errno.ENOSPC))
    with pytest.raises(FileError, match=r"cannot be written to the standard output: No space left on device\. Send"):
        safe_console().print("lost")


def test_a_stream_that_is_closed_is_none() -> None:
    closed = io.StringIO()
    closed.close()
    assert Tolerant(closed, must_arrive=True).write("lost") == 4


CODE = "from topocraft.streams import hold_numbers; hold_numbers(); print(open('result', 'w').fileno(), file={stream})"


@pytest.mark.parametrize(("closing", "stream"), [("2>&-", "sys.stdout"), (">&- <&-", "sys.stderr")])
def test_no_file_gets_the_number_of_a_stream_that_is_closed(tmp_path: Path, closing: str, stream: str) -> None:
    command = f'exec "{sys.executable}" -c "import sys; {CODE.format(stream=stream)}" {closing}'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert int(done.stdout + done.stderr) > 2


def test_what_fails_outside_of_a_command_is_one_message(tmp_path: Path) -> None:
    with (tmp_path / "empty").open("w"), (tmp_path / "empty").open("rb") as unwritable:
        command = [sys.executable, "-m", "topocraft", "simulate", "--list"]
        done = subprocess.run(command, stdout=unwritable, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: What the command tells cannot be written to the standard output")
    assert done.stderr.count("\n") == 1
