"""Covariates read from neighbours, against slow loops and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.continuous import cross_batch_r2, knn_error, knn_r2
from topocraft.topology.neighbors import nearest_neighbors


def _cells(n_cells: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n_cells)
    points = generator.normal(size=(n_cells, 3))
    covariate = 2 * points[:, 0] + generator.normal(size=n_cells) + 100
    batch = np.append([0, 1, 2], generator.choice(3, n_cells - 3, p=[0.6, 0.3, 0.1]))
    return points.astype(np.float32), covariate, batch


def _slow_predictions(points: np.ndarray, covariate: np.ndarray, k: int, banned: np.ndarray) -> np.ndarray:
    """Predict each cell from its nearest cells outside ``banned[cell]``."""
    found = []
    for cell in range(len(points)):
        others = np.flatnonzero(~banned[cell]).tolist()
        others.sort(key=lambda other: float(np.linalg.norm(points[other] - points[cell])))
        found.append(np.mean(covariate[others[:k]]))
    return np.array(found)


@pytest.mark.parametrize(("n_cells", "k"), [(3, 1), (5, 15), (200, 1), (200, 15)])
def test_scores_equal_a_slow_loop(n_cells: int, k: int) -> None:
    points, covariate, batch = _cells(n_cells)
    predicted = _slow_predictions(points, covariate, k, np.eye(n_cells, dtype=bool))
    assert knn_r2(points, covariate, k) == pytest.approx(r2_score(covariate, predicted))
    assert knn_error(points, covariate, k) == pytest.approx(np.sqrt(np.mean((covariate - predicted) ** 2)))
    across = _slow_predictions(points, covariate, k, batch[:, None] == batch)
    assert cross_batch_r2(points, covariate, batch, k) == pytest.approx(r2_score(covariate, across))


def test_fifteen_neighbours_are_asked_unless_told_otherwise() -> None:
    points, covariate, batch = _cells()
    for score in (knn_r2, knn_error):
        assert score(points, covariate) == score(points, covariate, 15) != score(points, covariate, 16)
    assert cross_batch_r2(points, covariate, batch) == cross_batch_r2(points, covariate, batch, 15)


def test_cells_of_other_batches_predict_as_a_regressor_fitted_on_them() -> None:
    points, covariate, batch = _cells(600)
    predicted = np.empty(600)
    for code in range(3):
        model = KNeighborsRegressor(15).fit(points[batch != code], covariate[batch != code])
        predicted[batch == code] = model.predict(points[batch == code])
    assert cross_batch_r2(points, covariate, batch) == pytest.approx(r2_score(covariate, predicted))


def test_a_covariate_written_into_the_cells_is_read_and_noise_is_not() -> None:
    generator = np.random.default_rng(1)
    points, batch = generator.uniform(size=(2000, 2)), generator.choice(2, 2000)
    assert knn_r2(points, points[:, 0]) > 0.98
    assert cross_batch_r2(points, points[:, 0], batch) > 0.98
    noise = generator.normal(size=2000)
    assert knn_r2(points, noise) == pytest.approx(-1 / 15, abs=0.1)
    assert knn_error(points, noise) == pytest.approx(np.std(noise) * np.sqrt(1 + 1 / 15), rel=0.05)


def test_batches_that_stand_apart_are_seen_across_them_only() -> None:
    generator = np.random.default_rng(2)
    time, batch = generator.uniform(size=600), np.repeat([0, 1], 300)
    points = np.stack([np.where(batch == 0, time, 1 - time), 50.0 * batch], axis=1)
    assert knn_r2(points, time) > 0.95
    assert cross_batch_r2(points, time, batch) < -1


@pytest.mark.parametrize("score", [knn_r2, knn_error])
def test_a_graph_serves_as_well_as_an_embedding(score: Callable[..., float]) -> None:
    points, covariate, _ = _cells()
    assert score(nearest_neighbors(points, 30), covariate) == pytest.approx(score(points, covariate))


def test_order_rotation_scale_and_unit_do_not_matter() -> None:
    points, covariate, batch = _cells(500)
    generator = np.random.default_rng(3)
    order = generator.permutation(500)
    turned = (3 * points @ np.linalg.qr(generator.normal(size=(3, 3)))[0])[order]
    unit, names = (10 * covariate - 4)[order], np.array(["x", "y", "z"])[2 - batch][order]
    assert knn_r2(turned, unit) == pytest.approx(knn_r2(points, covariate))
    assert knn_error(turned, unit) == pytest.approx(10 * knn_error(points, covariate))
    assert cross_batch_r2(turned, unit, names) == pytest.approx(cross_batch_r2(points, covariate, batch))


def test_what_has_no_value_says_why() -> None:
    points, covariate, batch = _cells()
    for score in (knn_r2, knn_error):
        with pytest.raises(UndefinedScore, match=r"The covariate is 0\.3 in all cells"):
            score(points, np.full(200, 0.3))
    with pytest.raises(UndefinedScore, match=r"The covariate is 0\.3 in all cells"):
        cross_batch_r2(points, np.full(200, 0.3), batch)
    with pytest.raises(UndefinedScore, match="every cell is of batch 'only'"):
        cross_batch_r2(points, covariate, np.full(200, "only"))


def test_lists_and_tables_serve_as_well_as_arrays() -> None:
    points, covariate, batch = _cells()
    table, column = pd.DataFrame(points), pd.Series(covariate, index=range(5, 205))
    for score in (knn_r2, knn_error):
        assert score(table, column) == score(points.tolist(), covariate.tolist()) == score(points, covariate)
    expected = cross_batch_r2(points, covariate, batch)
    assert cross_batch_r2(points.tolist(), covariate.tolist(), batch.tolist()) == expected
    assert cross_batch_r2(table, column, pd.Series(batch, index=range(5, 205))) == expected


@pytest.mark.parametrize("score", [knn_r2, knn_error])
def test_no_cells_and_no_numbers_are_refused(score: Callable[..., float]) -> None:
    with pytest.raises(InputError, match="with at least two cells and one dimension"):
        score(np.empty((0, 3)), np.empty(0))
    with pytest.raises(InputError, match="covariate must be numbers; it is not: could not convert"):
        score(np.eye(3), ["a", "b", "c"])


def test_unusable_arrays_are_refused() -> None:
    points, covariate, batch = _cells()
    with pytest.raises(InputError, match="covariate must have one number for each of 200 cells"):
        knn_error(points, covariate[:-1])
    covariate[[3, 5]] = np.nan
    with pytest.raises(InputError, match="covariate must be finite; 2 of 200 cells have none, in rows '3', '5'"):
        knn_r2(points, covariate)
    with pytest.raises(InputError, match="Leave those cells out"):
        cross_batch_r2(points, covariate, batch)
    with pytest.raises(InputError, match="k must be at least 1 neighbour; got 0"):
        cross_batch_r2(points, np.arange(200), batch, k=0)
    with pytest.raises(InputError, match="k must be at least 1 neighbour; got 0"):
        knn_r2(points, np.arange(200), k=0)
