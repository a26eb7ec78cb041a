"""The configuration: JSON and back, refusals by message, and the values of the paper."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_type_hints

import pytest

from topocraft.config import (
    EmbeddingConfig,
    IntegrationConfig,
    ModelConfig,
    PreprocessConfig,
    TopologyConfig,
    TrainingConfig,
)
from topocraft.config.checked import LARGEST
from topocraft.errors import ConfigError

SECTIONS = (PreprocessConfig, TopologyConfig, ModelConfig, TrainingConfig, EmbeddingConfig)
NUMBERS = [(kind, name) for kind in (*SECTIONS, IntegrationConfig) for name in kind.RANGES]
CHANGED = IntegrationConfig(
    preprocess=PreprocessConfig(min_genes=7, input_kind="log1p", target_sum=123.5),
    topology=TopologyConfig(scope="batch", nesting="low", method="louvain"),
    model=ModelConfig(encoder_widths=(9, 8, 7), head="per_gene"),
    training=TrainingConfig(triplets_per_cluster=None, distance="squared"),
    embedding=EmbeddingConfig(n_components=None, set_aside="drop"),
    seed=2**32 - 1,
    threads=3,
    device="cpu",
)


@pytest.mark.parametrize("config", [IntegrationConfig(), CHANGED, IntegrationConfig.published()])
def test_json_brings_the_same_configuration_back(config: IntegrationConfig) -> None:
    assert IntegrationConfig.from_json(config.to_json()) == config
    assert IntegrationConfig.from_dict(config.to_dict()) == config
    assert json.loads(config.to_json())["model"]["encoder_widths"] == list(config.model.encoder_widths)


def test_what_is_left_out_keeps_its_default() -> None:
    assert IntegrationConfig.from_json("{}") == IntegrationConfig()
    found = IntegrationConfig.from_dict({"training": {"epochs": 3}})
    assert found == IntegrationConfig(training=TrainingConfig(epochs=3))


def test_every_number_has_a_range() -> None:
    for kind in (*SECTIONS, IntegrationConfig):
        hints = get_type_hints(kind)
        numbers = {item.name for item in dataclasses.fields(kind) if hints[item.name] in (int, float, int | None)}
        assert numbers == set(kind.RANGES), kind.__name__


def test_a_range_is_no_field() -> None:
    assert "RANGES" not in json.dumps(IntegrationConfig().to_dict())
    with pytest.raises(TypeError):
        TrainingConfig(RANGES={})  # type: ignore[call-arg]


def test_a_configuration_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        IntegrationConfig().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, "1", True, [1]])
def test_what_is_no_number_in_range_is_refused(kind: Any, name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"{kind.__name__}\.{name} must be a (whole )?number of at least .*; got "):
        kind(**{name: value})


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_the_ends_of_a_range_are_allowed_and_no_more(kind: Any, name: str) -> None:
    low, high = kind.RANGES[name]
    assert getattr(kind(**{name: low}), name) == low
    with pytest.raises(ConfigError, match=f"at least {low:g}"):
        kind(**{name: low - 1})
    if high < LARGEST:
        assert getattr(kind(**{name: type(low)(high)}), name) == high
        with pytest.raises(ConfigError, match="and at most"):
            kind(**{name: type(low)(high + 1)})


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            PreprocessConfig,
            {"min_cells": 2.5},
            r"min_cells must be a whole number of at least 0 and at most 1,000,000,000; got 2\.5\.",
        ),
        (PreprocessConfig, {"input_kind": "tpm"}, r"input_kind must be 'auto' or 'counts' or 'log1p'; got 'tpm'\."),
        (TopologyConfig, {"scope": None}, "scope must be 'global' or 'batch'; got None"),
        (ModelConfig, {"head": "square"}, "head must be 'trunk' or 'published' or 'per_gene'; got 'square'"),
        (
            ModelConfig,
            {"encoder_widths": ()},
            r"widths must be a list of one or more positive whole numbers, each at most 100,000; got \(\)",
        ),
        (ModelConfig, {"decoder_widths": (5, 0)}, r"decoder_widths must be a list of one or more .* got \(5, 0\)"),
        (ModelConfig, {"classifier_widths": (2.5,)}, r"classifier_widths must be .* got \(2\.5,\)"),
        (ModelConfig, {"classifier_widths": 5}, r"classifier_widths must be a list of .* got 5\."),
        (ModelConfig, {"classifier_widths": "12"}, r"classifier_widths must be a list of .* got '12'\."),
        (ModelConfig, {"classifier_widths": (True,)}, r"classifier_widths must be a list of .* got \(True,\)"),
        (TrainingConfig, {"final_rate": 1.5}, "final_rate must be a number of at least 0 and at most 1; got 1.5"),
        (TrainingConfig, {"epochs": None}, "epochs must be a whole number of at least 1 and at most .*; got None"),
        (TrainingConfig, {"precision": "float16"}, "precision must be 'auto' or 'float32' or 'bfloat16'"),
        (EmbeddingConfig, {"set_aside": "keep"}, "set_aside must be 'embed' or 'nan' or 'drop'; got 'keep'"),
        (IntegrationConfig, {"device": "tpu"}, "device must be 'auto' or 'cpu' or 'cuda' or 'mps'; got 'tpu'"),
        (IntegrationConfig, {"seed": 2**32}, r"seed must be .* at least 0 and at most 4,294,967,295; got 4294967296\."),
        (IntegrationConfig, {"seed": 10**5000}, r"seed must be .*; got int too long to be shown\."),
        (ModelConfig, {"n_latent": 10**14}, r"at least 2 and at most 100,000; got 100000000000000\."),
        (ModelConfig, {"encoder_widths": (10**20,)}, r"positive whole numbers, each at most 100,000; got \(1000"),
        (TrainingConfig, {"cells_per_batch": 10**30}, r"cells_per_batch must be .* and at most 10,000,000; got 1000"),
        (TrainingConfig, {"triplets_per_cluster": 10**30}, r"cluster must be .* and at most 1,000,000; got 1000"),
        (TrainingConfig, {"epochs": 10**30}, r"epochs must be .* and at most 1,000,000,000; got 1000"),
    ],
)
def test_a_bad_value_is_told_with_what_is_allowed(kind: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trainng": {}}, r"config has no field 'trainng'\. Did you mean 'training'\?"),
        ({"training": {"epoch": 3}}, r"config\.training has no field 'epoch'\. Did you mean 'epochs'\?"),
        ({"training": {"zzz": 3}}, r"config\.training has no field 'zzz'\.$"),
        ({"training": 3}, r"config\.training must be an object with named fields; got 3\."),
        ([], r"config must be an object with named fields; got \[\]\."),
        (
            {"model": {"n_latent": 0}},
            r"ModelConfig\.n_latent must be a whole number of at least 2 and at most 100,000; got 0\.",
        ),
    ],
)
def test_bad_json_names_the_place_and_the_nearest_field(values: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        IntegrationConfig.from_json(json.dumps(values))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ConfigError, match="config must be JSON; it is not: Expecting"):
        IntegrationConfig.from_json("{seed: 1}")


@pytest.mark.parametrize("text", ['{"seed": 1, "seed": 2}', '{"training": {"epochs": 3, "margin": 1, "epochs": 4}}'])
def test_a_field_that_is_given_twice_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"it is not: '(seed|epochs)' stands in one object more than once"):
        IntegrationConfig.from_json(text)


@pytest.mark.parametrize("number", ["1e400", "NaN", "-Infinity"])
def test_json_numbers_that_are_not_finite_are_refused(number: str) -> None:
    with pytest.raises(ConfigError, match=r"margin must be a number of at least 0; got (inf|nan|-inf)\."):
        IntegrationConfig.from_json(f'{{"training": {{"margin": {number}}}}}')


def test_fields_are_changed_by_name_wherever_they_stand() -> None:
    changed = IntegrationConfig().with_values(seed=3, epochs=4, head="published", set_aside="nan", n_neighbors=5)
    parts = (changed.training.epochs, changed.model.head, changed.embedding.set_aside, changed.topology.n_neighbors)
    assert (changed.seed, *parts) == (3, 4, "published", "nan", 5)
    assert changed.preprocess == IntegrationConfig().preprocess
    assert IntegrationConfig().with_values() == IntegrationConfig()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n_components", "'n_components' stands in topology and embedding"),
        ("epoch", r"'epoch' is no field of the configuration\. Did you mean 'epochs'\?"),
        ("training", "'training' is a section of the configuration"),
        ("zzz", r"'zzz' is no field of the configuration\.$"),
    ],
)
def test_a_name_that_is_unknown_or_ambiguous_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        IntegrationConfig().with_values(**{name: 3})


def test_the_published_configuration_has_the_values_of_the_paper() -> None:
    published = IntegrationConfig.published(seed=5, epochs=2)
    training, model, topology, genes = published.training, published.model, published.topology, published.preprocess
    assert (published.seed, training.epochs) == (5, 2)
    assert training.lambda_adversary == 0.2
    assert (training.lambda_triplet, training.lambda_cosine, training.kl_coefficient) == (1, 20, 0.005)
    assert (training.margin, training.distance) == (5, "euclidean")
    assert (training.triplets_per_cluster, training.pairs_from) == (15, "low")
    assert (training.learning_rate, training.final_rate, training.classifier_steps) == (1e-3, 1, 10)
    assert (training.warmup_epochs, training.cells_per_batch) == (50, 512)
    assert (model.head, model.n_latent, model.variance_floor) == ("published", 256, 1e-4)
    assert (model.encoder_widths, model.decoder_widths) == ((1024, 512), (512, 1024))
    assert model.classifier_widths == (128, 128)
    assert (topology.low_resolution, topology.high_resolution, topology.scope) == (0.5, 7, "global")
    assert (topology.n_components, topology.n_neighbors) == (50, 15)
    assert published.embedding.alignment_rounds == 0
    assert (genes.n_top_genes, genes.min_cells, genes.target_sum) == (2000, 5, 1e4)
