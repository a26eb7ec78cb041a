"""What the command writes where: checkpoints asked for and not, and a training that had to be stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from spoiled import spoil
from typer.testing import Result

from topocraft import Integrator
from topocraft.data.cells import from_anndata
from topocraft.data.places import MODEL

Run = Callable[..., Result]
ARGUMENTS = ("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--epochs", "4")


def test_the_last_good_model_is_kept_beside_the_output(
    quickly: Run, folder: Path, cells: AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, first=5)
    result = quickly(*ARGUMENTS, code=1)
    assert "Note: A step of epoch 3 was undone, as its loss (cosine) was not finite." in result.stderr
    assert "The model as it was before is in 'out.h5ad.last_good_model'." in result.stderr
    assert not (folder / "out.h5ad").exists()
    assert np.isfinite(Integrator.load(folder / "out.h5ad.last_good_model").embed(from_anndata(cells, "batch"))).all()


def test_with_checkpoints_it_is_kept_among_them(quickly: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, first=5)
    result = quickly(*ARGUMENTS, "--checkpoint-every", "0", code=1)
    assert "before is in 'out.h5ad.checkpoint/last_good_model'." in result.stderr
    assert not (folder / "out.h5ad.last_good_model").exists()
    assert Integrator.load(folder / "out.h5ad.checkpoint" / "last_good_model").history_["cosine"]


def test_checkpoints_are_kept_if_asked(quickly: Run, folder: Path) -> None:
    quickly(*ARGUMENTS, "--checkpoint-every", "5", "--keep-checkpoint")
    kept = {item.name for item in (folder / "out.h5ad.checkpoint").iterdir()}
    assert kept == {"checkpoint.json", "ending", "state-4.safetensors"}
    (folder / "out.h5ad").unlink()
    result = quickly(*ARGUMENTS, "--resume")
    assert "Going on after epoch 4, from the checkpoint in 'out.h5ad.checkpoint'." in result.stderr
    assert not (folder / "out.h5ad.checkpoint").exists()


@pytest.mark.parametrize("minutes", ["-1", "nan"])
def test_minutes_are_checked_before_anything(quickly: Run, folder: Path, minutes: str) -> None:
    result = quickly(*ARGUMENTS, "--checkpoint-every", minutes, code=1)
    assert result.stderr.startswith("Error: Checkpoints.minutes must be a number of at least 0")


def test_to_resume_where_there_is_nothing_begins(quickly: Run, folder: Path) -> None:
    result = quickly(*ARGUMENTS, "--resume")
    assert "There is no checkpoint in 'out.h5ad.checkpoint' yet: training begins at its beginning." in result.stderr
    assert {item.name for item in folder.iterdir()} == {"cells.h5ad", "large.h5ad", "medium.h5ad", "out.h5ad"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("-o", "m/out.h5ad", "--save-model", "m"),
            "--output 'm/out.h5ad' lies in --save-model 'm', which",
        ),
        (("-o", "out.h5ad", "--save-model", "m"), "'m/cells.h5ad' lies in --save-model 'm', which is replaced"),
        (("-o", "x.h5ad", "--save-model", "x.h5ad"), "--output and --save-model are both 'x.h5ad'. Name another path"),
        (
            ("-o", "o.h5ad", "--save-model", "x.html", "--report", "./x.html"),
            "--save-model and --report are both",
        ),
        (("-o", "o.zarr", "--report", "o.zarr/page.html"), "--report 'o.zarr/page.html' lies in --output 'o.zarr'"),
        (
            ("-o", "o.h5ad", "--save-model", "o.h5ad.checkpoint", "--checkpoint-every", "0"),
            "--save-model and the folder of checkpoints are both 'o.h5ad.checkpoint'",
        ),
    ],
)
@pytest.mark.parametrize("further", [("--force",), ("--force", "--dry-run")])
def test_outputs_in_each_others_way_are_told_before_any_work(
    quickly: Run, folder: Path, options: tuple[str, ...], message: str, further: tuple[str, ...]
) -> None:
    (folder / "m").mkdir()
    (folder / "m" / "model.json").write_text("{}")
    (folder / "cells.h5ad").rename(folder / "m" / "cells.h5ad")
    before = sorted(folder.rglob("*"))
    result = quickly("m/cells.h5ad", "-b", "batch", *options, *further, code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_a_saved_model_holds_what_is_known_of_it(quickly: Run, folder: Path) -> None:
    """Else the next one could not replace it."""
    quickly(*ARGUMENTS, "--save-model", "model")
    assert {item.name for item in (folder / "model").iterdir()} == MODEL.files
    (folder / "model" / "notes.txt").write_text("mine")
    refused = quickly(*ARGUMENTS, "--save-model", "model", "--force", code=1)
    assert "nothing but a saved model is replaced; 'model' holds 'notes.txt' besides" in refused.stderr
    assert (folder / "model" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("option", ["-o", "--save-model", "--report"])
def test_names_that_are_too_long_are_told_before_any_work(quickly: Run, folder: Path, option: str) -> None:
    name = "a" * 246 + {"-o": ".h5ad", "--report": ".html"}.get(option, "")
    result = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", option, name, code=1)
    assert result.stderr.startswith("Error: Output '" + "a" * 200)
    assert "File name too long. Shorten it" in result.stderr
    assert result.stderr.count("\n") == 1
