"""What can go wrong, as a tree.

TopocraftError
├── ConfigError    a parameter is outside its range, or unknown       (also a ValueError)
├── InputError     the cells cannot be integrated as they are         (also a ValueError)
├── FileError      a file or folder cannot be read or written         (also an OSError)
├── ModelError     a saved model is damaged or fits other cells       (also a ValueError)
├── TrainingError  the losses left the finite numbers                 (also a RuntimeError)
│   └── ProcessLost  a process that trains along ended
├── OutOfMemory    memory ran out                                     (also a MemoryError)
├── MethodError    a compared method is not installed, or failed      (also a RuntimeError)
└── UndefinedScore the cells leave nothing to score, for a reason     (also a ValueError)

Every message names the parameter, what is allowed, what came, and the cure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

# What moves the cursor of a terminal, colours or reverses its text, or cannot be written to it.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LONGEST_SHOWN = 200
FEWEST_LETTERS = 2
"""Of the beginning of a name, to be one."""


class TopocraftError(Exception):
    """Base of every error that topocraft raises on purpose."""


class ConfigError(TopocraftError, ValueError):
    """A parameter is unknown or outside its allowed range."""


class InputError(TopocraftError, ValueError):
    """The cells, their values or their annotations do not fit the job."""


class FileError(TopocraftError, OSError):
    """A file cannot be read or written."""


class ModelError(TopocraftError, ValueError):
    """A saved model is damaged, of another version, or was fitted to other genes."""


class TrainingError(TopocraftError, RuntimeError):
    """Training could not go on.

    ``model`` is the Integrator as it was after the last good step, ready to embed and to be saved; ``None`` where
    there was no good step.
    """

    model: Any = None


class ProcessLost(TrainingError):
    """A process of a job of several ended, or does not answer; the others cannot go on without it."""


class OutOfMemory(TopocraftError, MemoryError):
    """Memory ran out, or what this process may use cannot be enough; the message says what would fit."""


class MethodError(TopocraftError, RuntimeError):
    """A compared method cannot be installed, is not, or did not come to a result."""


class UndefinedScore(TopocraftError, ValueError):
    """A score has no value on these cells; the message is the reason, one sentence."""


def printable(text: str) -> str:
    r"""Return a text with control characters written out, so that a terminal shows them and does not obey.

    Examples
    --------
    >>> from topocraft.errors import printable
    >>> printable("T cells" + chr(27) + "[2J")
    'T cells\\x1b[2J'
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_name(name: object) -> str:
    """Return a name as messages show it: in one line, and short."""
    text = str(name)
    return printable(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, and of one that says nothing its kind; torch's go on for a page.

    Examples
    --------
    >>> from topocraft.errors import first_line
    >>> first_line(ValueError("no such shape" + chr(10) + "at 0x7f")), first_line(KeyError())
    ('no such shape', 'KeyError')
    """
    return shown_name(next(iter(str(error).strip().splitlines()), "") or type(error).__name__)


def list_names(names: Iterable[object], limit: int = 8) -> str:
    """Write names in one line for a message, the rest as a count."""
    every = list(names)
    shown = ", ".join(f"'{shown_name(name)}'" for name in every[:limit]) or "none"
    return shown if len(every) <= limit else f"{shown} and {len(every) - limit:,} more"


def nearest_name(name: object, names: Iterable[object]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known name, or the first that begins so; else an empty string."""
    asked, every = str(name), [str(known) for known in names]
    close = difflib.get_close_matches(asked, every, n=1)
    close = close or [known for known in every if len(asked) >= FEWEST_LETTERS and known.startswith(asked)]
    return f" Did you mean '{shown_name(close[0])}'?" if close else ""
