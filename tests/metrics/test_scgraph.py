"""scGraph, against a slow account of its published definition in tables and cases whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import trim_mean
from sklearn.decomposition import PCA

from topocraft.errors import InputError, UndefinedScore
from topocraft.metrics.scgraph import TypeDistances, reference_distances, scgraph

NAMES = np.array(["a", "b", "c", "d", "e", "in one", "rare"])


def _cells(n_cells: int = 700, n_genes: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return an embedding, expression, batch and labels; one batch and one type are too small to count."""
    generator = np.random.default_rng(0)
    types = generator.choice(7, n_cells, p=[0.3, 0.25, 0.15, 0.1, 0.1, 0.095, 0.005])
    batch = generator.choice(["x", "y", "z", "small"], n_cells, p=[0.4, 0.3, 0.2, 0.1])
    types[(types == 5) & (batch != "y")] = 0
    means = generator.gamma(1.0, 1.0, size=(7, n_genes))
    expression = means[types] + generator.normal(size=(n_cells, n_genes)) * 0.7
    expression += (batch == "y")[:, None] * generator.normal(size=n_genes)
    embedding = expression[:, :9] + generator.normal(size=(n_cells, 9))
    return embedding, np.where(expression > 0.5, expression, 0), batch, NAMES[types]


def _slow_table(points: np.ndarray, labels: np.ndarray, kept: list[str], trim: float) -> pd.DataFrame:
    present = [name for name in kept if (labels == name).any()]
    centres = {name: trim_mean(points[labels == name], trim, axis=0) for name in present}
    table = pd.DataFrame({n: {m: np.linalg.norm(centres[n] - centres[m]) for m in present} for n in present})
    return table / table.max(axis=0)


def _slow_reference(expression: np.ndarray, batch: np.ndarray, labels: np.ndarray, kept: list[str]) -> pd.DataFrame:
    tables = []
    for name in ("x", "y", "z"):
        space = PCA(10, svd_solver="full").fit_transform(expression[batch == name])
        tables.append(_slow_table(space, labels[batch == name], kept, 0.05))
    stacked = pd.concat(tables)
    mean = stacked.groupby(stacked.index).mean().loc[kept, kept]
    return mean / mean.max(axis=0)


def _slow_score(embedding: np.ndarray, labels: np.ndarray, reference: pd.DataFrame) -> float:
    table = _slow_table(embedding, labels, list(reference.index), 0.05)
    found = []
    for name in reference:
        pair = pd.DataFrame({"x": table[name], "y": reference[name]}).dropna().drop(index=name)
        w = 1 / pair.y
        x, y = pair.x - (w * pair.x).sum() / w.sum(), pair.y - (w * pair.y).sum() / w.sum()
        found.append((w * x * y).sum() / np.sqrt((w * x * x).sum() * (w * y * y).sum()))
    return float(np.mean(found))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csr_matrix, np.float32])
def test_reference_and_score_equal_a_slow_account(kind: Any) -> None:
    embedding, expression, batch, labels = _cells()
    slow = _slow_reference(expression, batch, labels, list(NAMES[:6]))
    reference = reference_distances(kind(expression), batch, labels)
    assert reference.names.tolist() == NAMES[:6].tolist()
    assert reference.distances == pytest.approx(slow.to_numpy(), abs=1e-5)
    expected = _slow_score(embedding, labels, slow)
    assert 0.2 < expected < 0.999
    assert scgraph(embedding, labels, reference) == pytest.approx(expected, abs=1e-5)


def test_types_that_no_batch_holds_together_are_not_compared() -> None:
    embedding, expression, batch, labels = _cells()
    labels = np.where((labels == "b") & (batch == "y"), "a", labels)
    reference = reference_distances(expression, batch, labels)
    assert np.isnan(reference.distances[[1, 5], [5, 1]]).all()
    assert np.isnan(reference.distances).sum() == 2
    slow = _slow_reference(expression, batch, labels, list(NAMES[:6]))
    assert scgraph(embedding, labels, reference) == pytest.approx(_slow_score(embedding, labels, slow), abs=1e-5)


def test_few_genes_are_enough() -> None:
    types = np.repeat([0, 1, 2], 40)
    expression = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])[types]
    expected = [[0, 0.6, 0.8], [0.6, 0, 1], [0.8, 1, 0]]
    distances = reference_distances(sparse.csr_array(expression), np.zeros(120), types).distances
    assert distances == pytest.approx(np.array(expected) / np.max(expected, axis=0))


def test_proportional_distances_score_one_and_a_swap_scores_less() -> None:
    points = np.array([[0.0], [1.0], [3.0], [7.0]])
    distances = np.abs(points - points.T)
    reference = TypeDistances(np.arange(4), distances / distances.max(axis=0))
    assert scgraph(5 * points - 2, np.arange(4), reference) == pytest.approx(1)
    assert scgraph(points[[3, 1, 2, 0]], np.arange(4), reference) < 0.5


