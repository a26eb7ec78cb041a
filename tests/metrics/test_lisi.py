"""LISI and its scores, against scib-metrics, by hand and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.lisi import clisi, f1_lisi, ilisi, lisi
from topocraft.metrics.perplexity import neighbor_weights
from topocraft.topology.neighbors import NeighborGraph, nearest_neighbors


def _cells(n_cells: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"])[generator.choice(3, n_cells, p=[0.6, 0.3, 0.1])]
    batch = generator.choice(4, n_cells, p=[0.4, 0.3, 0.2, 0.1])
    points = generator.normal(size=(n_cells, 5)) + 1.5 * (labels == "a")[:, None] + 0.4 * batch[:, None]
    return points.astype(np.float32), batch, labels


def test_it_equals_scib_metrics_given_the_same_neighbors() -> None:
    import scib_metrics
    from scib_metrics.nearest_neighbors import NeighborsResults

    points, batch, labels = _cells()
    graph = nearest_neighbors(points, 89)
    own = np.arange(len(points))[:, None]
    theirs = NeighborsResults(
        indices=np.hstack([own, graph.indices]), distances=np.hstack([0 * own, graph.distances]).astype(np.float32)
    )
    assert lisi(graph, batch) == pytest.approx(scib_metrics.lisi_knn(theirs, batch), abs=1e-3)
    assert ilisi(points, batch) == pytest.approx(scib_metrics.ilisi_knn(theirs, batch), abs=1e-3)
    assert clisi(graph, labels) == pytest.approx(scib_metrics.clisi_knn(theirs, labels), abs=1e-3)


def test_a_case_by_hand() -> None:
    graph = NeighborGraph(np.array([[1, 2], [0, 2], [1, 0]]), np.array([[1.0, 1.0], [0.0, 9.0], [1.0, 2.0]]))
    assert lisi(graph, np.array(["x", "x", "y"]), perplexity=1).tolist() == [2.0, 1.0, 1.0]
    weights = np.array([[0.9, 0.1]] * 3, dtype=np.float32)
    by_hand = [1 / (0.9**2 + 0.1**2), 1 / (0.9**2 + 0.1**2), 1.0]
    assert lisi(graph, np.array(["x", "x", "y"]), weights=weights) == pytest.approx(by_hand)


@pytest.mark.parametrize("n_cells", [2, 3, 4, 7, 20, 89, 90, 91, 150])
def test_few_cells_use_all_others(n_cells: int) -> None:
    points, batch, _ = _cells(n_cells)
    values = lisi(points, batch)
    assert values.shape == (n_cells,)
    assert 1 <= values.min() <= values.max() <= len(set(batch))
    others = min(89, n_cells - 1)
    again = lisi(points, batch, perplexity=max(1, (others + 1) // 3), k=others)
    assert np.array_equal(values, again)


def test_order_names_rotation_and_scale_do_not_matter() -> None:
    points, batch, labels = _cells()
    order = np.random.default_rng(1).permutation(len(points))
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    changed = (1e3 * points @ rotation)[order]
    assert lisi(changed, labels[order]) == pytest.approx(lisi(points, labels)[order], abs=1e-3)
    renamed = np.array(["u", "t", "s", "r"])[batch]
    assert ilisi(points, renamed) == ilisi(points, batch)


def test_weights_are_computed_once_for_several_columns() -> None:
    points, batch, labels = _cells()
    graph = nearest_neighbors(points, 100)
    weights = neighbor_weights(graph.first(89))
    assert ilisi(graph, batch, weights=weights) == ilisi(points, batch)
    assert clisi(graph, labels, weights=weights) == clisi(points, labels)
    assert lisi(graph, labels, weights=3 * weights) == pytest.approx(lisi(points, labels))


def test_random_batches_are_mixed_and_separate_ones_are_not() -> None:
    generator = np.random.default_rng(3)
    batch = np.repeat([0, 1, 2], 400)
    points = generator.normal(size=(1200, 4))
    assert ilisi(points, batch) > 0.8
    assert ilisi(points + 100.0 * batch[:, None], batch) == 0.0
    assert clisi(points + 100.0 * batch[:, None], batch) == 1.0
    assert clisi(points, batch) < 0.2


def test_unequal_batches_cannot_reach_one() -> None:
    batch = (np.random.default_rng(4).random(3000) < 0.1).astype(int)
    assert ilisi(np.random.default_rng(5).normal(size=(3000, 3)), batch) < 0.35


def test_duplicated_cells_are_scored_by_equal_weights() -> None:
    batch = np.tile([0, 1], 50)
    points = np.zeros((100, 3))
    distances = np.zeros((100, 99))
    others = np.array([[j for j in range(100) if j != i] for i in range(100)])
    values = lisi(NeighborGraph(others, distances), batch, k=99)
    assert values == pytest.approx(1 / ((50 / 99) ** 2 + (49 / 99) ** 2))
    assert np.isfinite(lisi(points, batch)).all()


def test_what_has_no_value_has_a_reason() -> None:
    points, _, _ = _cells(30)
    with pytest.raises(UndefinedScore, match="All cells are of one batch"):
        ilisi(points, np.zeros(30))
    with pytest.raises(UndefinedScore, match="All cells are of one type"):
        clisi(points, np.full(30, "t"))


def test_unusable_arrays_are_refused() -> None:
    points, batch, _ = _cells(30)
    with pytest.raises(InputError, match="values must have one entry for each of 30 cells"):
        lisi(points, batch[:-1])
    with pytest.raises(InputError, match="batch must have one entry for each of 30 cells"):
        ilisi(points, batch[:-1])
    with pytest.raises(InputError, match=r"weights must have one entry for each of the \(30, 29\) cells × neighbours"):
        ilisi(points, batch, weights=np.ones((30, 5)))
    with pytest.raises(InputError, match="must hold at least 29 neighbours; it holds 5"):
        ilisi(nearest_neighbors(points, 5), batch)
    with pytest.raises(InputError, match=r"blisi must be in 0 … 1; got 1.5"):
        f1_lisi(1.0, 1.5)


@pytest.mark.parametrize(("a", "b", "mean"), [(1, 1, 1), (1, 0, 0), (0, 0, 0), (0.4, 0.6, 0.48)])
def test_f1_is_the_harmonic_mean(a: float, b: float, mean: float) -> None:
    assert f1_lisi(a, b) == pytest.approx(mean)


def test_two_types_are_enough_to_keep_apart() -> None:
    points = np.concatenate([np.arange(95.0), 1e3 + np.arange(95.0)])[:, None]
    assert clisi(points, np.repeat(["a", "b"], 95)) == 1.0
