"""The catalogue: every score has its facts, and the facts are those of the functions."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from topocraft.metrics import islands, reference_distances
from topocraft.metrics.catalogue import BIO_WEIGHT, CATALOGUE, SUITE, members
from topocraft.metrics.searched import BY_TYPE, MEASURES, SPREADS, Reference
from topocraft.metrics.suite import planned, score_embedding

MEANS = {"f1_lisi", "bio", "batch", "composite"}
OF_COVARIATES = {"knn_r2", "knn_error", "cross_batch_r2"}


def test_every_score_that_is_computed_is_described_and_no_other() -> None:
    assert set(CATALOGUE) == set(MEASURES) | MEANS | OF_COVARIATES
    assert set(SPREADS) | set(BY_TYPE) < set(MEASURES)
    assert isinstance(SUITE, int)
    assert SUITE >= 1


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_facts_of_a_score_are_whole(name: str) -> None:
    fact = CATALOGUE[name]
    assert fact.title
    assert len(fact.title) <= 20, "it heads a row of a table of 80 columns"
    assert fact.asks in ("structure", "mixing", "both")
    assert fact.low < fact.high
    assert fact.weakness.endswith(".")
    assert fact.reference == "topocraft" or re.fullmatch(r"doi:10\.\d{4,}/\S+", fact.reference)
    assert fact.higher_is_better or "lower" in fact.title, "the table says where the lower is the better"


def test_titles_are_told_apart() -> None:
    titles = [fact.title for fact in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)


def test_means_are_over_the_members_of_the_paper() -> None:
    assert members("bio") == ("nmi", "ari", "asw_label", "clisi")
    assert members("batch") == (
        "asw_batch", "pcr", "graph_connectivity", "kbet", "blisi", "true_positive_rate",
    )  # fmt: skip
    assert pytest.approx(0.6) == BIO_WEIGHT
    assert MEANS.isdisjoint({*members("bio"), *members("batch")})


@pytest.mark.parametrize("name", ["bio", "batch"])
def test_the_range_of_a_mean_follows_from_its_members(name: str) -> None:
    of = [CATALOGUE[member] for member in members(name)]
    assert CATALOGUE[name].low == pytest.approx(np.mean([fact.low for fact in of]))
    assert CATALOGUE[name].high == pytest.approx(np.mean([fact.high for fact in of]))


def test_the_range_of_the_composite_follows_from_its_means() -> None:
    assert CATALOGUE["composite"].low == pytest.approx(0.6 * CATALOGUE["bio"].low + 0.4 * CATALOGUE["batch"].low)
    assert CATALOGUE["composite"].high == 1


def _reference(seed: int, labelled: bool = True) -> Reference:
    generator = np.random.default_rng(seed)
    batch, labels = generator.choice(["x", "y", "z"], 150), generator.choice(["a", "b", "c", "d"], 150)
    before = generator.normal(size=(150, 4)) + 3.0 * (batch == "x")[:, None]
    clusters, covariate = generator.integers(0, 3, 150), generator.normal(size=150)
    distances = reference_distances(before, batch, labels, min_batch=20)
    return Reference(batch, labels if labelled else None, before, clusters, distances, covariates={"age": covariate})


def test_values_stay_in_their_range() -> None:
    reference = _reference(1)
    assert reference.labels is not None
    both = np.char.add(reference.batch, reference.labels)
    for points in (reference.before, islands(reference.labels), islands(both)):
        for score in score_embedding(points, reference):
            if score.name == "scgraph" or not math.isnan(score.value):
                assert CATALOGUE[score.name].low - 1e-6 <= score.value <= CATALOGUE[score.name].high + 1e-6, score
            else:
                assert score.reason


def test_what_a_score_needs_is_what_it_cannot_do_without() -> None:
    free = {score.name for score in score_embedding(_reference(0).before, _reference(0, labelled=False))}
    needs = {name: fact.needs for name, fact in CATALOGUE.items()}
    assert free == {name for name, need in needs.items() if not need.startswith("labels")}
    assert {name for name, need in needs.items() if need == "covariate"} == OF_COVARIATES
    assert planned(_reference(0)) == tuple(MEASURES)
    assert set(planned(_reference(0, labelled=False))) == free - OF_COVARIATES
