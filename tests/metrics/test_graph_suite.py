"""Scores of a graph: what graphs allow agrees with the scores of arrays, and the rest says why there is none."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from scipy import sparse

from topocraft.errors import InputError
from topocraft.metrics import (
    ari,
    graph_connectivity,
    nmi,
    reference_distances,
    within_batch_agreement,
    within_batch_clusters,
)
from topocraft.metrics.graph_suite import MEANS, score_graph, strongest
from topocraft.metrics.searched import Reference
from topocraft.metrics.suite import Score, score_embedding
from topocraft.topology.graph import connectivities
from topocraft.topology.neighbors import nearest_neighbors

GIVEN = {"nmi", "ari", "graph_connectivity", "isolated_label_f1", "within_batch_nmi", "within_batch_ari"}


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    centers = np.array([[0, 0, 0], [2.5, 0, 0], [0, 9, 0]])
    return (np.random.default_rng(0).normal(size=(240, 3)) + np.repeat(centers, 80, axis=0)).astype(np.float32)


@pytest.fixture(scope="module")
def reference(points: np.ndarray) -> Reference:
    labels = np.repeat(["a", "b", "c"], 80)
    batch = np.tile(["x", "y"], 120)
    batch[160:] = "x"
    return Reference(
        batch,
        labels,
        points,
        within_batch_clusters(points, batch),
        type_distances=reference_distances(points, batch, labels),
        covariates={"place": points[:, 0].astype(float)},
    )


@pytest.fixture(scope="module")
def graph(points: np.ndarray) -> sparse.csr_matrix:
    return connectivities(nearest_neighbors(points, 14))


@pytest.fixture(scope="module")
def scores(graph: sparse.csr_matrix, reference: Reference) -> dict[tuple[str, str], Score]:
    return {(score.name, score.part): score for score in score_graph(graph, reference)}


def test_the_graph_of_an_embedding_clusters_as_the_embedding_does(
    scores: dict[tuple[str, str], Score], points: np.ndarray, reference: Reference
) -> None:
    assert scores["nmi", ""].value == nmi(points, reference.labels)
    assert scores["ari", ""].value == ari(points, reference.labels)
    within = within_batch_agreement(points, reference.batch, reference.within_batch)
    assert (scores["within_batch_nmi", ""].value, scores["within_batch_ari", ""].value) == within
    whole = {score.name: score for score in score_embedding(points, reference) if not score.part}
    assert scores["isolated_label_f1", ""].value == whole["isolated_label_f1"].value


def test_what_asks_for_coordinates_is_undefined_and_so_are_means(scores: dict[tuple[str, str], Score]) -> None:
    assert {name for (name, _), score in scores.items() if not np.isnan(score.value)} == GIVEN
    for (name, _), score in scores.items():
        if name not in GIVEN:
            assert score.reason.startswith("The method gives a graph of cells and no coordinates.")
    assert all("does not compare" in scores[name, ""].reason for name in MEANS)


def test_scores_come_in_the_order_and_with_the_names_of_an_embeddings(
    scores: dict[tuple[str, str], Score], points: np.ndarray, reference: Reference
) -> None:
    expected = [(s.name, s.part) for s in score_embedding(points, reference) if not s.part or s.part == "place"]
    assert list(scores) == expected


def test_connectivity_follows_the_strongest_edges(graph: sparse.csr_matrix, reference: Reference) -> None:
    found = {score.name: score.value for score in score_graph(graph, reference)}["graph_connectivity"]
    dense, shares = graph.toarray(), []
    for label in "abc":
        arrows = networkx.DiGraph()
        for cell in np.flatnonzero(reference.labels == label):
            arrows.add_node(cell)
            near = [other for other in np.argsort(-dense[cell], kind="stable")[:14] if dense[cell, other] > 0]
            arrows.add_edges_from((cell, other) for other in near if reference.labels[other] == label)
        shares.append(max(map(len, networkx.strongly_connected_components(arrows))) / arrows.number_of_nodes())
    assert found == pytest.approx(np.mean(shares))


def test_the_strongest_come_first_and_cells_without_edges_point_at_themselves() -> None:
    weights = np.array([[0, 1, 3, 2], [1, 0, 0, 0], [3, 0, 0, 0], [2, 0, 0, 0]], dtype=float)
    found = strongest(sparse.csr_matrix(weights), 2)
    assert found.indices.tolist() == [[2, 3], [0, 1], [0, 2], [0, 3]]
    assert found.distances.tolist() == [[1 / 3, 1 / 2], [1, np.inf], [1 / 3, np.inf], [1 / 2, np.inf]]


def test_islands_without_edges_fall_apart(reference: Reference) -> None:
    pair = sparse.csr_matrix(([1.0], ([0], [1])), shape=(240, 240))
    found = {score.name: score.value for score in score_graph(pair, reference)}
    assert found["graph_connectivity"] == pytest.approx(np.mean([2 / 80, 1 / 80, 1 / 80]))


def test_one_direction_is_as_good_as_two_and_the_diagonal_counts_for_nothing(
    graph: sparse.csr_matrix, reference: Reference, scores: dict[tuple[str, str], Score]
) -> None:
    upper = sparse.triu(graph, k=1) + 5 * sparse.eye(240)
    again = {(score.name, score.part): score.value for score in score_graph(upper.tocsr(), reference)}
    for place in scores:
        assert again[place] == pytest.approx(scores[place].value, nan_ok=True)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (sparse.eye(239, format="csr"), "graph must be cells × cells, 240 of them; got shape"),
        (-sparse.eye(240, format="csr"), "finite weights of at least 0"),
        (sparse.eye(240, format="csr") * np.nan, "finite weights of at least 0"),
    ],
)
def test_what_is_no_graph_of_these_cells_is_refused(broken: sparse.csr_matrix, told: str, reference: Reference) -> None:
    with pytest.raises(InputError, match=told):
        list(score_graph(broken, reference))


def test_an_embedding_of_the_same_cells_connects_alike(graph: sparse.csr_matrix, points: np.ndarray) -> None:
    labels = np.repeat(["a", "b", "c"], 80)
    assert graph_connectivity(strongest(graph, 14), labels) == pytest.approx(
        graph_connectivity(points, labels), abs=0.1
    )


def test_there_are_no_more_others_than_cells() -> None:
    weights = np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]], dtype=float)
    assert strongest(sparse.csr_matrix(weights), 14).indices.tolist() == [[2, 1], [2, 0], [0, 1]]
