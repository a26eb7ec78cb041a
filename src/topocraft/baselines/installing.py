"""Environments made and removed, by venv and pip."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from topocraft._version import __version__
from topocraft.baselines.environments import MARKER, asked_of_pip, environment_folder, environment_name, python_of
from topocraft.baselines.method import Method
from topocraft.data.atomic import atomic_text, explained
from topocraft.data.locks import try_lock
from topocraft.errors import MethodError
from topocraft.progress import Progress, Silent

LAST_LINES = 3
COMPILER_WORDS = ("g++", "gcc", "clang", "cc1plus", "Microsoft Visual C++")


def install(method: Method, progress: Progress | None = None) -> Path:
    """Make the method's own environment, anew if there is one.

    Parameters
    ----------
    method
        A method with requirements.
    progress
        Where to tell what is going on.

    Returns
    -------
    Path
        The folder of the environment, below topocraft's cache.

    Raises
    ------
    MethodError
        There is nothing to install, or pip failed, or what it installed cannot be imported; nothing is left then.
    FileError
        The folder cannot be written.
    """
    require_installable(method)
    progress, folder = progress or Silent(), environment_folder(method)
    with explained(folder), _alone(folder):
        _remove(folder)
        try:
            _make(method, folder, progress)
        except BaseException:
            _remove(folder)
            raise
    return folder


def require_installable(method: Method) -> None:
    """Refuse a method that has no environment of its own.

    Raises
    ------
    MethodError
        There is nothing that pip could install; the message says what to do instead.
    """
    if not method.requirements:
        raise MethodError(f"{method.title} has nothing that pip could install. {method.needs or 'It is here already.'}")


def remove(method: Method) -> bool:
    """Remove the method's own environment; tell whether there was one.

    Raises
    ------
    MethodError
        It is being installed just now.
    FileError
        The folder cannot be removed.
    """
    folder = environment_folder(method)
    if not folder.exists():
        return False
    with explained(folder), _alone(folder):
        _remove(folder)
    return True


def _make(method: Method, folder: Path, progress: Progress) -> None:
    name = environment_name(method)
    progress.phase("make")
    _run([sys.executable, "-m", "venv", str(folder)], f"The environment '{name}' cannot be made")
    python = str(python_of(folder))
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    progress.phase("install")
    for arguments in asked_of_pip(method):
        _run([*pip, "install", *arguments], f"pip cannot install '{name}'", method.needs, progress.advance)
    progress.phase("check")
    imports = "\n".join(f"import {module}" for module in method.modules)
    _run([python, "-c", imports], f"'{name}' was installed, but cannot be imported")
    frozen = _run([*pip, "freeze"], f"pip does not tell what it installed for '{name}'")
    marker = {
        "asked": asked_of_pip(method),
        "installed": [line for line in frozen if "==" in line],
        "python": sys.version.split()[0],
        "topocraft": __version__,
    }
    atomic_text(folder / MARKER, json.dumps(marker, indent=2))


def _run(command: Sequence[str], failure: str, needs: str = "", tell: Callable[[str], None] | None = None) -> list[str]:
    """Run a command to its end, in a session of its own, and return what it said."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=kept | {"PYTHONNOUSERSITE": "1"},
        text=True,
        errors="replace",
        start_new_session=True,
    )
    said = []
    with process:
        try:
            for line in process.stdout or ():
                said.append(line.strip())
                if tell is not None:
                    tell(_told(said[-1]))
        except BaseException:
            with suppress(ProcessLookupError):  # it may have ended just now
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise MethodError(f"{failure}: {_last_words(said)}{_advice(said, needs)}")
    return said


def _told(line: str) -> str:
    """Return what a line of pip tells a person: "Collecting torch==2.13.0", or nothing."""
    first = line.partition(" (")[0]
    telling = first.startswith(("Collecting", "Downloading", "Building", "Installing"))
    return first[:60] if telling else ""


def _last_words(said: Sequence[str]) -> str:
    errors = [line for line in said if line.lower().startswith("error")] or [line for line in said if line]
    return " ".join(errors[-LAST_LINES:]) or "no word of why."


def _advice(said: Sequence[str], needs: str) -> str:
    return f" {needs}" if needs and any(word in line for line in said for word in COMPILER_WORDS) else ""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock beside the folder, or say that another process does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        if not try_lock(lock):
            raise MethodError(f"'{folder.name}' is being installed by another process. Wait for it to end.")
        yield


def _remove(folder: Path) -> None:
    """Remove the marker first, so that a folder half removed is no environment."""
    with suppress(FileNotFoundError):
        (folder / MARKER).unlink()
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
