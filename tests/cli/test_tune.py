"""``topocraft tune``: a configuration that ``integrate`` takes, a search that goes on, what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import Result

import topocraft
from topocraft import IntegrationConfig
from topocraft.tuning.subject import Subject

Run = Callable[..., Result]


@pytest.fixture
def tune(run: Run, quickly_set: list[str]) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        return run("tune", "cells.h5ad", "-b", "batch", "--threads", "1", *quickly_set, *arguments, code=code)

    return call


def test_the_configuration_goes_into_integrate_and_a_second_call_trains_nothing(
    tune: Run, run: Run, folder: Path, cells: AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tune("--label-key", "celltype", "--settings", "2", "-o", "runs", "--seed", "3")
    config = IntegrationConfig.from_json((folder / "runs" / "config.json").read_text())
    table = pd.read_csv(folder / "runs" / "trials.csv")
    chosen = table[table["chosen"]].iloc[0]
    assert config.seed == 3
    assert config.training.lambda_triplet == pytest.approx(chosen["lambda_triplet"])
    assert "Chosen: " in result.stdout
    assert "composite" in result.stdout
    assert "Written: runs/trials.csv" in result.stdout
    assert result.stdout.splitlines()[-1] == "Next: topocraft integrate … --config runs/config.json"
    assert "tune" in result.stderr
    run("integrate", "cells.h5ad", "-b", "batch", "--config", "runs/config.json", "-o", "out.h5ad", "-q")
    called = cells.copy()
    topocraft.integrate(called, "batch", config=config)
    written = anndata.read_h5ad(folder / "out.h5ad")
    assert json.loads(written.uns["topocraft"]["config"]) == json.loads(config.to_json())
    assert (written.obsm["X_topocraft"] == called.obsm["X_topocraft"]).all()

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("nothing is left to be trained")

    monkeypatch.setattr(Subject, "train", refuse)
    assert tune("--settings", "2", "-o", "runs", "--seed", "3", "-q").output == ""
    assert pd.read_csv(folder / "runs" / "trials.csv")["score"].equals(table["score"])


def test_ctrl_c_leaves_what_is_finished_and_the_search_goes_on(
    tune: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, calls = Subject.train, []

    def interrupted(*arguments: object, **more: object) -> object:
        calls.append(arguments)
        if len(calls) in (1, 5):
            raise KeyboardInterrupt
        return trained(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Subject, "train", interrupted)
    assert "Interrupted; nothing was written." in tune("--settings", "3", "-o", "runs", code=130).stderr
    error = tune("--settings", "3", "-o", "runs", code=130).stderr
    assert "Interrupted; written before that: 'runs/trials.csv', 'runs/pareto.png', 'runs/config.json'." in error
    left = pd.read_csv(folder / "runs" / "trials.csv")
    assert len(left) == 2
    assert "Going on; settings tried before" in tune("--settings", "3", "-o", "runs").stderr
    whole = pd.read_csv(folder / "runs" / "trials.csv")
    assert len(whole) == 3
    assert whole["short_score"][: len(left)].tolist() == left["short_score"].tolist()


def test_what_cannot_be_is_said_before_any_work(tune: Run, run: Run, folder: Path) -> None:
    assert "--output" in tune(code=2).stderr
    assert (
        "minutes (--minutes) must be a number above 0; got 0.0" in tune("--minutes", "0", "-o", "runs", code=1).stderr
    )
    assert "must be of 'scope', 'head'; got 'margin'" in tune("--also", "margin", "-o", "runs", code=1).stderr
    assert "--rule" in tune("--rule", "worst", "-o", "runs", code=2).stderr
    assert "needs a folder to stand in" in tune("-o", "no/where", code=1).stderr
    assert "there is no 'type'" in tune("--label-key", "type", "-o", "runs", code=1).stderr
    assert not (folder / "runs" / "tuning.json").exists()
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine")
    assert "begun in a new or empty folder" in tune("-o", "mine", code=1).stderr
