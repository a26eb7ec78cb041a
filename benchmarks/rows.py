"""A file of JSON lines, one per run that ended: a benchmark that was stopped goes on after the last whole one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(log: Path) -> list[Row]:
    """Return all rows, none where there is no file; one that was cut off by a kill is left out, and made again."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def add_row(log: Path, row: Row) -> None:
    """Append a row, on a line of its own."""
    with log.open("a+", encoding="utf-8") as file:
        if log.stat().st_size and not log.read_text(encoding="utf-8").endswith("\n"):
            file.write("\n")
        file.write(json.dumps(row) + "\n")
