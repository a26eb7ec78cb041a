"""What does not end well is a row with its reason, and what cannot go on is one message."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from anndata import AnnData

from topocraft.benchmark import Contender, Dataset, Grid, rebuild
from topocraft.benchmark.folder import Folder
from topocraft.errors import FileError, InputError
from topocraft.progress import Silent

Named = Callable[..., tuple[Contender, ...]]
RunGrid = Callable[..., pd.DataFrame]


def _statuses(rows: pd.DataFrame) -> dict[str, str]:
    return dict(zip(rows["method"], rows["status"], strict=True))


def test_a_run_that_does_not_end_well_is_a_row_and_is_retried_when_asked(
    run: RunGrid, demo: Dataset, named: Named, runs: Any, tmp_path: Path
) -> None:
    every = named("fails", "slow", "large", "absent", "good")
    grid = Grid(datasets=[demo], contenders=every, controls=False, scored=False)
    rows = run(grid)
    ends = {"fails": "failed", "slow": "timed out", "large": "out of memory", "absent": "not installed", "good": "ok"}
    assert _statuses(rows) == ends
    reasons = rows.set_index("method")["reason"]
    assert reasons["fails"] == "ValueError: no."
    assert reasons["large"] == "Stopped at 31.0 GB, above the limit of memory."
    page = (tmp_path / "runs" / "table.md").read_text()
    assert "| `demo` | slow | 0 | timed out | Stopped after 2 h, the limit of time. |" in page
    (row,) = (tmp_path / "runs" / "rows").glob("demo.fails.*")
    assert '"log": "one\\ntwo"' in row.read_text()
    runs.calls.clear()
    run(grid)
    assert runs.calls == []
    run(grid, retry=True)
    assert [call[0] for call in runs.calls] == ["fails", "slow", "large", "absent"]


def test_a_dataset_that_cannot_be_had_is_a_row(
    run: RunGrid, demo: Dataset, named: Named, runs: Any, heard: Any
) -> None:
    def nowhere(seed: int) -> AnnData:
        raise FileError("It is at an address that is gone.")

    grid = Grid(
        datasets=[Dataset(name="gone", read=nowhere), demo], contenders=named("good"), controls=False, scored=False
    )
    rows = run(grid, progress=heard)
    assert rows[["dataset", "status", "reason"]].values.tolist() == [
        ["gone", "no data", "It is at an address that is gone."],
        ["demo", "ok", ""],
    ]
    assert "gone cannot be had: It is at an address that is gone." in heard.warnings
    with pytest.raises(InputError, match="at an address that is gone"):
        run(dataclasses.replace(grid, datasets=grid.datasets[:1]))


def test_an_output_that_cannot_be_scored_is_a_failure_and_not_the_end(
    run: RunGrid, demo: Dataset, named: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise InputError("It is not finite.")

    monkeypatch.setattr("topocraft.benchmark.scorer.score_embedding", refuse)
    rows = run(Grid(datasets=[demo], contenders=named("good", "noise"), controls=False))
    assert _statuses(rows) == {"good": "failed", "noise": "failed"}
    assert set(rows["reason"]) == {"It ended well and cannot be scored: It is not finite."}


def test_a_second_process_is_told_who_holds_the_folder(run: RunGrid, unscored: Grid, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "runs")
    folder.create()
    with folder.locked(), pytest.raises(FileError, match=r"Only one benchmark may write .* process \d+ writes into"):
        run(unscored)
    run(unscored)


def test_a_damaged_file_is_named(run: RunGrid, unscored: Grid, tmp_path: Path) -> None:
    run(unscored)
    row = next((tmp_path / "runs" / "rows").glob("demo.good.0.*"))
    text = row.read_text()
    row.write_text(text[:50])
    with pytest.raises(FileError, match=r"demo\.good\..*must be a row; it is damaged"):
        run(unscored)
    row.unlink()
    output = next((tmp_path / "runs" / "outputs").glob("demo.good.0.*"))
    output.write_bytes(output.read_bytes()[:50])
    with pytest.raises(FileError, match="must be an output of a benchmark; it is damaged"):
        run(unscored)


def test_a_damaged_list_of_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "pictures.json").write_text("[")
    with pytest.raises(FileError, match=r"pictures\.json' must list pictures; it is damaged"):
        Folder(tmp_path).pictures()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.create()
    left = [tmp_path / ".rows.csv.123.partial", tmp_path / "rows" / ".a.json.123.partial", tmp_path / ".mine.old"]
    for path in left:
        path.touch()
    (tmp_path / "datasets" / ".a.123.old").mkdir()
    with folder.locked():
        assert [path.exists() for path in left] == [False, False, True]
        assert not list((tmp_path / "datasets").iterdir())


def test_no_folder_of_a_benchmark_has_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="has none that can be read"):
        rebuild(tmp_path, progress=Silent())
