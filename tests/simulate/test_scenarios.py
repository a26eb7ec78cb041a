"""The scenarios: the paper's parameters and rules to the cell, and what the others promise."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from topocraft.errors import ConfigError
from topocraft.simulate.population import largest_population
from topocraft.simulate.registry import PAPER, SCENARIOS
from topocraft.simulate.scenarios import plan_scenario, simulate_scenario

SMALL = {"n_cells": 700, "n_genes": 60}


def _table(name: str, **size: int) -> np.ndarray:
    params, cells = plan_scenario(name, seed=1, **size)
    table = np.zeros((params.n_batches, params.n_groups), dtype=int)
    np.add.at(table, (cells.batch, cells.group), 1)
    return table


def test_the_ten_are_those_of_the_paper() -> None:
    assert list(PAPER) == [
        *("baseline", "batch1-0.5", "batch1-0.25", "batch1-0.125", "common-5", "common-3", "common-1"),
        *("rare1-0.5", "rare1-0.2", "rare1-0.1"),
    ]


@pytest.mark.parametrize("name", PAPER)
def test_the_ten_have_the_parameters_of_the_paper(name: str) -> None:
    values = plan_scenario(name)[0].to_dict()
    published = {
        "n_genes": 10_000,
        "batch_cells": [2000, 2000],
        "mean_shape": 0.34,
        "mean_rate": 7.68,
        "lib_loc": 7.64,
        "lib_scale": 0.78,
        "out_prob": 0.00286,
        "out_fac_loc": 6.15,
        "out_fac_scale": 0.49,
        "bcv_common": 0.448,
        "bcv_df": 22.087,
        "batch_fac_loc": [0.10, 0.15],
        "batch_fac_scale": [0.50, 1.0],
        "group_prob": [1 / 7] * 7,
        "de_prob": [0.10, 0.12, 0.08, 0.20, 0.12, 0.10, 0.16],
        "de_down_prob": [0.5] * 7,
        "de_fac_loc": [0.10, 0.08, 0.12, 0.18, 0.06, 0.20, 0.14],
        "de_fac_scale": [1.0] * 7,
        "dropout_type": "experiment",
        "dropout_mid": [0.0],
        "dropout_shape": [-1.0],
    }
    assert {key: values[key] for key in published} == published


@pytest.mark.parametrize("share", [0.5, 0.25, 0.125])
def test_batch_1_keeps_its_share(share: float) -> None:
    baseline, shrunk = _table("baseline"), _table(f"batch1-{share:g}")
    assert baseline.sum(axis=1).tolist() == [2000, 2000]
    assert shrunk.sum(axis=1).tolist() == [2000 * share, 2000]
    assert (shrunk[1] == baseline[1]).all()


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_group_1_keeps_its_share_in_each_batch(share: float) -> None:
    baseline, rare = _table("baseline"), _table(f"rare1-{share:g}")
    assert rare[:, 0].tolist() == [round(share * size) for size in baseline[:, 0]]
    assert (rare[:, 1:] == baseline[:, 1:]).all()


@pytest.mark.parametrize(("shared", "own", "others"), [(5, [5], [6]), (3, [3, 4], [5, 6]), (1, [1, 2, 3], [4, 5, 6])])
def test_the_rest_of_the_types_is_split_between_the_batches(shared: int, own: list[int], others: list[int]) -> None:
    expected = _table("baseline")
    expected[0, others] = 0
    expected[1, own] = 0
    assert (_table(f"common-{shared}") == expected).all()


def test_more_batches_take_the_effects_in_turn_and_share_out_the_types() -> None:
    params, _ = plan_scenario("common-3", n_batches=4)
    assert params.vector("batch_fac_scale") == (0.5, 1.0, 0.5, 1.0)
    table = _table("common-3", n_batches=4)
    assert [np.flatnonzero(row > 0).tolist() for row in table] == [[0, 1, 2, own] for own in (3, 4, 5, 6)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_made_and_names_itself(name: str) -> None:
    n_cells = 4000 if name == "many" else 700
    adata = simulate_scenario(name, n_cells=n_cells, n_genes=60, seed=1)
    assert adata.uns["splat"]["scenario"] == name
    assert json.loads(adata.uns["splat"]["parameters"])["n_genes"] == adata.n_vars == 60
    assert adata.obs_names.is_unique
    assert adata.X.dtype == np.float32
    assert (adata.X.data >= 1).all()


def test_scenarios_of_one_seed_share_genes_and_cells() -> None:
    baseline, common = (simulate_scenario(name, **SMALL, seed=3) for name in ("baseline", "common-1"))
    pd.testing.assert_frame_equal(baseline.var, common.var)
    pd.testing.assert_frame_equal(baseline.obs.loc[common.obs_names], common.obs)


def test_null_batches_do_not_differ() -> None:
    var = simulate_scenario("null", **SMALL).var
    assert (var[["BatchFacBatch1", "BatchFacBatch2"]] == 1).all(axis=None)


def test_donors_lie_within_technologies_that_differ_more() -> None:
    adata = simulate_scenario("nested", n_cells=600, n_genes=2000)
    assert adata.obs.groupby("batch", observed=True)["technology"].nunique().max() == 1
    assert adata.obs.groupby("technology", observed=True)["batch"].nunique().tolist() == [3, 3]
    donors, technologies = (np.log(adata.var.filter(like=name)).std().mean() for name in ("BatchFac", "TechFac"))
    assert donors == pytest.approx(0.2, rel=0.05)
    assert technologies > 3 * donors


def test_a_condition_is_a_batch_and_changes_three_types() -> None:
    adata = simulate_scenario("confounded", n_cells=6000, n_genes=60, seed=2)
    assert (pd.crosstab(adata.obs["batch"], adata.obs["condition"]) > 0).sum(axis=1).tolist() == [1, 1]
    for group in range(1, 8):
        factors = adata.var.get(f"ConditionFacGroup{group}", pd.Series(1.0, adata.var_names))
        assert (factors != 1).any() == (group <= 3)
        cells = adata[(adata.obs["celltype"] == f"Group{group}") & (adata.obs["condition"] == "stimulated")]
        raw = adata.var["GeneMean"] * adata.var["BatchFacBatch2"] * adata.var[f"DEFacGroup{group}"] * factors
        seen = np.asarray(cells.X.sum(axis=0)).ravel()
        strong = np.argsort(-raw.to_numpy())[:10]
        assert np.corrcoef(np.log(raw.iloc[strong]), np.log(seen[strong]))[0, 1] > 0.95


def test_species_share_part_of_their_genes() -> None:
    adata = simulate_scenario("species", n_cells=1000, n_genes=200, seed=1)
    assert adata.var["shared"].sum() == 140
    for species in ("Species1", "Species2"):
        unmeasured = (adata.var[f"Measured{species}"] == 0).to_numpy()
        assert unmeasured.sum() == 30
        assert adata[adata.obs["species"] == species].X[:, unmeasured].nnz == 0


def test_many_batches_have_shares_of_their_own() -> None:
    table = _table("many")
    assert table.shape == (200, 7)
    assert set(table.sum(axis=1)) == {100}
    # A uniform distribution over all shares gives each a standard deviation of √(6/(49 · 8)) = 0.124.
    assert (table / 100).std(axis=0).mean() == pytest.approx(np.sqrt(6 / 392 + 1 / 7 * 6 / 7 / 100), rel=0.1)


@pytest.mark.parametrize(
    ("name", "size", "match"),
    [
        ("comon-3", {}, r"There is no scenario 'comon-3'. Did you mean 'common-3'\?"),
        ("baseline", {"n_cells": -4}, "n_cells must be a whole number between 1 and 100,000,000; got -4"),
        (
            "baseline",
            {"n_cells": 10**20},
            "n_cells must be a whole number between 1 and 100,000,000; got 1000000000000",
        ),
        ("baseline", {"n_genes": 10**400}, "n_genes must be a whole number between 1 and 100,000,000; got 1000"),
        ("baseline", {"n_cells": 30}, "n_cells must be at least 20 for each of 2 batches; got 30"),
        ("baseline", {"n_genes": 10}, "n_genes must be at least 50; got 10"),
        ("baseline", {"n_batches": 1}, "n_batches of 'baseline' must be between 2 and 10,000; got 1"),
        ("common-5", {"n_batches": 3}, "n_batches of 'common-5' must be 2; got 3"),
        ("nested", {"n_batches": 5}, "n_batches of 'nested' must be between 4 and 10,000, a multiple of 2; got 5"),
        ("null", {"seed": -1}, "seed must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, size: dict[str, int], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        simulate_scenario(name, **size)


def test_the_largest_population_is_one_type_of_one_batch() -> None:
    counts = np.arange(6)[:, None]
    batch = np.array(["a", "a", "b", "b", "b", None], dtype=object)
    labels = np.array(["T", "B", "T", "T", None, "T"], dtype=object)
    assert largest_population(counts, batch, labels).toarray().ravel().tolist() == [2, 3]
    assert largest_population(counts).shape == (6, 1)
