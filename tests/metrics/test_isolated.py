"""Isolated labels, against scib-metrics and cases whose answer is known."""

from __future__ import annotations

import igraph
import numpy as np
import pytest

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.clustering import Clusterings, leiden_clusterings
from topocraft.metrics.isolated import isolated_label_asw, isolated_label_f1, isolated_labels


def _cells(n_cells: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    batch = generator.choice(3, n_cells)
    labels = np.array(["common", "in one", "in another", "in two"])[generator.choice(4, n_cells)]
    labels[(labels == "in one") & (batch != 0)] = "common"
    labels[(labels == "in another") & (batch != 2)] = "common"
    labels[(labels == "in two") & (batch == 1)] = "common"
    points = generator.normal(size=(n_cells, 4)) + 3 * (labels == "in one")[:, None] + (labels == "in two")[:, None]
    return points.astype(np.float32), batch, labels


def test_the_labels_in_fewest_batches_are_found() -> None:
    _, batch, labels = _cells()
    assert isolated_labels(batch, labels).tolist() == ["in another", "in one"]
    kept = ~np.isin(labels, ["in one", "in another"])
    assert isolated_labels(batch[kept], labels[kept]).tolist() == ["in two"]


def test_the_score_equals_that_of_scib_metrics() -> None:
    import scib_metrics

    points, batch, labels = _cells()
    assert isolated_label_asw(points, batch, labels) == pytest.approx(
        scib_metrics.isolated_labels(points, labels, batch), abs=1e-5
    )


def test_types_count_alike_whatever_their_size() -> None:
    samples = np.array([0.0, 1.0, 1.0, 1.0, 0.3])
    labels, batch = np.array(["few", "many", "many", "many", "all"]), np.array([0, 1, 1, 1, 0])
    labels, batch, samples = np.append(labels, "all"), np.append(batch, 1), np.append(samples, 0.3)
    assert isolated_label_asw(np.zeros((6, 1)), batch, labels, samples=samples) == 0.75


def test_order_and_names_do_not_matter() -> None:
    points, batch, labels = _cells()
    order = np.random.default_rng(1).permutation(len(points))
    found = isolated_label_asw(points[order], 5 - batch[order], np.char.add("z", labels[order]))
    assert found == pytest.approx(isolated_label_asw(points, batch, labels), abs=1e-6)


def test_where_every_type_is_everywhere_there_is_no_score() -> None:
    points, _, labels = _cells()
    with pytest.raises(UndefinedScore, match="every type is in every batch"):
        isolated_label_asw(points, np.zeros(len(points)), labels)
    with pytest.raises(UndefinedScore, match="every type is in every batch"):
        isolated_labels(np.tile([0, 1], 100), np.repeat(["a", "b"], 100))


def test_unusable_arrays_are_refused() -> None:
    points, batch, labels = _cells()
    with pytest.raises(InputError, match="batch must have one entry for each of 200 cells"):
        isolated_labels(batch[:-1], labels)
    with pytest.raises(InputError, match="samples must be the silhouette width"):
        isolated_label_asw(points, batch, labels, samples=np.zeros(3))


def test_the_f1_is_that_of_the_best_cluster_of_any_clustering() -> None:
    labels, batch = np.array(list("aaabbc")), np.array([0, 1, 0, 0, 0, 1])
    codes = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 0, 0]])
    found = isolated_label_f1(Clusterings(igraph.Graph(6), (0.1, 1.0, 0.0), codes, 0), batch, labels)
    of_b, of_c = 2 * 2 / (2 + 3), 2 * 1 / (1 + 2)  # in the first clustering, and in the second
    assert found == pytest.approx((of_b + of_c) / 2)


def test_points_are_clustered_where_no_clusterings_are_given() -> None:
    points, batch, labels = _cells()
    given = isolated_label_f1(leiden_clusterings(points), batch, labels)
    assert isolated_label_f1(points, batch, labels) == given
    assert 0 < given < 1
