"""Silhouettes, against scikit-learn, a slow loop and scib-metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.silhouette import asw_batch, asw_label, bras, silhouette_samples

BATCH_SCORES = [asw_batch, bras]


def _cells(n_cells: int = 300, d: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.array(["a", "b", "c", "d"])[generator.choice(4, n_cells, p=[0.5, 0.3, 0.15, 0.05])]
    batch = generator.choice(3, n_cells, p=[0.5, 0.3, 0.2])
    points = generator.normal(size=(n_cells, d)) + 2 * (labels == "a")[:, None] + 0.5 * batch[:, None] + 1
    return points, batch, labels


def _slow_widths(distances: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the widths with the mean over all cells of other labels on the other side."""
    found = []
    for cell, label in enumerate(labels):
        own = [distances[cell, other] for other in range(len(labels)) if other != cell and labels[other] == label]
        rest = [distances[cell, other] for other in range(len(labels)) if labels[other] != label]
        a, b = sum(own) / max(1, len(own)), sum(rest) / len(rest)
        found.append((b - a) / max(a, b) if own else 0.0)
    return found


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    ("n_cells", "d", "n_labels"),
    [(3, 1, 2), (4, 2, 2), (70, 3, 7), (71, 50, 2), (150, 50, 60), (700, 50, 3), (1300, 9, 20), (60, 600, 4)],
)
def test_widths_equal_those_of_sklearn(metric: str, n_cells: int, d: int, n_labels: int) -> None:
    generator = np.random.default_rng(n_cells)
    labels = generator.permutation(np.arange(n_cells) % n_labels)
    points = (generator.normal(size=(n_cells, d)) + 0.5 * labels[:, None] + 0.3).astype(np.float32)
    expected = sklearn_metrics.silhouette_samples(points.astype(float), labels, metric=metric)
    assert silhouette_samples(points, labels, metric=metric) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_mean_over_all_other_cells_equals_a_slow_loop(metric: str) -> None:
    points, _, labels = _cells(90)
    labels[0] = "alone"
    points = points.astype(np.float32)
    expected = _slow_widths(sklearn_metrics.pairwise_distances(points.astype(float), metric=metric), labels)
    assert silhouette_samples(points, labels, metric=metric, between="mean_other") == pytest.approx(expected, abs=2e-6)


def test_labels_far_apart_do_not_blur_each_other() -> None:
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], 40)
    points = generator.normal(size=(120, 4)) * 0.01 + np.array([0.0, 0.05, 1000.0])[labels][:, None]
    points = points.astype(np.float32)
    expected = sklearn_metrics.silhouette_samples(points.astype(float), labels)
    assert silhouette_samples(points, labels) == pytest.approx(expected, abs=1e-5)


def test_repeated_cells_are_at_distance_zero() -> None:
    points = np.repeat([[1.0, 2.0], [3.0, 1.0]], 5, axis=0)
    assert silhouette_samples(points, np.repeat([0, 1], 5)).tolist() == [1.0] * 10
    assert silhouette_samples(np.ones((4, 2)), np.array([0, 0, 1, 1])).tolist() == [0.0] * 4


def test_the_only_cell_of_a_label_has_width_zero() -> None:
    widths = silhouette_samples(np.array([[0.0], [1.0], [7.0]]), np.array(["a", "a", "b"]))
    assert widths == pytest.approx([6 / 7, 5 / 6, 0.0])


def test_scores_of_four_cells_by_hand() -> None:
    points, batch = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1, 1, 2, 2])
    widths = np.array([1.5 / 2.5, 0.5 / 1.5, 0.5 / 1.5, 1.5 / 2.5])
    assert asw_label(points, batch) == pytest.approx((widths.mean() + 1) / 2)
    assert asw_batch(points, batch, np.full(4, "t")) == pytest.approx(1 - widths.mean())
    nearer_the_other = np.array([[0.0], [10.0], [1.0], [11.0]])
    assert asw_batch(nearer_the_other, batch, np.full(4, "t")) == pytest.approx(1 - (0.4 + 0.5) / 2)
    turned = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert bras(turned, batch, np.full(4, "t")) == 0.0


def test_scores_equal_those_of_scib_metrics() -> None:
    import scib_metrics

    points, batch, _ = _cells(120)
    points, labels = points.astype(np.float32), np.repeat(["a", "b"], 60)  # alike in size: it compiles by size
    assert asw_label(points, labels) == pytest.approx(scib_metrics.silhouette_label(points, labels), abs=1e-5)
    assert asw_batch(points, batch, labels) == pytest.approx(
        scib_metrics.silhouette_batch(points, labels, batch), abs=1e-5
    )
    assert bras(points, batch, labels) == pytest.approx(scib_metrics.bras(points, labels, batch), abs=1e-5)


