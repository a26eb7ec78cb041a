"""The ten settings hold the batches, types and numbers that the paper asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from topocraft.errors import ConfigError, InputError
from topocraft.simulate.copula import CopulaModel
from topocraft.simulate.copula_settings import COPULA_SETTINGS, choose_types, copula_scenario, scenario_sizes

TYPES = tuple("ABCDEFGH")


@pytest.fixture(scope="module")
def model() -> CopulaModel:
    """Batches x and z share all eight types; in y are two. Sizes fall from B to H, and A is the smallest."""
    seen = np.array([[1, 80, 70, 60, 50, 40, 30, 20], [500, 500, 0, 0, 0, 0, 0, 0], [1, 8, 7, 6, 5, 4, 3, 2]])
    rng = np.random.default_rng(0)
    return CopulaModel(
        batches=("x", "y", "z"),
        types=TYPES,
        n_observed=seen,
        type_mean=rng.gamma(1.0, 1.0, (8, 20)),
        batch_factor=np.ones((3, 20)),
        dispersion=np.full(20, 0.5),
        correlated=np.arange(0),
        loadings=np.zeros((0, 0)),
    )


def test_the_seven_largest_types_of_the_two_batches_that_share_most_are_taken(model: CopulaModel) -> None:
    assert choose_types(model) == (("x", "z"), tuple("BCDEFGH"))


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("baseline", [200] * 7, [200] * 7),
        ("batch1-0.5", [100] * 7, [200] * 7),
        ("batch1-0.25", [50] * 7, [200] * 7),
        ("batch1-0.125", [25] * 7, [200] * 7),
        ("common-5", [200] * 6 + [0], [200] * 5 + [0, 200]),
        ("common-3", [200] * 5 + [0] * 2, [200] * 3 + [0] * 2 + [200] * 2),
        ("common-1", [200] * 4 + [0] * 3, [200] + [0] * 3 + [200] * 3),
        ("rare1-0.5", [100] + [200] * 6, [100] + [200] * 6),
        ("rare1-0.2", [40] + [200] * 6, [40] + [200] * 6),
        ("rare1-0.1", [20] + [200] * 6, [20] + [200] * 6),
    ],
)
def test_sizes_are_those_of_the_paper(model: CopulaModel, name: str, first: list[int], second: list[int]) -> None:
    sizes = scenario_sizes(model, name, 2800)
    assert [sizes.get(("x", label), 0) for label in "BCDEFGH"] == first
    assert [sizes.get(("z", label), 0) for label in "BCDEFGH"] == second
    assert sum(sizes.values()) == sum(first + second)


def test_every_scenario_has_a_row_above() -> None:
    marks = test_sizes_are_those_of_the_paper.pytestmark  # type: ignore[attr-defined]
    assert tuple(row[0] for row in marks[0].args[1]) == COPULA_SETTINGS


def test_cells_that_do_not_divide_evenly_are_all_there(model: CopulaModel) -> None:
    sizes = scenario_sizes(model, "baseline", 4000)
    assert sum(sizes.values()) == 4000
    assert set(sizes.values()) == {285, 286}


def test_the_cells_carry_their_truth(model: CopulaModel) -> None:
    adata = copula_scenario(model, "common-3", n_cells=140, seed=3)
    assert adata.obs.value_counts(["batch", "celltype"]).to_dict() == scenario_sizes(model, "common-3", 140)
    assert '"scenario": "common-3", "seed": 3' in adata.uns["copula"]
    assert (adata.X != copula_scenario(model, "common-3", n_cells=140, seed=3).X).nnz == 0


def test_fewer_types_than_seven_are_all_taken(model: CopulaModel) -> None:
    few = replace(model, n_observed=model.n_observed * (np.arange(8) < 4))
    assert choose_types(few)[1] == tuple("BCDA")
    assert len(scenario_sizes(few, "common-3", 80)) == 7
    with pytest.raises(ConfigError, match="common-5 needs more than 5 types in two batches; the fitted cells have 4"):
        scenario_sizes(few, "common-5", 80)


def test_what_cannot_be_simulated_is_refused(model: CopulaModel) -> None:
    with pytest.raises(ConfigError, match=r"got 'common3'\.+ Did you mean 'common-3'\?"):
        copula_scenario(model, "common3")
    with pytest.raises(ConfigError, match="n_cells must be at least 28 for 7 types; got 20"):
        copula_scenario(model, "baseline", n_cells=20)
    with pytest.raises(ConfigError, match="n_cells must be a whole number between 1 and 100,000,000; got 1000000000"):
        copula_scenario(model, "baseline", n_cells=10**20)
    apart = replace(model, n_observed=np.eye(3, 8, dtype=int))
    with pytest.raises(InputError, match="two batches that share at least two types"):
        copula_scenario(apart, "baseline")
    with pytest.raises(InputError, match="two batches that share at least two types"):
        copula_scenario(replace(model, batches=("x",), n_observed=model.n_observed[:1]), "baseline")
