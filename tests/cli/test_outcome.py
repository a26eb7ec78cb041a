"""How the command ends: interrupts, lack of memory, help, version."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import pytest
from typer.testing import Result

from topocraft import Integrator, __version__

Run = Callable[..., Result]
CELLS = ("cells.h5ad", "-b", "batch")


def test_memory_that_runs_out_is_no_traceback(quickly: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("topocraft.integration.integrate", too_much)
    error = quickly(*CELLS, "-o", "o.h5ad", code=1).stderr
    assert "Error: Memory ran out: this process may use " in error
    assert "--dry-run tells about how much is needed." in error


def test_what_was_written_before_a_failure_is_told(quickly: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Integrator, "save", interrupted)
    error = quickly(*CELLS, "-o", "o.h5ad", "--save-model", "m", code=130).stderr
    assert error.endswith("Interrupted; written before that: 'o.h5ad'.\n")


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        (signal.SIGINT, 130, "Interrupted; nothing was written."),
        (signal.SIGTERM, 143, "Terminated; nothing was written."),
    ],
)
def test_an_interrupt_in_training_leaves_nothing(
    folder: Path, quickly_set: list[str], sent: signal.Signals, code: int, message: str
) -> None:
    # The handler is set anew because a shell's background jobs start with SIGINT ignored.
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from topocraft.__main__ import main; main()"
    )
    endless = ["--epochs", "10000000", "--threads", "1", "-o", "out.h5ad", "--save-model", "model"]
    before = sorted(folder.iterdir())
    command = [sys.executable, "-c", start, "integrate", *CELLS, *quickly_set, *endless]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        try:
            for line in process.stderr:
                if line.startswith("train"):
                    break
            process.send_signal(sent)
            last = process.stderr.read().splitlines()[-1]
            assert process.wait(timeout=60) == code
            assert last == message
            assert process.stdout.read() == ""
        finally:
            process.kill()
    assert sorted(folder.iterdir()) == before


ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}


def _integrated(
    folder: Path, quickly_set: list[str], environment: dict[str, str], **streams: Any
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "topocraft", "integrate", *CELLS, *quickly_set, "--threads", "1", "-o", "o.h5ad"]
    return subprocess.Popen(command, cwd=folder, env=os.environ | environment, **streams)


def test_a_terminal_without_the_letters_gets_escapes(folder: Path, quickly_set: list[str]) -> None:
    with _integrated(folder, quickly_set, ASCII, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        told, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert b"240 cells \\xd7 200 genes" in told
    assert b"Written: o.h5ad" in told
    assert (folder / "o.h5ad").exists()


def test_an_output_that_takes_nothing_is_told_and_the_result_stays(folder: Path, quickly_set: list[str]) -> None:
    """As on a disk that is full; what Python would say as it ends, with a code of its own, is not to be seen."""
    with (
        (folder / "cells.h5ad").open("rb") as unwritable,
        _integrated(folder, quickly_set, {}, stdout=unwritable, stderr=subprocess.PIPE) as process,
    ):
        error = process.communicate(timeout=120)[1].decode().splitlines()
    assert process.returncode == 1
    assert error[-2] == "write"
    assert error[-1].startswith("Error: What the command tells cannot be written to the standard output: Bad file")
    assert error[-1].endswith("Written before that: 'o.h5ad'.")
    assert anndata.read_h5ad(folder / "o.h5ad").obsm["X_topocraft"].shape == (240, 50)


def test_a_run_goes_on_when_nobody_reads_its_progress(folder: Path, quickly_set: list[str]) -> None:
    with _integrated(folder, quickly_set, {}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"read\n"
        process.stdout.close()
        assert process.wait(timeout=120) == 0
    assert anndata.read_h5ad(folder / "o.h5ad").obsm["X_topocraft"].shape == (240, 50)


def test_the_module_runs_and_tells_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "topocraft", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"topocraft {__version__}\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ((), ("integrate", "demo", "--version")),
        (
            ("integrate",),
            ("topocraft integrate cells.h5ad -b batch -o integrated.h5ad", "[default: 150]", "Method", "Result"),
        ),
        (("demo",), ("topocraft demo -o somewhere --seed 1 --force", "demo.h5ad, umap.png and report.html", "--quiet")),
    ],
)
def test_help_has_examples_and_defaults(command: tuple[str, ...], told: tuple[str, ...], run: Run) -> None:
    text = " ".join(run(*command, "--help").stdout.replace("│", " ").split())
    for words in told:
        assert words in text


def test_without_a_command_there_is_help(run: Run) -> None:
    assert "integrate" in run(code=2).output