def test_types_that_cannot_mix_are_left_out() -> None:
    points, batch, labels = _cells(80)
    expected = asw_batch(points, batch, labels), bras(points, batch, labels)
    extra = np.random.default_rng(2).normal(size=(9, 5)) + 1
    points = np.concatenate([points, extra])
    batch = np.concatenate([batch, [0] * 6, [0, 1, 2]])
    labels = np.concatenate([labels, ["one batch"] * 5, ["one cell"], ["each cell its own batch"] * 3])
    assert (asw_batch(points, batch, labels), bras(points, batch, labels)) == pytest.approx(expected)


def test_widths_handed_in_are_used() -> None:
    points, _, labels = _cells(40)
    assert asw_label(points, labels, samples=np.full(40, 0.5)) == 0.75
    assert asw_label(points, labels, samples=np.full(40, 1.0)) == 1.0
    assert asw_label(points, labels, samples=silhouette_samples(points, labels)) == asw_label(points, labels)


@pytest.mark.parametrize("score", BATCH_SCORES)
@pytest.mark.parametrize("n_cells", [12, 200, 800])
def test_order_names_and_rotation_do_not_matter(score: Callable[..., float], n_cells: int) -> None:
    points, batch, labels = _cells(n_cells)
    generator = np.random.default_rng(4)
    order = generator.permutation(n_cells)
    turn = np.linalg.qr(generator.normal(size=(5, 5)))[0]
    renamed, recoded = np.char.add("z", labels), 9 - batch
    expected = score(points, batch, labels), asw_label(points, labels)
    found = score((7 * points @ turn)[order], recoded[order], renamed[order])
    assert (found, asw_label((7 * points @ turn)[order], renamed[order])) == pytest.approx(expected, abs=1e-5)


def test_the_same_cells_give_the_same_digits() -> None:
    points, _, labels = _cells(1500)
    assert (silhouette_samples(points, labels) == silhouette_samples(points, labels)).all()


@pytest.mark.parametrize("score", BATCH_SCORES)
def test_mixed_batches_score_more_than_parted_ones(score: Callable[..., float]) -> None:
    generator = np.random.default_rng(5)
    batch, labels = np.repeat([0, 1], 100), np.tile(["a", "b"], 100)
    points = generator.normal(size=(200, 3)) + 3
    assert score(points, batch, labels) > 0.8
    assert score(points + 50 * batch[:, None] * np.array([1, 0, 0]), batch, labels) < 0.2


def test_pairs_of_batches_are_seen_by_bras_only() -> None:
    generator = np.random.default_rng(6)
    batch = np.repeat([0, 1, 2, 3], 60)
    corner = np.where((batch < 2)[:, None], [10.0, 0.0], [0.0, 10.0])
    points, labels = corner + generator.normal(size=(240, 2)), np.full(240, "t")
    assert asw_batch(points, batch, labels) > 0.9
    assert bras(points, batch, labels) < 0.4


def test_what_has_no_value_says_why() -> None:
    points, batch, labels = _cells(30)
    with pytest.raises(UndefinedScore, match="needs two labels; every cell is 't'"):
        asw_label(points, np.full(30, "t"))
    with pytest.raises(UndefinedScore, match="every cell has a label of its own"):
        silhouette_samples(points, np.arange(30))
    for score in BATCH_SCORES:
        with pytest.raises(UndefinedScore, match="No type lies in several batches"):
            score(points, np.zeros(30), labels)
    points[3] = 0
    with pytest.raises(UndefinedScore, match="no value at the origin, where 1 of these cells"):
        bras(points, batch, np.full(30, "t"))


def test_unusable_arrays_and_options_are_refused() -> None:
    points, batch, labels = _cells(30)
    with pytest.raises(InputError, match="labels must have one entry for each of 30 cells"):
        asw_label(points, labels[:-1])
    with pytest.raises(InputError, match="batch must have one entry for each of 30 cells"):
        bras(points, batch[:-1], labels)
    with pytest.raises(InputError, match="metric must be one of 'euclidean', 'cosine'; got 'manhattan'"):
        silhouette_samples(points, labels, metric="manhattan")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="between must be one of 'nearest', 'mean_other'; got 'furthest'"):
        silhouette_samples(points, labels, between="furthest")  # type: ignore[arg-type]
    for samples in (np.zeros(29), np.full(30, np.nan), np.full(30, 1.5)):
        with pytest.raises(InputError, match="samples must be the silhouette width, −1 … 1, of each of 30 cells"):
            asw_label(points, labels, samples=samples)
