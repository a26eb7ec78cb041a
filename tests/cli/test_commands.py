"""The command from end to end: the numbers of the call, every option, and nothing said that was not asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
from anndata import AnnData
from typer.testing import Result

from topocraft import IntegrationConfig, Integrator
from topocraft import integrate as integrate_in_python

Run = Callable[..., Result]


def test_the_command_gives_the_numbers_of_the_call(
    quickly: Run, folder: Path, cells: AnnData, quick: dict[str, Any]
) -> None:
    result = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--seed", "3")
    written, called = anndata.read_h5ad(folder / "out.h5ad"), cells.copy()
    integrate_in_python(called, "batch", config=IntegrationConfig(seed=3, threads=1).with_values(**quick))
    assert (written.obsm["X_topocraft"] == called.obsm["X_topocraft"]).all()
    assert (written.obs["topocraft_low"].astype(str) == called.obs["topocraft_low"].astype(str)).all()
    assert (written.X != cells.X).nnz == 0
    assert written.obs_names.equals(cells.obs_names)
    assert "240 cells × 200 genes, 3 batches, counts; 0 cells set aside" in result.stdout
    assert "Written: out.h5ad" in result.stdout
    assert result.stdout.splitlines()[-2:] == [
        '  adata = anndata.read_h5ad("out.h5ad")',
        '  scanpy.pp.neighbors(adata, use_rep="X_topocraft"); scanpy.tl.umap(adata)',
    ]
    assert [line.split()[0] for line in result.stderr.splitlines()][:3] == ["read", "prepare", "cluster"]
    assert "train 100% (2 of 2)" in result.stderr


def test_auto_is_the_best_of_several_embeddings(
    quickly: Run, folder: Path, cells: AnnData, quick: dict[str, Any]
) -> None:
    result = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--auto")
    written = anndata.read_h5ad(folder / "out.h5ad")
    config = IntegrationConfig(threads=1).with_values(coordinates="best", **quick)
    assert IntegrationConfig.from_json(written.uns["topocraft"]["config"]) == config
    integrate_in_python(cells, "batch", config=config)
    assert (written.obsm["X_topocraft"] == cells.obsm["X_topocraft"]).all()
    assert "is the embedding" in result.stderr


def test_labels_are_scored_and_never_enter_training(quickly: Run, folder: Path) -> None:
    quickly("cells.h5ad", "-b", "batch", "-o", "plain.h5ad")
    result = quickly("cells.h5ad", "-b", "batch", "-o", "scored.h5ad", "--label-key", "celltype")
    plain, scored = (anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("plain", "scored"))
    assert (plain.obsm["X_topocraft"] == scored.obsm["X_topocraft"]).all()
    assert "scores" not in plain.uns["topocraft"]
    scores = scored.uns["topocraft"]["scores"]
    assert scores["label_key"] == "celltype"
    assert scores["type"].tolist()[0] == "common 1"
    assert np.isfinite(scores["kept_after"]).all()
    for told in ("celltype", "kept", "mixed", "one batch", "ARI", "NMI"):
        assert told in result.stdout


def test_several_files_are_batches_joined_by_their_genes(quickly: Run, folder: Path) -> None:
    one = anndata.read_h5ad(folder / "large.h5ad")
    one[:, 20:].write_h5ad(folder / "large.h5ad")
    result = quickly("large.h5ad", "medium.h5ad", "-o", "out.h5ad")
    written = anndata.read_h5ad(folder / "out.h5ad")
    assert written.uns["topocraft"]["batches"].tolist() == ["large", "medium"]
    assert written.n_vars == 200
    assert not set(written.uns["topocraft"]["genes"]) & set(written.var_names[~written.var["in_every_file"]])
    assert "180 of 200 genes are in every file" in result.stderr
    quickly("large.h5ad", "medium.h5ad", "-b", "batch", "-b", "file", "-o", "both.h5ad")
    both = anndata.read_h5ad(folder / "both.h5ad")
    assert both.uns["topocraft"]["batches"].tolist() == ["large|large", "medium|medium"]


def test_a_gene_mask_of_several_files_is_kept_to_shared_genes(quickly: Run, folder: Path) -> None:
    for name in ("large", "medium"):
        adata = anndata.read_h5ad(folder / f"{name}.h5ad")
        adata.var["mine"] = np.arange(200) < 100
        adata[:, 20 * (name == "large") :].write_h5ad(folder / f"{name}.h5ad")
    quickly("large.h5ad", "medium.h5ad", "--gene-mask", "mine", "-o", "out.h5ad")
    written = anndata.read_h5ad(folder / "out.h5ad")
    seen = written.var_names[np.asarray((written.X > 0).sum(axis=0)).ravel() >= 5]
    expected = {f"Gene{number}" for number in range(21, 101)} & set(seen)
    assert len(expected) > 60
    assert set(written.uns["topocraft"]["genes"]) == expected


def test_every_option_reaches_the_configuration(
    run: Run, folder: Path, quick: dict[str, Any], quickly_set: list[str]
) -> None:
    (folder / "config.json").write_text(json.dumps({"training": {"epochs": 9}, "seed": 5, "threads": 2}))
    options = """
        --layer counts --config config.json --epochs 3 --threads 1 --input-kind counts --min-genes 1 --min-cells 2
        --n-top-genes 90 --low-resolution 0.4 --high-resolution 3 --set-aside nan --device cpu
        --set head=per_gene --set embedding.n_components=4 --set triplets_per_cluster=null
        --labels-low celltype --labels-high celltype --save-model model --make-unique
    """
    run("integrate", "cells.h5ad", "-b", "batch", "-o", "out.h5ad", *quickly_set, *options.split())
    written = anndata.read_h5ad(folder / "out.h5ad")
    config = IntegrationConfig.from_json(written.uns["topocraft"]["config"])
    expected = IntegrationConfig(seed=5, threads=1, device="cpu").with_values(
        **quick
        | {"epochs": 3, "input_kind": "counts", "min_genes": 1, "min_cells": 2, "n_top_genes": 90}
        | {"low_resolution": 0.4, "high_resolution": 3.0, "set_aside": "nan", "head": "per_gene"}
        | {"triplets_per_cluster": None}
    )
    expected = IntegrationConfig.from_dict(expected.to_dict() | {"embedding": {"n_components": 4, "set_aside": "nan"}})
    assert config == expected
    assert set(written.obs["topocraft_low"].cat.categories) == set(written.obs["celltype"].cat.categories)
    assert written.obsm["X_topocraft"].shape == (240, 50)
    assert Integrator.load(folder / "model").config == expected


def test_quiet_is_silent_and_errors_are_not(quickly: Run, folder: Path) -> None:
    result = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--label-key", "celltype", "--quiet")
    assert result.output == ""
    assert (folder / "out.h5ad").is_file()
    result = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--quiet", code=1)
    assert result.stderr.startswith("Error: Output must not exist yet; 'out.h5ad' does.")


def test_a_dry_run_tells_and_writes_nothing(quickly: Run, folder: Path) -> None:
    before = sorted(folder.iterdir())
    result = quickly("cells.h5ad", "-b", "batch", "--dry-run", "--save-model", "model")
    assert sorted(folder.iterdir()) == before
    for told in ("240, of which 0 set aside", "3: large", "2 × 2 = 4 steps of 96 cells", "an estimate"):
        assert told in result.stdout
    assert "train" not in result.stderr


def test_a_dry_run_says_what_a_run_would_need(quickly: Run, folder: Path) -> None:
    (folder / "out.h5ad").write_text("of before")
    arguments = ("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--dry-run")
    told = quickly(*arguments).stdout
    assert "240, of which 0 set aside" in told
    assert told.endswith("There already: 'out.h5ad'. A run needs --force to replace that.\n")
    assert "There already" not in quickly(*arguments, "--force").stdout
    assert (folder / "out.h5ad").read_text() == "of before"
    assert "must end in .h5ad or .zarr" in quickly(*arguments[:-2], "out.csv", "--dry-run", code=1).stderr


def test_force_replaces_results_and_nothing_else(quickly: Run, folder: Path) -> None:
    arguments = ("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--save-model", "model")
    quickly(*arguments)
    assert "'out.h5ad' does" in quickly(*arguments, code=1).stderr
    quickly(*arguments, "--force")
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("all my work")
    refused = quickly(*arguments[:-1], "mine", "--force", code=1)
    assert "Only a folder with model.json is replaced; 'mine' holds 'thesis.tex'" in refused.stderr
    assert (folder / "mine" / "thesis.tex").read_text() == "all my work"


@pytest.mark.parametrize("policy", ["embed", "nan", "drop"])
def test_cells_set_aside_are_told_and_scored_where_they_can_be(
    policy: str, quickly: Run, folder: Path, cells: AnnData
) -> None:
    poor = int((np.asarray((cells.X > 0).sum(axis=1)) < 95).sum())
    arguments = ("--min-genes", "95", "--set-aside", policy, "--label-key", "celltype", "-o", "out.h5ad")
    result = quickly("cells.h5ad", "-b", "batch", *arguments)
    written = anndata.read_h5ad(folder / "out.h5ad")
    assert written.n_obs == 240 - poor * (policy == "drop")
    assert written.uns["topocraft"]["scores"]["n_unscored"] == poor * (policy == "nan")
    assert f"{poor} of 240 cells have too few detected genes" in result.stderr
    assert f"{poor} cells set aside" in result.stdout


def test_scores_that_cannot_be_do_not_cost_the_result(quickly: Run, folder: Path, cells: AnnData) -> None:
    poor = np.asarray((cells.X > 0).sum(axis=1)).ravel() < 95
    copy = cells.copy()
    copy.obs["kind"] = np.where(poor, "poor", None)
    copy.write_h5ad(folder / "poor.h5ad")
    arguments = ("--min-genes", "95", "--set-aside", "nan", "--label-key", "kind", "-o", "out.h5ad")
    result = quickly("poor.h5ad", "-b", "batch", *arguments)
    assert "There are no scores. label_key 'kind' must label at least one cell that has an embedding" in result.stderr
    assert "scores" not in anndata.read_h5ad(folder / "out.h5ad").uns["topocraft"]