def test_near_types_weigh_more() -> None:
    truth = np.array([0.0, 0.1, 0.2, 1.0])
    distances = np.abs(truth[:, None] - truth)
    reference = TypeDistances(np.arange(4), distances / distances.max(axis=0))
    near, far = truth.copy()[:, None], truth.copy()[:, None]
    near[1:3] = near[[2, 1]]
    far[3] = 0.7
    assert scgraph(far, np.arange(4), reference) > scgraph(near, np.arange(4), reference) + 0.1


def test_single_outliers_are_trimmed() -> None:
    embedding, expression, batch, labels = _cells()
    reference = reference_distances(expression, batch, labels)
    cell = np.flatnonzero(labels == "a")[0]
    far = embedding.copy()
    far[cell] = 1e6
    assert scgraph(far, labels, reference) == pytest.approx(scgraph(embedding, labels, reference), abs=0.01)
    assert abs(scgraph(far, labels, reference, trim=0) - scgraph(embedding, labels, reference, trim=0)) > 0.03


def test_order_names_scale_and_seed_do_not_matter() -> None:
    embedding, expression, batch, labels = _cells()
    expected = scgraph(embedding, labels, reference_distances(expression, batch, labels))
    generator = np.random.default_rng(1)
    order = generator.permutation(len(labels))
    moved = (8 - 3 * embedding[:, ::-1])[order]
    renamed = np.char.add(np.where(labels == "a", "z", "y"), labels)[order]
    reference = reference_distances(expression[order], np.char.add("n", batch)[order], renamed, seed=5)
    assert scgraph(moved, renamed, reference) == pytest.approx(expected, abs=1e-5)


def test_turning_the_embedding_matters_by_the_trimming_only() -> None:
    embedding, expression, batch, labels = _cells()
    reference = reference_distances(expression, batch, labels)
    turned = embedding @ np.linalg.qr(np.random.default_rng(1).normal(size=(9, 9)))[0]
    assert scgraph(turned, labels, reference) == pytest.approx(scgraph(embedding, labels, reference), abs=0.03)
    whole = scgraph(embedding, labels, reference, trim=0)
    assert scgraph(turned, labels, reference, trim=0) == pytest.approx(whole, abs=1e-5)


def test_what_has_no_value_says_why() -> None:
    embedding, expression, batch, labels = _cells()
    with pytest.raises(UndefinedScore, match="three types of at least 10 cells; there are 2"):
        reference_distances(expression, batch, np.where(labels == "a", "a", "b"))
    with pytest.raises(UndefinedScore, match="a batch of at least 500 cells with two types; there is none"):
        reference_distances(expression, batch, labels, min_batch=500)
    with pytest.raises(UndefinedScore, match="with two types; there is none"):
        reference_distances(expression, labels, labels, min_batch=10)
    reference = reference_distances(expression, batch, labels)
    with pytest.raises(UndefinedScore, match="No type has two others at different distances"):
        scgraph(np.ones_like(embedding), labels, reference)


def test_a_batch_without_variance_is_left_out() -> None:
    _, expression, batch, labels = _cells()
    expected = reference_distances(expression[batch != "z"], batch[batch != "z"], labels[batch != "z"])
    expression[batch == "z"] = 1.0
    for kind in (np.asarray, sparse.csr_array):
        assert reference_distances(kind(expression), batch, labels).distances == pytest.approx(expected.distances)


def test_unusable_arrays_and_options_are_refused() -> None:
    embedding, expression, batch, labels = _cells()
    reference = reference_distances(expression, batch, labels)
    with pytest.raises(InputError, match="batch must have one entry for each of 700 cells"):
        reference_distances(expression, batch[:-1], labels)
    with pytest.raises(InputError, match="expression must be cells × genes"):
        reference_distances(expression[:, 0], batch, labels)
    for kind in (np.asarray, sparse.csr_array):
        with pytest.raises(InputError, match="expression must be finite"):
            reference_distances(kind(np.where(expression > 3, np.nan, expression)), batch, labels)
    with pytest.raises(InputError, match="components must be at least 1; got 0"):
        reference_distances(expression, batch, labels, components=0)
    with pytest.raises(InputError, match=r"trim must be from 0 to below 0\.5"):
        scgraph(embedding, labels, reference, trim=0.5)
    with pytest.raises(InputError, match="labels must hold every type of the reference"):
        scgraph(embedding, np.where(labels == "a", "b", labels), reference)


def test_sizes_that_just_reach_the_limits_count() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 10)
    expression = np.array([[0, 0], [3, 0], [0, 4]])[np.repeat([0, 1, 2], 10)] + 0.01 * generator.normal(size=(30, 2))
    found = reference_distances(expression, np.zeros(30), labels, min_batch=30, min_type=10).distances
    assert found[0] == pytest.approx([0, 0.6, 0.8], abs=0.01)
