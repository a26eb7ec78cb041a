"""Purity and mixing, against slow loops and against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from topocraft.errors import InputError
from topocraft.metrics.mixing import batch_mixing, neighbor_purity
from topocraft.topology.neighbors import nearest_neighbors


def _cells(n_cells: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"])[generator.choice(3, n_cells, p=[0.6, 0.33, 0.07])]
    batch = generator.choice(3, n_cells, p=[0.5, 0.3, 0.2])
    points = generator.normal(size=(n_cells, 4)) + 0.7 * (labels == "a")[:, None] + 0.5 * batch[:, None]
    return points, batch, labels


def _slow_purity(neighbors: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    shares: dict[str, list[float]] = {}
    for cell, label in enumerate(labels):
        m = sum(1 for other in labels if other == label)
        judged = list(neighbors[cell])[: m - 1]
        shares.setdefault(str(label), []).append(sum(labels[other] == label for other in judged) / len(judged))
    return {label: sum(values) / len(values) for label, values in sorted(shares.items())}


def _slow_mixing(points: np.ndarray, batch: np.ndarray, labels: np.ndarray, k: int) -> dict[str, float]:
    found = {}
    for label in sorted(set(labels)):
        members = [cell for cell in range(len(labels)) if labels[cell] == label]
        judged = min(k, max(1, len(members) // 4))
        observed, expected = 0.0, 0.0
        for cell in members:
            others = [other for other in members if other != cell]
            others.sort(key=lambda other: float(np.linalg.norm(points[other] - points[cell])))
            observed += sum(batch[other] != batch[cell] for other in others[:judged]) / judged
            expected += sum(batch[other] != batch[cell] for other in others) / len(others)
        found[str(label)] = min(1.0, observed / expected)
    return found


def test_purity_equals_a_slow_loop() -> None:
    points, _, labels = _cells()
    neighbors = nearest_neighbors(points, 15).indices
    assert neighbor_purity(neighbors, labels) == pytest.approx(_slow_purity(neighbors, labels))


@pytest.mark.parametrize("k", [1, 5, 15])
def test_mixing_equals_a_slow_loop(k: int) -> None:
    points, batch, labels = _cells()
    assert batch_mixing(points, batch, labels, k=k) == pytest.approx(_slow_mixing(points, batch, labels, k))


def test_types_that_stand_apart_are_pure_however_small() -> None:
    points = np.repeat([[0.0], [100.0]], [50, 4], axis=0) + np.linspace(0, 1, 54)[:, None]
    labels = np.repeat(["large", "rare"], [50, 4])
    assert neighbor_purity(nearest_neighbors(points, 15).indices, labels) == {"large": 1.0, "rare": 1.0}


def test_purity_by_chance_is_the_share_of_the_label() -> None:
    points = np.random.default_rng(1).normal(size=(4000, 3))
    labels = np.repeat(["most", "few"], [3000, 1000])
    purity = neighbor_purity(nearest_neighbors(points, 15).indices, labels)
    assert purity == pytest.approx({"few": 0.25, "most": 0.75}, abs=0.02)


def test_batches_in_random_order_are_fully_mixed() -> None:
    generator = np.random.default_rng(2)
    batch = generator.choice(3, 3000, p=[0.7, 0.2, 0.1])
    labels = np.repeat(["a", "b"], 1500)
    mixing = batch_mixing(generator.normal(size=(3000, 3)), batch, labels)
    assert min(mixing.values()) > 0.97
    assert max(mixing.values()) <= 1.0


def test_batches_far_apart_are_not_mixed() -> None:
    batch = np.repeat([0, 1], 100)
    points = np.random.default_rng(3).normal(size=(200, 3)) + 1000.0 * batch[:, None]
    assert batch_mixing(points, batch, np.full(200, "t")) == {"t": 0.0}


def test_perfect_alternation_does_not_exceed_one() -> None:
    points = np.repeat(np.arange(20.0), 2)[:, None] * 100 + np.tile([0.0, 1.0], 20)[:, None]
    assert batch_mixing(points, np.tile([0, 1], 20), np.full(40, "t"), k=1) == {"t": 1.0}


def test_what_is_not_defined_is_nan_and_never_zero() -> None:
    points, labels = np.arange(5.0)[:, None], np.array(["one batch"] * 4 + ["one cell"])
    mixing = batch_mixing(points, np.array([0, 0, 0, 0, 1]), labels)
    purity = neighbor_purity(nearest_neighbors(points, 3).indices, labels)
    assert np.isnan(list(mixing.values())).all()
    assert np.isnan(purity["one cell"])
    assert purity["one batch"] > 0.5


def test_labels_of_any_kind_are_keys() -> None:
    points, batch, labels = _cells()
    codes = np.searchsorted(["a", "b", "c"], labels)
    assert list(batch_mixing(points, batch, codes)) == [0, 1, 2]


def test_wrong_lengths_and_k_are_refused() -> None:
    points, batch, labels = _cells()
    with pytest.raises(InputError, match="labels must have one entry for each of 90 cells; got shape"):
        neighbor_purity(nearest_neighbors(points, 3).indices, labels[:-1])
    with pytest.raises(InputError, match="batch must have one entry for each of 90 cells; got shape"):
        batch_mixing(points, batch[:80], labels)
    with pytest.raises(InputError, match="k must be at least 1 neighbour; got 0"):
        batch_mixing(points, batch, labels, k=0)


def test_lists_and_tables_serve_as_well_as_arrays() -> None:
    points, batch, labels = _cells()
    nearest = nearest_neighbors(points, 5).indices
    assert neighbor_purity(nearest.tolist(), labels.tolist()) == neighbor_purity(nearest, labels)
    assert neighbor_purity(pd.DataFrame(nearest), pd.Series(labels, index=labels)) == neighbor_purity(nearest, labels)
    expected = batch_mixing(points, batch, labels)
    assert batch_mixing(points.tolist(), batch.tolist(), labels.tolist()) == expected
    assert batch_mixing(pd.DataFrame(points), pd.Series(batch, index=labels), pd.Categorical(labels)) == expected


def test_what_is_missing_or_not_finite_is_refused() -> None:
    points, batch, labels = _cells()
    some = labels.astype(object)
    some[3] = None
    with pytest.raises(InputError, match="labels must be set for every cell; 1 have none, in rows '3'"):
        batch_mixing(points, batch, some)
    with pytest.raises(InputError, match="labels must be set for every cell; 1 have none, in rows '3'"):
        neighbor_purity(nearest_neighbors(points, 5).indices, some)
    with pytest.raises(InputError, match="neighbors_indices must be whole numbers, cells × neighbours"):
        neighbor_purity(points, labels)
    points[4, 0] = np.nan
    with pytest.raises(InputError, match="1 of 90 cells hold NaN or infinity, in rows '4'"):
        batch_mixing(points, batch, labels)


@pytest.mark.parametrize("n_cells", [3, 5, 7])
def test_a_quarter_of_a_small_type_is_looked_at_and_at_least_one_cell(n_cells: int) -> None:
    points = np.cumsum(np.arange(1.0, n_cells + 1))[:, None]
    batch, labels = np.arange(n_cells) % 2, np.repeat("small", n_cells)
    assert batch_mixing(points, batch, labels) == pytest.approx(_slow_mixing(points, batch, labels, 15))
