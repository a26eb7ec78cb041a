"""Standard streams as they may be: without letters for every name, full, closed, or with nobody who reads on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from topocraft.errors import FileError, TopocraftError


class Tolerant:
    r"""A stream that takes every text: what its encoding has no letter for is written as an escape.

    Parameters
    ----------
    stream
        Where the text goes.
    must_arrive
        Raise ``FileError`` where it cannot be written. Otherwise it is lost, as it always is where nobody reads on.

    Examples
    --------
    >>> import io
    >>> from topocraft.streams import Tolerant
    >>> held = io.BytesIO()
    >>> stream = Tolerant(io.TextIOWrapper(held, encoding="ascii"), must_arrive=True)
    >>> _ = stream.write("3 × 2")
    >>> stream.flush()
    >>> held.getvalue()
    b'3 \\xd7 2'
    """

    def __init__(self, stream: IO[str], *, must_arrive: bool) -> None:
        self._stream, self._must_arrive = stream, must_arrive

    def write(self, text: str) -> int:
        """Write a text."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with self._failing():
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        with self._failing():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (BrokenPipeError, ValueError):  # nobody reads on, or the stream is closed
            pass
        except OSError as error:
            if self._must_arrive:
                raise FileError(
                    f"What the command tells cannot be written to the standard output: {error.strerror}. "
                    "Send it elsewhere; what has been written to files stays."
                ) from error


def hold_numbers() -> None:
    """Open nothing in the place of standard streams that are closed.

    Else a result would get the number of one of them, and what libraries complain of would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


@contextmanager
def ending_well() -> Iterator[None]:
    """Let a command end with its own exit code, in whatever state the standard streams are."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # None, or no text stream
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
    except TopocraftError as error:
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(1) from None
    finally:
        for stream in (sys.stdout, sys.stderr):
            _let_go(stream)


def _let_go(stream: IO[str] | None) -> None:
    """Flush a stream; what it cannot take goes nowhere, or Python would try again as it ends, and fail."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
