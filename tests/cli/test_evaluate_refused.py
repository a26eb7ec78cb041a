"""``topocraft evaluate``: what cannot be is one message, and what fails leaves no half-written file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from anndata import AnnData
from typer.testing import Result

from topocraft import evaluation

Run = Callable[..., Result]
SCORED = ("scored.h5ad", "-b", "batch", "--unintegrated", "X_before")
LABELLED = (*SCORED, "--label-key", "celltype")
PNG = b"\x89PNG"


def _words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


REFUSED = {
    "no such file": (("scoed.h5ad", "-b", "batch"), "no 'scoed.h5ad'.*Did you mean 'scored.h5ad'"),
    "no such batch": (("scored.h5ad", "-b", "bach"), "no 'bach'. Did you mean 'batch'.*'celltype'"),
    "no such label": ((*SCORED, "--label-key", "kind"), "label_key must name a column.*Columns: 'batch'"),
    "no such embedding": ((*SCORED, "-e", "X_othr"), "no 'X_othr'. Did you mean 'X_other'.*'X_topocraft'"),
    "no such components": ((*SCORED[:3], "--unintegrated", "X_pca"), "unintegrated must name.*Keys: .*'X_before'"),
    "no such layer": ((*SCORED[:3], "--layer", "raw"), "no 'raw'.*Layers: 'counts'"),
    "no such covariate": ((*SCORED, "--continuous", "does"), "no 'does'. Did you mean 'dose'"),
    "not numbers": ((*SCORED, "--continuous", "celltype"), "continuous 'celltype' must be a column of numbers"),
    "one batch": ((*SCORED[:1], "-b", "one"), "batch_key must tell at least two groups.*'one' has only 'x'"),
    "one type": ((*SCORED, "--label-key", "one"), "label_key must tell at least two groups.*'one' has only 'x'"),
    "seed below zero": ((*SCORED, "--seed", "-1"), "seed must be a whole number of at least 0.*got -1"),
    "json of another kind": ((*SCORED, "--json", "s.txt"), "'s.txt' must end in .json"),
    "csv of another kind": ((*SCORED, "--csv", "s.tsv"), "'s.tsv' must end in .csv"),
    "map of another kind": ((*LABELLED, "--mixing-map", "m.h5ad"), "'m.h5ad' must end in .csv"),
    "picture of another kind": ((*SCORED, "--picture", "s.pdf"), "'s.pdf' must end in .png"),
    "picture over the input": ((*SCORED, "--picture", "scored.h5ad", "--force"), "'scored.h5ad' must end in .png"),
    "no such folder": ((*SCORED, "--json", "no/s.json"), "folder must exist; there is no .*no'"),
    "a folder": ((*SCORED, "--json", "folder.json"), "folder.json' must be a file; it is a folder"),
    "a file twice": (
        (*LABELLED, "--csv", "s.csv", "--mixing-map", "./s.csv"),
        "a file of its own; 's.csv' is named twice",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_data_or_use_that_cannot_be_ends_in_one_message(
    case: str, evaluate: Run, folder: Path, scored: AnnData
) -> None:
    (folder / "folder.json").mkdir()
    scored.obs["one"] = "x"
    scored.write_h5ad(folder / "scored.h5ad")
    arguments, message = REFUSED[case]
    before = sorted(folder.iterdir())
    result = evaluate(*arguments, "--no-controls", code=1)
    error = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(error) == 1
    assert result.stderr.endswith(error[0] + "\n"), "the message is one line, and the last"
    assert re.search(message, error[0])
    assert result.stdout == ""
    assert sorted(folder.iterdir()) == before


def test_an_output_is_never_an_input(evaluate: Run, folder: Path) -> None:
    (folder / "s.json").symlink_to(folder / "scored.h5ad")
    error = evaluate(*SCORED, "--json", "s.json", "--force", code=1).stderr
    assert "Output must not be an input; 's.json' is both" in error


def test_targets_are_checked_before_any_work(evaluate: Run) -> None:
    assert not evaluate(*SCORED, "--json", "s.txt", code=1).stderr.startswith("read")


MISUSED = {
    "no file": ((), "Missing argument 'FILE'"),
    "no batch": (("scored.h5ad",), "Missing option '--batch-key'"),
    "a map without types": ((*SCORED, "--mixing-map", "m.csv"), "--label-key: mixing is mapped within cell types"),
    "no such option": ((*SCORED, "--speed", "9"), "No such option"),
    "not a number": ((*SCORED, "--seed", "many"), "Invalid value for '--seed'"),
    "two files": (("scored.h5ad", "cells.h5ad", "-b", "batch"), "unexpected extra argument"),
}


@pytest.mark.parametrize("case", MISUSED)
def test_a_wrong_command_line_ends_in_two(case: str, evaluate: Run, folder: Path) -> None:
    arguments, message = MISUSED[case]
    before = sorted(folder.iterdir())
    assert message in _words(evaluate(*arguments, code=2).stderr)
    assert sorted(folder.iterdir()) == before


def test_what_fails_in_writing_leaves_no_half_file(
    evaluate: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", broken)
    error = evaluate(*SCORED, "--no-controls", "--json", "s.json", "--picture", "s.png", code=1).stderr
    assert "Error: Output 's.png' cannot be written" in error
    assert error.endswith("Written before that: 's.json'.\n")
    assert json.loads((folder / "s.json").read_text())["scores"]
    assert {path.name for path in folder.iterdir()} == {
        "cells.h5ad", "large.h5ad", "medium.h5ad", "scored.h5ad", "s.json",
    }  # fmt: skip


@pytest.mark.parametrize("stage", ["evaluate", "as_json", "mixing_of_cells"])
def test_an_interrupt_tells_what_was_written(
    stage: str, evaluate: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, stage, interrupted)
    files = ("--json", "s.json", "--mixing-map", "m.csv")
    error = evaluate(*LABELLED, "--no-controls", *files, code=130).stderr
    told = "written before that: 's.json'." if stage == "mixing_of_cells" else "nothing was written."
    assert error.endswith(f"Interrupted; {told}\n")
    assert (folder / "s.json").exists() == (stage == "mixing_of_cells")
    assert not (folder / "m.csv").exists()
