"""``topocraft evaluate``: the table of the call, files that are whole or absent, one message for what cannot be."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import Result

import topocraft
from topocraft import evaluation

Run = Callable[..., Result]
SCORED = ("scored.h5ad", "-b", "batch", "--unintegrated", "X_before")
LABELLED = (*SCORED, "--label-key", "celltype")
PNG = b"\x89PNG"


@pytest.fixture
def scored(folder: Path, cells: AnnData) -> AnnData:
    """Write ``scored.h5ad`` with two embeddings of known quality into the folder."""
    adata, noise = cells.copy(), np.random.default_rng(0).normal(size=(2, cells.n_obs, 4)).astype(np.float32)
    types, batch = (9.0 * np.eye(6, 4)[adata.obs[key].cat.codes] for key in ("celltype", "batch"))
    adata.obsm["X_topocraft"] = (noise[0] + types).astype(np.float32)
    adata.obsm["X_other"] = (noise[1] + batch).astype(np.float32)
    adata.obsm["X_before"] = (noise[0] + types + batch).astype(np.float32)
    adata.obs["dose"] = np.where(np.arange(adata.n_obs) % 4 > 0, np.arange(adata.n_obs) / 7.0, np.nan)
    adata.write_h5ad(folder / "scored.h5ad")
    return adata


@pytest.fixture
def evaluate(run: Run, scored: AnnData) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        return run("evaluate", *arguments, code=code)

    return call


def _words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_files_hold_the_table_of_the_call(evaluate: Run, folder: Path, scored: AnnData) -> None:
    result = evaluate(
        *LABELLED, "-e", "X_topocraft", "-e", "X_other", "--continuous", "dose", "--no-controls", "--seed", "3",
        "--json", "s.json", "--csv", "s.csv", "--mixing-map", "m.csv", "--picture", "s.png",
    )  # fmt: skip
    called = topocraft.evaluate(
        scored, "batch", "celltype", embeddings=["X_topocraft", "X_other"], unintegrated="X_before",
        continuous=["dose"], controls=False, seed=3,
    )  # fmt: skip
    assert (folder / "s.json").read_text() == evaluation.as_json(called)
    assert json.loads((folder / "s.json").read_text())["seed"] == 3
    read = pd.read_csv(folder / "s.csv", keep_default_na=False, na_values={"value": "", "spread": "", "scaled": ""})
    pd.testing.assert_frame_equal(read, called, check_dtype=False)
    mixing = pd.read_csv(folder / "m.csv", index_col="cell")
    due = evaluation.mixing_of_cells(scored, "batch", "celltype", embeddings=["X_topocraft", "X_other"])
    pd.testing.assert_frame_equal(mixing, due, check_names=False)
    assert mixing["X_topocraft"].isna().sum() == (scored.obs["celltype"] == "one batch").sum()
    assert (folder / "s.png").read_bytes().startswith(PNG)
    assert result.stdout.splitlines()[-4:] == [f"Written: {name}" for name in ("s.json", "s.csv", "m.csv", "s.png")]
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_the_table_fits_and_says_what_must_be_said(evaluate: Run, folder: Path) -> None:
    result = evaluate(*LABELLED, "--csv", "s.csv")
    table = result.stdout.partition("Note: ")[0]
    assert max(map(len, table.splitlines())) <= 80
    called = pd.read_csv(folder / "s.csv")
    values = called[called["score"] == "composite"]["value"]
    assert len(values) == 1 + len(evaluation.CONTROLS)
    assert re.search("composite +" + " +".join(f"{value:.3f}" for value in values), table)
    for told in (
        "topocraft",
        "oracle",
        "shuffled",
        "islands",
        "Bio-conservation",
        "X_topocraft by cell type",
        "common 1",
    ):
        assert told in table
    assert "Note: 1 of 6 cell types are found in one batch only" in result.stdout
    assert f"topocraft {topocraft.__version__}, score suite" in result.stdout.splitlines()[-2]
    assert [line.split()[0] for line in result.stderr.splitlines()][:3] == ["read", "prepare", "score"]
    assert "score 100%" in result.stderr


def test_without_types_there_are_fewer_scores(evaluate: Run) -> None:
    result = evaluate(*SCORED, "--no-controls")
    assert "iLISI" in result.stdout
    assert "composite" not in result.stdout
    assert "by cell type" not in result.stdout


def test_values_in_a_layer_are_read(evaluate: Run, folder: Path, scored: AnnData) -> None:
    scored.X = -scored.X
    scored.write_h5ad(folder / "scored.h5ad")
    plain = ("scored.h5ad", "-b", "batch", "--no-controls")
    error = evaluate(*plain, code=1).stderr
    assert "Values must not be negative" in error
    assert "--unintegrated" in error
    assert "PCR batch" in evaluate(*plain, "--layer", "counts").stdout


def test_quiet_says_nothing_and_writes_all_the_same(evaluate: Run, folder: Path) -> None:
    result = evaluate(*SCORED, "--no-controls", "-q", "--csv", "s.csv")
    assert result.output == ""
    assert len(pd.read_csv(io.StringIO((folder / "s.csv").read_text()))) == 4


def test_what_is_there_is_replaced_only_by_force(evaluate: Run, folder: Path) -> None:
    (folder / "s.json").write_text("mine")
    result = evaluate(*SCORED, "--no-controls", "--json", "s.json", code=1)
    assert (
        result.stderr
        == "Error: Output must not exist yet; 's.json' does. Name another, or pass --force (force=True).\n"
    )
    assert (folder / "s.json").read_text() == "mine"
    evaluate(*SCORED, "--no-controls", "--json", "s.json", "--force", "-q")
    assert json.loads((folder / "s.json").read_text())["n_cells"] == 240


def test_cells_that_were_set_aside_are_left_out(evaluate: Run, folder: Path, scored: AnnData) -> None:
    scored.obs["topocraft_set_aside"] = np.arange(scored.n_obs) < 6
    scored.obsm["X_topocraft"][:6] = np.nan
    scored.write_h5ad(folder / "scored.h5ad")
    result = evaluate(*SCORED, "--no-controls")
    assert "Note: 6 cells set aside by quality control and without coordinates are left out." in result.stdout


def test_repeated_names_are_numbered_on_demand(evaluate: Run, folder: Path, scored: AnnData) -> None:
    scored.var_names = ["gene", "gene", *scored.var_names[2:]]
    scored.write_h5ad(folder / "scored.h5ad")
    plain = ("scored.h5ad", "-b", "batch", "--no-controls")
    assert "--make-unique" in evaluate(*plain, code=1).stderr
    assert "PCR batch" in evaluate(*plain, "--make-unique").stdout


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


def test_the_file_of_cells_is_not_touched(evaluate: Run, folder: Path) -> None:
    before = (folder / "scored.h5ad").read_bytes()
    evaluate(*SCORED, "--no-controls", "-q")
    assert (folder / "scored.h5ad").read_bytes() == before
    assert anndata.read_h5ad(folder / "scored.h5ad").n_obs == 240


def test_help_has_examples(run: Run) -> None:
    text = _words(run("evaluate", "--help").stdout)
    for words in (
        "topocraft evaluate integrated.h5ad -b batch --label-key celltype",
        "-e X_topocraft -e X_harmony --json scores.json",
        "--no-controls",
        "[default: X_topocraft]",
        "--mixing-map",
    ):
        assert words in text
