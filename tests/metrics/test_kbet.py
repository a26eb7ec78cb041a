"""kBET, against scib-metrics and scipy, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.kbet import kbet, kbet_p_values
from topocraft.topology.neighbors import nearest_neighbors


def _cells(n_cells: int = 300) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    batch = generator.choice(4, n_cells, p=[0.4, 0.3, 0.2, 0.1])
    return (generator.normal(size=(n_cells, 3)) + 0.5 * batch[:, None]).astype(np.float32), batch


def test_it_equals_scib_metrics_given_the_same_neighbors() -> None:
    import scib_metrics
    from scib_metrics.nearest_neighbors import NeighborsResults

    points, batch = _cells()
    graph = nearest_neighbors(points, 49)
    own = np.arange(len(points))[:, None]
    theirs = NeighborsResults(
        indices=np.hstack([own, graph.indices]), distances=np.hstack([0 * own, graph.distances]).astype(np.float32)
    )
    rate, _, p_values = scib_metrics.kbet(theirs, batch)
    assert 0.1 < rate < 0.9
    assert kbet(graph, batch) == pytest.approx(float(rate), abs=1e-3)
    assert kbet_p_values(points, batch) == pytest.approx(np.asarray(p_values), abs=1e-3)


@pytest.mark.parametrize("k", [2, 9, 50])
def test_p_values_equal_a_slow_loop(k: int) -> None:
    points, batch = _cells()
    shares = np.bincount(batch) / len(batch)
    p_values = kbet_p_values(points, batch, k)
    for cell in range(0, 300, 13):
        nearest = np.argsort(np.linalg.norm(points - points[cell], axis=1))[:k]
        assert p_values[cell] == pytest.approx(chisquare(np.bincount(batch[nearest], minlength=4), k * shares).pvalue)


def test_a_case_by_hand() -> None:
    points, batch = np.arange(40.0)[:, None], np.repeat(["a", "b"], 20)
    accepted = kbet_p_values(points, batch, k=5) >= 0.05  # 5 of one batch: chi² = 5, p = 0.025; 4 and 1: p = 0.18
    assert np.flatnonzero(accepted).tolist() == [18, 19, 20, 21]
    assert kbet(points, batch, k=5) == 0.1
    assert kbet(points, batch, k=5, alpha=0.01) == 1.0


def test_random_batches_pass_and_separate_ones_do_not() -> None:
    generator = np.random.default_rng(1)
    batch = generator.choice(3, 3000, p=[0.6, 0.3, 0.1])
    points = generator.normal(size=(3000, 4))
    assert kbet(points, batch) == pytest.approx(0.95, abs=0.02)
    assert kbet(points + 100.0 * batch[:, None], batch) == 0.0


def test_order_rotation_scale_and_names_do_not_matter() -> None:
    points, batch = _cells()
    order = np.random.default_rng(2).permutation(len(points))
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    names = np.array(["z", "y", "x", "w"])
    again = kbet_p_values((7.0 * points @ rotation)[order], names[batch][order])
    assert again == pytest.approx(kbet_p_values(points, batch)[order], abs=1e-9)


def test_what_has_no_value_has_a_reason() -> None:
    points, batch = _cells(50)
    with pytest.raises(UndefinedScore, match="All cells are of one batch"):
        kbet(points, np.zeros(50), k=10)
    with pytest.raises(UndefinedScore, match="The 50 nearest cells of every cell are all 50 cells: choose a smaller k"):
        kbet(points, batch)
    assert 0 <= kbet(points, batch, k=49) <= 1


def test_unusable_arguments_are_refused() -> None:
    points, batch = _cells(50)
    with pytest.raises(InputError, match="k must be at least 2 cells, of which one is the cell itself; got 1"):
        kbet(points, batch, k=1)
    with pytest.raises(InputError, match=r"alpha must be above 0 and below 1; got 1.0"):
        kbet(points, batch, k=10, alpha=1.0)
    with pytest.raises(InputError, match=r"alpha must be above 0 and below 1; got 0"):
        kbet(points, batch, k=10, alpha=0)
    with pytest.raises(InputError, match="batch must have one entry for each of 50 cells"):
        kbet(points, batch[1:], k=10)
    with pytest.raises(InputError, match="must hold at least 29 neighbours; it holds 5"):
        kbet(nearest_neighbors(points, 5), batch, k=30)


def test_a_cell_exactly_at_the_level_is_accepted() -> None:
    points, batch = _cells()
    smallest = float(kbet_p_values(points, batch).min())
    assert kbet(points, batch, alpha=smallest) == 1.0
