"""A sketch is fair to batches, keeps rare cells, and hands its clusters on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from topocraft.config import TopologyConfig
from topocraft.topology import components
from topocraft.topology.clusters import _sketch, find_topology
from topocraft.topology.components import principal_components
from topocraft.topology.sketch import fair_sketch, nearest_of


def _points(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two crowded types and a rare one, in a large and a small batch: (points, batch, types)."""
    draws = np.random.default_rng(seed)
    types = np.repeat([0, 1, 2], [3000, 2000, 20])
    points = np.eye(3, 12)[types] * 20 + draws.normal(size=(len(types), 12))
    return points.astype(np.float32), (draws.random(len(types)) < 0.03).astype(np.int64), types


def test_every_batch_gives_its_share_and_a_small_one_all() -> None:
    points, batch, _ = _points()
    sketch = fair_sketch(points, batch, 600, np.random.default_rng(0))
    assert len(sketch) == len(np.unique(sketch)) == 600
    assert (np.diff(sketch) > 0).all()
    assert (batch[sketch] == 1).sum() == (batch == 1).sum() < 300
    assert len(fair_sketch(points, np.arange(len(points)) % 50, 10, np.random.default_rng(0))) == 50


def test_rare_cells_are_kept_and_crowded_places_stay_crowded() -> None:
    points, batch, types = _points()
    kept = np.zeros(3)
    for seed in range(10):
        kept += np.bincount(types[fair_sketch(points, batch, 600, np.random.default_rng(seed))], minlength=3)
    evenly = 600 * 20 / len(types)
    assert kept[2] / 10 > 1.5 * evenly
    assert 1.2 < kept[0] / kept[1] < 1.8


def test_the_same_generator_draws_the_same() -> None:
    points, batch, _ = _points()
    once, again = (fair_sketch(points, batch, 300, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("most", [1, 2, 5020, 9999])
def test_cells_that_are_all_alike(most: int) -> None:
    sketch = fair_sketch(np.zeros((5020, 4), np.float32), np.zeros(5020, int), most, np.random.default_rng(0))
    assert len(sketch) == min(most, 5020)


def test_the_nearest_is_the_nearest() -> None:
    points, _, _ = _points()
    sketch = np.arange(0, len(points), 7)
    apart = ((points[:200, None].astype(float) - points[sketch]) ** 2).sum(axis=2)
    found = nearest_of(points, sketch)
    np.testing.assert_array_equal(found[:200], apart.argmin(axis=1))
    np.testing.assert_array_equal(found[sketch], np.arange(len(sketch)))


def _expression() -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    types, batch = np.arange(900) % 3, draws.integers(0, 2, 900)
    rates = np.where(np.arange(60) // 20 == types[:, None], 4.0, 0.3)
    return sparse.csr_matrix(np.log1p(draws.poisson(rates)).astype(np.float32)), batch, types


def test_clusters_of_a_sketch_reach_every_cell() -> None:
    expression, batch, types = _expression()
    labels = np.where(types == 0, "mine", None)
    for scope in ("global", "batch"):
        config = TopologyConfig(sketch=120, low_resolution=0.2, scope=scope)
        found = find_topology(expression, batch, config, 0, labels_low=labels)
        assert (np.array(found.low_names, dtype=object)[found.low[types == 0]] == "mine").all()
        inside = batch == 0 if scope == "batch" else np.ones(900, dtype=bool)
        assert adjusted_rand_score(types[inside], found.low[inside]) > 0.98
        assert found.separation.shape == (len(found.low_names),) * 2


def test_up_to_twice_the_sketch_all_cells_are_clustered() -> None:
    expression, batch, _ = _expression()
    every = find_topology(expression, batch, TopologyConfig(sketch=None))
    for sketch, same in ((450, True), (449, False)):
        found = find_topology(expression, batch, TopologyConfig(sketch=sketch))
        assert np.array_equal(found.high, every.high) == same


def test_axes_of_some_cells_are_nearly_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    expression, _, _ = _expression()
    every = principal_components(expression, 2)
    monkeypatch.setattr(components, "FITTED_CELLS", 600)
    monkeypatch.setattr(components, "BLOCK", 250)
    found = principal_components(expression, 2)
    assert found.dtype == np.float32
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], every[:, axis])[0, 1]) > 0.95
    np.testing.assert_array_equal(found, principal_components(expression, 2))
    assert not np.array_equal(found, principal_components(expression, 2, seed=1))


@pytest.mark.parametrize(("n_cells", "sketched"), [(40, False), (41, True)])
def test_a_sketch_is_drawn_where_it_is_less_than_half(n_cells: int, sketched: bool) -> None:
    points, batch = np.random.default_rng(0).normal(size=(n_cells, 3)), np.arange(n_cells) % 2
    found = _sketch(points, batch, 20, seed=0)
    assert (found is not None) == sketched
    assert _sketch(points, batch, None, seed=0) is None
