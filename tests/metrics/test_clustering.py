"""NMI, ARI and their spread against scikit-learn, hand-made clusterings and planted cells."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics import ari, isolated_label_f1, leiden_clusterings, nmi
from topocraft.metrics.clustering import RESOLUTIONS, Clusterings, agreement, match_labels
from topocraft.topology.graph import as_network, connectivities
from topocraft.topology.neighbors import nearest_neighbors


def _types(n_types: int = 4, per_type: int = 30, apart: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    types = np.repeat(np.arange(n_types), per_type)
    points = np.random.default_rng(0).normal(size=(len(types), 5)) + apart * np.eye(n_types, 5)[types]
    return points, types


def _clusterings(*codes: list[int]) -> Clusterings:
    network = as_network(connectivities(nearest_neighbors(np.arange(float(len(codes[0])))[:, None], 2)))
    return Clusterings(network, tuple(float(number) for number in range(1, len(codes) + 1)), np.array(codes), seed=0)


def test_the_ten_resolutions_are_those_of_scib() -> None:
    assert RESOLUTIONS == (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)


def test_types_far_apart_are_found_in_full() -> None:
    points, types = _types()
    assert nmi(points, types) == pytest.approx(1)
    assert ari(points, types) == pytest.approx(1)


def test_cells_in_random_order_match_nothing() -> None:
    points, types = _types()
    shuffled = np.random.default_rng(1).permutation(types)
    assert nmi(points, shuffled) < 0.2
    assert abs(ari(points, shuffled)) < 0.05


def test_agreement_is_scikit_learns() -> None:
    draws = np.random.default_rng(2)
    one, other = draws.integers(0, 4, 50), draws.integers(0, 3, 50)
    expected = (
        normalized_mutual_info_score(one, other, average_method="arithmetic"),
        adjusted_rand_score(one, other),
    )
    assert agreement(one, other) == pytest.approx(expected)


def test_the_best_resolution_is_the_best_by_nmi_and_ari_follows_it() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    found = match_labels(_clusterings([0] * 9, [0, 0, 0, 1, 1, 1, 2, 2, 1], list(range(9))), labels, n_seeds=1)
    best = np.array([0, 0, 0, 1, 1, 1, 2, 2, 1])
    assert found.resolution == 2.0
    assert found.nmi == pytest.approx(normalized_mutual_info_score(labels, best))
    assert found.ari == pytest.approx(adjusted_rand_score(labels, best))
    assert (found.nmi_spread, found.ari_spread) == (0, 0)


def test_the_spread_is_that_of_the_seeds_at_the_best_resolution() -> None:
    points = np.random.default_rng(3).normal(size=(150, 3))
    labels = (points[:, 0] > 0).astype(int)
    clusterings = leiden_clusterings(points, seed=5)
    found = match_labels(clusterings, labels, n_seeds=3)
    which = clusterings.resolutions.index(found.resolution)
    again = [leiden_clusterings(points, (found.resolution,), seed=5 + draw).codes[0] for draw in range(3)]
    values = [normalized_mutual_info_score(labels, codes) for codes in again]
    assert np.array_equal(clusterings.codes[which], again[0])
    assert found.nmi == pytest.approx(np.mean(values))
    assert found.nmi_spread == pytest.approx(max(values) - min(values))
    assert found.nmi_spread > 0


def test_neighbours_found_before_give_the_same_as_the_embedding() -> None:
    points, types = _types(apart=3.0)
    assert nmi(nearest_neighbors(points, 30), types) == pytest.approx(nmi(points, types), abs=1e-6)


def test_f1_of_isolated_types_is_that_of_the_best_cluster() -> None:
    labels = np.array(["many"] * 6 + ["lone"] * 4)
    batch = np.array([0, 1, 0, 1, 0, 1, 0, 0, 0, 0])
    clusterings = _clusterings([0] * 10, [0, 0, 0, 0, 0, 1, 1, 1, 1, 2])
    # Cluster 1 holds three of the four lone cells and one other: 2·3 / (4 + 4); all in one cluster: 2·4 / (4 + 10).
    assert isolated_label_f1(clusterings, batch, labels) == pytest.approx(0.75)


def test_f1_is_the_mean_over_isolated_types_and_no_other() -> None:
    labels = np.array(["many"] * 4 + ["lone"] * 2 + ["sole"] * 2)
    batch = np.array([0, 1, 0, 1, 0, 0, 1, 1])
    clusterings = _clusterings([0, 0, 1, 1, 2, 2, 2, 3])
    assert isolated_label_f1(clusterings, batch, labels) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_one_label_is_undefined_and_wrong_lengths_are_refused() -> None:
    points, types = _types()
    for score in (nmi, ari):
        with pytest.raises(UndefinedScore, match="All cells have one label"):
            score(points, np.zeros(len(types)))
        with pytest.raises(InputError, match="labels must have one entry for each of 120 cells"):
            score(points, types[:-1])
    with pytest.raises(InputError, match="at least 14 neighbours; it holds 5"):
        nmi(nearest_neighbors(points, 5), types)
    with pytest.raises(UndefinedScore, match="every type is in every batch"):
        isolated_label_f1(points, np.tile([0, 1], 60), types)
