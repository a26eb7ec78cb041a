"""Every way in which the command refuses: one message, the right exit code, and nothing written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def _words(text: str) -> str:
    """Undo the wrapping and the frames of typer's own messages."""
    return " ".join(text.replace("│", " ").split())


CELLS = ("cells.h5ad", "-b", "batch")
REFUSED = {
    "no such file": (("sells.h5ad", "-b", "batch", "-o", "o.h5ad"), "no 'sells.h5ad'.*Did you mean 'cells.h5ad'"),
    "no such batch": (("cells.h5ad", "-b", "bach", "-o", "o.h5ad"), "no 'bach'. Did you mean 'batch'.*'celltype'"),
    "no such label": ((*CELLS, "-o", "o.h5ad", "--label-key", "kind"), "label_key must name a column.*'kind'"),
    "no such layer": ((*CELLS, "-o", "o.h5ad", "--layer", "raw"), "no 'raw'.*Layers: 'counts'"),
    "no such mask": ((*CELLS, "-o", "o.h5ad", "--gene-mask", "x"), "gene_mask must name a column of var"),
    "no such folder": ((*CELLS, "-o", "no/o.h5ad"), "folder must exist; there is no .*no'"),
    "no such kind": ((*CELLS, "-o", "o.csv"), "must end in .h5ad or .zarr; got 'o.csv'"),
    "output is input": ((*CELLS, "-o", "cells.h5ad", "--force"), "must not be an input; 'cells.h5ad' is both"),
    "model is a file": ((*CELLS, "-o", "o.h5ad", "--save-model", "large.h5ad"), "must be a folder; it is a file"),
    "model in nothing": ((*CELLS, "-o", "o.h5ad", "--save-model", "no/m"), "--save-model needs a folder .*'no'"),
    "no such field": ((*CELLS, "-o", "o.h5ad", "--set", "epoch=3"), "'epoch' is no field.*mean 'epochs'"),
    "no such section": ((*CELLS, "-o", "o.h5ad", "--set", "modl.head=trunk"), "no field 'modl'.*mean 'model'"),
    "in two sections": ((*CELLS, "-o", "o.h5ad", "--set", "n_components=9"), "'n_components' stands in topology"),
    "a number of 5,000 digits": ((*CELLS, "-o", "o.h5ad", "--set", f"seed={'9' * 5000}"), "seed must be .*got '9999"),
    "lists in lists": (
        (*CELLS, "-o", "o.h5ad", "--set", f"encoder_widths={'[' * 90_000}"),
        r"must be a list.*got '\[\[",
    ),
    "a field given twice": (
        (*CELLS, "-o", "o.h5ad", "--set", 'model={"n_latent": 3, "n_latent": 4}'),
        "'model' is a section",
    ),
    "a wrong value": ((*CELLS, "-o", "o.h5ad", "--set", "head=big"), "ModelConfig.head must be .*; got 'big'"),
    "out of range": ((*CELLS, "-o", "o.h5ad", "--epochs", "0"), "epochs must be a whole number of at least 1"),
    "no such config": ((*CELLS, "-o", "o.h5ad", "--config", "c.json"), "'c.json' is not: No such file"),
    "config is cells": ((*CELLS, "-o", "o.h5ad", "--config", "cells.h5ad"), "'cells.h5ad' is not: it is not text"),
    "genes are few": ((*CELLS, "-o", "o.h5ad", "--min-genes", "999"), "min_genes=999 must leave.*--min-genes"),
    "file twice": (("cells.h5ad", "cells.h5ad", "-o", "o.h5ad"), "every file once"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_data_or_use_that_cannot_be_ends_in_one_message(case: str, quickly: Run, folder: Path) -> None:
    arguments, message = REFUSED[case]
    before = sorted(folder.iterdir())
    result = quickly(*arguments, code=1)
    error = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(error) == 1
    assert result.stderr.endswith(error[0] + "\n"), "the message is one line, and the last"
    assert "Traceback" not in result.output
    assert re.search(message, error[0])
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "config must be JSON; it is not: Expecting property name"),
        ("[1]", "config must be an object with named fields; got [1]"),
        ('{"epochs": 3}', "config has no field 'epochs'."),
        ('{"training": {"epoch": 3}}', "config.training has no field 'epoch'. Did you mean 'epochs'?"),
        ('{"training": {"epochs": "many"}}', "at least 1 and at most 1,000,000,000; got 'many'."),
    ],
)
def test_a_config_that_is_wrong_says_where(text: str, message: str, quickly: Run, folder: Path) -> None:
    (folder / "config.json").write_text(text)
    assert message in quickly(*CELLS, "-o", "o.h5ad", "--config", "config.json", code=1).stderr


def test_a_config_without_end_or_of_many_bytes_is_not_read(quickly: Run, folder: Path) -> None:
    """A pipe that nobody writes into would be waited for, and ``/dev/zero`` read until memory ran out."""
    os.mkfifo(folder / "pipe.json")
    with (folder / "long.json").open("wb") as file:
        file.truncate(2**24 + 1)
    for name, message in (("pipe.json", "it is no plain file"), ("long.json", "it has 16,777,217 bytes, of at most")):
        result = quickly(*CELLS, "-o", "o.h5ad", "--config", name, code=1)
        assert f"--config must be a JSON file; '{name}' is not: {message}" in result.stderr


def test_columns_are_checked_before_any_long_work(quickly: Run) -> None:
    result = quickly(*CELLS, "-o", "o.h5ad", "--label-key", "kind", code=1)
    assert result.stderr.splitlines()[0] == "read"
    assert len(result.stderr.splitlines()) == 2


MISUSED = {
    "no file": ((), "Missing argument"),
    "no output": (CELLS, "--output: a file to write is due; only --dry-run needs none"),
    "no batch": (("cells.h5ad", "-o", "o.h5ad"), "--batch-key: one file needs the column that holds its batches"),
    "no such option": ((*CELLS, "-o", "o.h5ad", "--speed", "9"), "No such option"),
    "not a number": ((*CELLS, "-o", "o.h5ad", "--epochs", "many"), "Invalid value for '--epochs'"),
    "no such device": ((*CELLS, "-o", "o.h5ad", "--device", "tpu"), "Invalid value for '--device'"),
    "nothing to keep": (
        (*CELLS, "-o", "o.h5ad", "--keep-checkpoint"),
        "without --checkpoint-every or --resume",
    ),
    "no value": ((*CELLS, "-o", "o.h5ad", "--set", "epochs"), "--set: NAME=VALUE is due, as in epochs=20"),
}


@pytest.mark.parametrize("case", MISUSED)
def test_a_wrong_command_line_ends_in_two(case: str, run: Run) -> None:
    arguments, message = MISUSED[case]
    assert message in _words(run("integrate", *arguments, code=2).stderr)
