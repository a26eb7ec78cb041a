"""Recipes are data that hold together: names, sizes and words agree with the package and with the paper."""

from __future__ import annotations

import re

import pytest

from topocraft.config import IntegrationConfig
from topocraft.data.datasets import PUBLISHED
from topocraft.errors import ConfigError
from topocraft.reproduce import RECIPES, find_recipe
from topocraft.reproduce.recipes import LAMBDA_D, LAMBDA_T, NINE, SETTINGS, SIZES
from topocraft.reproduce.shown import RESULTS
from topocraft.reproduce.sources import OF_SPECIES, Copula, Real, Simulated
from topocraft.simulate.copula_settings import COPULA_SETTINGS
from topocraft.simulate.registry import PAPER, SCENARIOS

ASKED = (
    "fig2-simulated",
    "scdesign3",
    "fig2-real",
    "rare-types",
    "nested",
    "cross-species",
    "scalability",
    "ablation",
    "sweeps",
)
NUMBERS = {"one": 1, "two": 2, "three": 3, "ten": 10}


def test_every_result_of_the_paper_has_a_recipe() -> None:
    assert tuple(RECIPES) == ASKED
    with pytest.raises(
        ConfigError, match=r"name .* 'sweeps'; there is no recipe 'ablaton'\. Did you mean 'ablation'\?"
    ):
        find_recipe("ablaton")


def test_the_settings_and_sets_are_those_of_the_paper() -> None:
    assert tuple(PAPER) == SETTINGS == COPULA_SETTINGS
    assert tuple(PUBLISHED) == NINE
    assert (len(SIZES), min(SIZES), max(SIZES)) == (7, 20_000, 300_000)
    assert (min(LAMBDA_D), 0.7 in LAMBDA_D, min(LAMBDA_T), max(LAMBDA_T)) == (0, True, 0, 5)


@pytest.mark.parametrize("name", ASKED)
def test_sources_exist_and_have_names_of_their_own(name: str) -> None:
    recipe = RECIPES[name]
    for size in (recipe.full, recipe.smaller):
        names = [source.name for source in size.sources]
        assert len(set(names)) == len(names)
        for source in size.sources:
            if isinstance(source, Simulated):
                assert source.scenario in SCENARIOS
            elif isinstance(source, Copula):
                assert source.setting in COPULA_SETTINGS
            elif size is recipe.full and isinstance(source, Real):
                assert source.dataset_name in PUBLISHED
    every = {source.name for size in (recipe.full, recipe.smaller) for source in size.sources}
    assert set(recipe.umaps) <= every


@pytest.mark.parametrize("name", ASKED)
def test_seeds_are_counted_and_not_written_into_the_words(name: str) -> None:
    for size in (RECIPES[name].full, RECIPES[name].smaller):
        assert "seed" not in size.words
        assert size.told().startswith(f"{size.words}, ")
        assert re.search(r"(\w+) seeds?$", size.told(12))[1] == "12"  # type: ignore[index]
        assert NUMBERS[re.search(r"(\w+) seeds?$", size.told())[1]] == size.seeds  # type: ignore[index]


@pytest.mark.parametrize("name", ASKED)
def test_variants_are_settings_that_the_configuration_knows(name: str) -> None:
    variants = RECIPES[name].variants
    assert len({variant.name for variant in variants}) == len(variants)
    for variant in variants:
        config = IntegrationConfig().with_values(**variant.settings)
        if variant.sweep:
            field = {"λ_D": "lambda_adversary", "λ_T": "lambda_triplet"}[variant.sweep]
            assert getattr(config.training, field) == variant.value
    assert RECIPES[name].shown in RESULTS


def test_the_ablation_takes_one_part_away_at_a_time() -> None:
    settings = {variant.name: dict(variant.settings) for variant in RECIPES["ablation"].variants}
    assert settings == {"default": {}, "λ_D = 0": {"lambda_adversary": 0.0}, "λ_T = 0": {"lambda_triplet": 0.0}}


def test_sets_of_two_species_are_known_by_name_wherever_they_are_used() -> None:
    every = [source for recipe in RECIPES.values() for source in (*recipe.full.sources, *recipe.smaller.sources)]
    assert set(OF_SPECIES) <= {source.dataset_name for source in every if isinstance(source, Real)}
    crossed = [source for source in RECIPES["cross-species"].full.sources if isinstance(source, Real)]
    assert {source.dataset_name for source in crossed} <= set(OF_SPECIES)
