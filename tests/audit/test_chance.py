"""What chance gives, held against every possible outcome and against the formula."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from topocraft.audit.chance import null_of, paired_null, shuffled_overlap
from topocraft.audit.neighbourhoods import common_share, nearest_of_pool, share_of_others


def test_p_values_count_draws_as_extreme_and_the_value_itself() -> None:
    draws = np.arange(99) / 99
    assert null_of(2.0, draws).p_value == 0.01
    assert null_of(draws[94], draws).p_value == pytest.approx(6 / 100)
    assert null_of(draws[4], draws, extreme="below").p_value == pytest.approx(6 / 100)
    assert (null_of(0.5, draws).low, null_of(0.5, draws).high) == pytest.approx(
        tuple(np.quantile(draws, [0.025, 0.975]))
    )


def test_the_paired_null_is_that_of_all_exchanges() -> None:
    before, after = np.zeros(8), np.array([1, 1, 1, 1, 1, 0, -1, 0], dtype=float)
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    exact = float(((signs @ (after - before)) / 8 >= after.mean() - 1e-12).mean())
    found = paired_null(before, after, np.random.default_rng(0), 4000)
    assert found.p_value == pytest.approx(exact, abs=0.02)
    assert found.mean == pytest.approx(0, abs=0.02)


def test_shuffled_graphs_share_what_the_formula_says(generator: np.random.Generator) -> None:
    n_cells, k = 60, 6
    one, other = (
        np.array([generator.choice(np.delete(np.arange(n_cells), cell), k, replace=False) for cell in range(n_cells)])
        for _ in range(2)
    )
    draws = shuffled_overlap(one, other, generator, 200)
    assert draws.mean() == pytest.approx(k / (n_cells - 1), abs=0.005)
    assert shuffled_overlap(one, other, generator, 20, most=7).std() > draws.std()


def test_common_shares_are_those_of_sets(generator: np.random.Generator) -> None:
    one, other = (np.array([generator.permutation(30)[:7] for _ in range(5000)]) for _ in range(2))
    due = [len(set(left) & set(right)) / 7 for left, right in zip(one.tolist(), other.tolist(), strict=True)]
    np.testing.assert_allclose(common_share(one, other), due)


def test_neighbours_are_sought_in_the_pool_alone_and_are_never_the_cell_itself() -> None:
    points = np.array([[0.0], [0.0], [1.0], [5.0], [0.1], [9.0]])
    nearest = nearest_of_pool(points, np.array([0, 1, 3]), np.array([2, 5]), 2)
    assert nearest.tolist() == [[1, 2], [0, 2], [2, 5]] or nearest.tolist() == [[1, 2], [0, 2], [5, 2]]


def test_the_nearest_k_decide_who_is_among_others() -> None:
    indices = np.array([[1, 2, 3], [0, 2, 3], [3, 0, 1], [0, 1, 2]])
    np.testing.assert_allclose(share_of_others(indices, np.array([0, 0, 1, 1]), 2), [0.5, 0.5, 0.5, 1.0])
