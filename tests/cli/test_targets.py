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
