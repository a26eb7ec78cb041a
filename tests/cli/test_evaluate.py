"""``topocraft evaluate``: the table of the call, on the screen and in files."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData
from typer.testing import Result

import topocraft
from topocraft import evaluation

Run = Callable[..., Result]
SCORED = ("scored.h5ad", "-b", "batch", "--unintegrated", "X_before")
LABELLED = (*SCORED, "--label-key", "celltype")
PNG = b"\x89PNG"


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
