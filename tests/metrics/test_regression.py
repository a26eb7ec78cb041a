"""Principal component regression, against component-wise regression and scib-metrics."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.regression import pcr


def _cells(n_cells: int = 120, d: int = 6, n_batches: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n_cells)
    batch = np.append(np.arange(n_batches), generator.choice(n_batches, n_cells - n_batches))
    before = generator.normal(size=(n_cells, d)) * np.arange(1, d + 1) + 2 * batch[:, None] + 30
    after = generator.normal(size=(n_cells, 3)) + 0.2 * batch[:, None]
    return before.astype(np.float32), after.astype(np.float32), batch


def _slow_share(points: np.ndarray, batch: np.ndarray) -> float:
    components = PCA().fit(points.astype(float))
    coordinates = components.transform(points.astype(float))
    design = (batch[:, None] == np.unique(batch)).astype(float)
    explained = [LinearRegression().fit(design, column).score(design, column) for column in coordinates.T]
    return float(np.average(explained, weights=components.explained_variance_))


@pytest.mark.parametrize(("n_cells", "d", "n_batches"), [(8, 2, 2), (120, 6, 4), (300, 3, 12)])
def test_the_score_equals_a_regression_of_each_component(n_cells: int, d: int, n_batches: int) -> None:
    before, after, batch = _cells(n_cells, d, n_batches)
    first, second = _slow_share(before, batch), _slow_share(after, batch)
    assert pcr(before, after, batch) == pytest.approx(max(0.0, (first - second) / first), abs=1e-6)


def test_the_score_equals_that_of_scib_metrics() -> None:
    import scib_metrics

    before, after, batch = _cells()
    expected = scib_metrics.pcr_comparison(before, after, batch, categorical=True)
    assert 0.2 < expected < 0.999
    assert pcr(before, after, batch) == pytest.approx(expected, abs=1e-5)


def test_by_hand() -> None:
    batch = np.array([1, 1, 2, 2])
    before, after = np.array([[0.0], [2.0], [2.0], [4.0]]), np.array([[0.0], [2.0], [1.0], [3.0]])
    # Between the batches 4 of 8 before, 1 of 5 after.
    assert pcr(before, after, batch) == pytest.approx((0.5 - 0.2) / 0.5)


def test_what_got_worse_is_zero() -> None:
    before, _, batch = _cells()
    assert pcr(before, before + 10 * batch[:, None], batch) == 0.0
    assert pcr(before, before, batch) == 0.0


def test_order_names_rotation_and_scale_do_not_matter() -> None:
    before, after, batch = _cells()
    generator = np.random.default_rng(1)
    order = generator.permutation(len(batch))
    turn = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    names = np.array(["w", "x", "y", "z"])[3 - batch]
    found = pcr((5 * before @ turn)[order], 0.1 * after[order] - 7, names[order])
    assert found == pytest.approx(pcr(before, after, batch), abs=1e-5)


def test_what_has_no_value_says_why() -> None:
    before, after, batch = _cells()
    with pytest.raises(UndefinedScore, match="explain no variance before"):
        pcr(before, after, np.zeros(len(before)))
    centred = before - np.stack([before[batch == code].mean(axis=0) for code in range(4)])[batch]
    with pytest.raises(UndefinedScore, match="explain no variance before"):
        pcr(centred, after, batch)
    with pytest.raises(UndefinedScore, match="All cells coincide before"):
        pcr(np.ones_like(before), after, batch)
    with pytest.raises(UndefinedScore, match="All cells coincide after"):
        pcr(before, np.full_like(after, 0.1), batch)


def test_unusable_arrays_are_refused() -> None:
    before, after, batch = _cells()
    with pytest.raises(InputError, match="before and after must hold the same cells; got 120 and 119"):
        pcr(before, after[:-1], batch)
    with pytest.raises(InputError, match="batch must have one entry for each of 120 cells"):
        pcr(before, after, batch[:-1])
    with pytest.raises(InputError, match="after must be finite"):
        pcr(before, np.where(after > 0, after, np.nan), batch)
