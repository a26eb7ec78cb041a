"""Mixing cell by cell: against a slow loop and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.arrays import neighbors_within_types
from topocraft.metrics.mixing_map import mixing_map
from topocraft.topology.neighbors import nearest_neighbors


def _cells(n_cells: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"])[generator.choice(3, n_cells, p=[0.6, 0.3, 0.1])]
    batch = generator.choice(3, n_cells, p=[0.5, 0.3, 0.2])
    return generator.normal(size=(n_cells, 3)) + 0.6 * batch[:, None], batch, labels


def _slow(points: np.ndarray, batch: np.ndarray, k: int) -> list[float]:
    k, values = min(k, max(1, len(points) // 4)), []
    for cell in range(len(points)):
        order = [other for other in np.argsort(np.linalg.norm(points - points[cell], axis=1)) if other != cell]
        expected = np.mean([batch[other] != batch[cell] for other in order])
        values.append(min(1.0, np.mean([batch[other] != batch[cell] for other in order[:k]]) / expected))
    return values


@pytest.mark.parametrize(("n_cells", "k"), [(5, 50), (60, 1), (60, 3), (200, 10), (200, 50)])
def test_values_equal_a_slow_loop(n_cells: int, k: int) -> None:
    points, batch, labels = _cells(n_cells)
    assert mixing_map(points, batch, k=k) == pytest.approx(_slow(points, batch, k))
    if n_cells == 200:
        values = mixing_map(points, batch, labels, k=k)
        for label in "abc":
            own = labels == label
            assert values[own] == pytest.approx(_slow(points[own], batch[own], k))


def test_graphs_and_types_may_be_given() -> None:
    points, batch, labels = _cells()
    graph = nearest_neighbors(points.astype(np.float32), 60)
    assert np.array_equal(mixing_map(graph, batch), mixing_map(points, batch))
    within = neighbors_within_types(points, labels)
    assert np.array_equal(mixing_map(within, batch), mixing_map(points, batch, labels))


def test_it_tells_where_the_batches_mix() -> None:
    generator = np.random.default_rng(1)
    batch = np.tile([0, 1], 500)
    mixed = np.repeat([True, False], 500)
    points = generator.normal(size=(1000, 3)) + 100.0 * mixed[:, None]
    points[:, 0] += np.where(mixed, 0, 50.0 * batch)
    values = mixing_map(points, batch)
    assert values[~mixed].max() == 0.0
    assert values[mixed].mean() > 0.9


def test_mixing_across_types_shows_only_without_them() -> None:
    labels = np.repeat(["a", "b"], 200)
    batch = np.tile(np.repeat([0, 1], 100), 2)
    at = np.where((labels == "a") == (batch == 0), 0.0, 1000.0)
    points = np.random.default_rng(2).normal(size=(400, 3)) + at[:, None]
    assert mixing_map(points, batch).mean() > 0.9
    assert mixing_map(points, batch, labels).max() == 0.0


def test_types_in_one_batch_are_nan() -> None:
    points, batch, labels = _cells()
    batch[labels == "b"] = 0
    assert np.array_equal(np.isnan(mixing_map(points, batch, labels)), labels == "b")
    labels[0] = "single"
    assert np.isnan(mixing_map(points, batch, labels)[0])


def test_what_has_no_value_has_a_reason() -> None:
    points, _, labels = _cells()
    with pytest.raises(UndefinedScore, match="All cells are of one batch"):
        mixing_map(points, np.zeros(200))
    with pytest.raises(UndefinedScore, match="Every cell type is found in one batch only"):
        mixing_map(points, labels, labels)


def test_unusable_arguments_are_refused() -> None:
    points, batch, labels = _cells()
    with pytest.raises(InputError, match="labels need an embedding, in which to search within types; got neighbours"):
        mixing_map(nearest_neighbors(points.astype(np.float32), 60), batch, labels)
    with pytest.raises(InputError, match="k must be at least 1 neighbour; got 0"):
        mixing_map(points, batch, labels, k=0)
    with pytest.raises(InputError, match="batch must have one entry for each of 200 cells"):
        mixing_map(points, batch[1:], labels)
