"""``topocraft simulate``: the file, the table, the list, and what is refused before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
from anndata import AnnData
from typer.testing import Result

from topocraft.simulate.registry import SCENARIOS
from topocraft.simulate.scenarios import simulate_scenario

Run = Callable[..., Result]
COPULA = ("--model", "copula", "--like", "cells.h5ad", "-b", "batch", "--label-key", "celltype")
SMALL = ("--cells", "210", "--genes", "80")


def test_the_file_holds_the_cells_of_the_call_and_the_table_counts_them(run: Run, folder: Path) -> None:
    result = run("simulate", "common-3", *SMALL, "--seed", "1", "-o", "sim.h5ad")
    written = anndata.read_h5ad(folder / "sim.h5ad")
    called = simulate_scenario("common-3", n_cells=210, n_genes=80, seed=1)
    assert (written.X != called.X).nnz == 0
    assert written.obs["celltype"].tolist() == called.obs["celltype"].tolist()
    assert written.uns["splat"]["scenario"] == "common-3"
    sizes = called.obs.groupby(["batch", "celltype"], observed=False).size().unstack().loc["Batch1"]
    row = next(line.split() for line in result.stdout.splitlines() if line.strip().startswith("Batch1"))
    assert row == ["Batch1", *(str(size) for size in (*sizes, sizes.sum()))]
    assert f"{called.n_obs} cells × 80 genes" in result.stdout
    assert "Written: sim.h5ad" in result.stdout
    assert "topocraft integrate sim.h5ad -b batch --label-key celltype" in result.stdout
    assert "simulate 100%" in result.stderr


def test_the_list_explains_every_scenario_and_writes_nothing(run: Run, folder: Path) -> None:
    before = sorted(folder.iterdir())
    shown = run("simulate", "--list").stdout
    assert all(name in shown for name in SCENARIOS)
    assert "nothing to correct" in " ".join(shown.split())
    assert sorted(folder.iterdir()) == before


def test_quiet_says_nothing(run: Run) -> None:
    result = run("simulate", "null", *SMALL, "-o", "sim.h5ad", "--quiet")
    assert result.output == ""


def test_many_batches_are_summed_up(run: Run) -> None:
    shown = run("simulate", "many", "--cells", "400", "--genes", "50", "--batches", "20", "-o", "sim.zarr").stdout
    assert "8 more" in shown
    assert "Batch12" in shown
    assert "Batch13" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("comon-3", "-o", "sim.h5ad"), 1, "Did you mean 'common-3'?"),
        (("baseline", "-o", "cells.h5ad"), 1, "must not exist yet"),
        (("baseline", "-o", "sim.csv"), 1, "must end in .h5ad or .zarr"),
        (("baseline", "-o", "nowhere/sim.h5ad"), 1, "The output's folder must exist"),
        (("baseline", "--like", "cells.h5ad", "-o", "cells.h5ad", "--force"), 1, "must not be an input"),
        (
            ("baseline", "--cells", "-5", "-o", "sim.h5ad"),
            1,
            "n_cells must be a whole number between 1 and 100,000,000",
        ),
        (("common-5", "--batches", "4", "-o", "sim.h5ad"), 1, "n_batches of 'common-5' must be 2; got 4"),
        (("baseline", "--seed", "-1", "-o", "sim.h5ad"), 1, "seed must be a whole number"),
        (("baseline", "--threads", "0", "-o", "sim.h5ad"), 1, "threads must be at least 1"),
        (("baseline", "--like", "cells.h5ad", "--layer", "count", "-o", "sim.h5ad"), 1, "Did you mean 'counts'?"),
        (("baseline",), 2, "a file to write is due"),
        (("-o", "sim.h5ad"), 2, "a scenario is due"),
        (("baseline", "--model", "copula", "-o", "sim.h5ad"), 2, "name their file"),
        (("baseline", "--model", "copula", "--like", "cells.h5ad", "-o", "sim.h5ad"), 2, "needs both columns"),
        (
            ("baseline", *COPULA, "--genes", "50", "-o", "sim.h5ad"),
            2,
            "the copula has the genes of its data",
        ),
        (("null", *COPULA, "-o", "sim.h5ad"), 1, "baseline"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    run: Run, folder: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    before = sorted(folder.iterdir())
    result = run("simulate", *arguments, code=code)
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert sorted(folder.iterdir()) == before


def test_force_replaces(run: Run, folder: Path) -> None:
    run("simulate", "baseline", *SMALL, "-o", "cells.h5ad", "--force")
    assert "splat" in anndata.read_h5ad(folder / "cells.h5ad").uns


def test_genes_may_be_like_those_of_a_file(run: Run, folder: Path) -> None:
    run("simulate", "rare1-0.5", "--cells", "210", "--like", "cells.h5ad", "-b", "batch", "-o", "sim.h5ad")
    written = anndata.read_h5ad(folder / "sim.h5ad")
    original = anndata.read_h5ad(folder / "cells.h5ad")
    assert written.n_vars == original.n_vars
    totals = [np.median(np.asarray(adata.X.sum(axis=1))) for adata in (written, original)]
    assert totals[0] == pytest.approx(totals[1], rel=0.25)


def test_the_copula_is_fitted_to_a_file(run: Run, folder: Path, cells: AnnData) -> None:
    run("simulate", "baseline", "--cells", "140", *COPULA, "-o", "sim.h5ad")
    written = anndata.read_h5ad(folder / "sim.h5ad")
    assert written.n_obs == 140
    assert written.var_names.equals(cells.var_names)
    assert written.obs["batch"].nunique() == 2
    assert set(written.obs["batch"]) < set(cells.obs["batch"])
    assert set(written.obs["celltype"]) <= set(cells.obs["celltype"])
