"""Names from a file reach the terminal as text: nothing in them moves its cursor or colours its lines."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from topocraft.cli import app
from topocraft.display import LogProgress, TerminalProgress, safe_console

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m‮Tcells\r\x08"


def _controls(text: str) -> set[str]:
    return {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter != "\n"}


def test_whatever_is_printed_is_disarmed() -> None:
    console = safe_console()
    console.file = io.StringIO()
    table = Table(EVIL)
    table.add_row(Text(EVIL))
    for shown in (EVIL, Text.assemble(("Error: ", "bold red"), EVIL), table):
        console.print(shown, markup=False, highlight=False)
    LogProgress(console).warn(EVIL)
    text = console.file.getvalue()
    assert not _controls(text)
    assert text.count(r"\x1b[2J\x1b]0;owned") >= 3


def test_our_own_colours_and_bars_still_work() -> None:
    console = safe_console()
    console.file, console._force_terminal = io.StringIO(), True
    with TerminalProgress(console) as bars:
        bars.phase("train", 2)
        bars.advance(EVIL)
        bars.warn(EVIL)
    text = console.file.getvalue()
    assert "\x1b[?25l" in text
    assert "\x1b]0;owned" not in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize(("asked", "code"), [(["--dry-run"], 0), (["--dry-run", "--layer", "x"], 1)])
def test_the_command_prints_names_of_a_file_as_text(asked: list[str], code: int, tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(3.0, (24, 30)).astype(np.float32)
    adata = AnnData(counts, obs={"batch": [f"{EVIL}{place % 2}" for place in range(24)]}, layers={EVIL: counts})
    adata.write_h5ad(tmp_path / "cells.h5ad")
    ended = CliRunner().invoke(app, ["integrate", str(tmp_path / "cells.h5ad"), "-b", "batch", *asked])
    assert ended.exit_code == code, ended.output
    assert r"\x1b[2J" in ended.output
    assert not _controls(ended.output)
