"""The controls: what they keep, what they destroy, and the scores that this gives them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from topocraft.errors import InputError
from topocraft.metrics import islands, shuffled_within

GROUPS = np.array(["b", "a", "c"])[np.random.default_rng(0).choice(3, 300, p=[0.6, 0.35, 0.05])]
POINTS = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)


def _shares(points: np.ndarray, groups: np.ndarray, k: int = 10) -> float:
    """Return the share of the nearest others that are of the cell's own group."""
    near = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    return float((groups[near] == groups[:, None]).mean())


def test_islands_are_corners_with_a_little_noise() -> None:
    placed = islands(GROUPS)
    assert placed.shape == (300, 50)
    assert placed.dtype == np.float32
    corners = np.array([[name == group for name in "abc"] for group in GROUPS], dtype=float)
    noise = placed - np.pad(corners, ((0, 0), (0, 47)))
    assert noise.std() == pytest.approx(0.02, rel=0.05)
    assert abs(noise.mean()) < 0.001
    assert np.abs(noise).max() < 0.15
    assert len(np.unique(placed, axis=0)) == 300, "no two cells at the same place"


def test_islands_tell_groups_apart_and_nothing_else() -> None:
    placed, other = islands(GROUPS), np.random.default_rng(2).permutation(np.repeat(["x", "y"], 150))
    assert _shares(placed, GROUPS) == 1.0
    assert silhouette_score(placed, GROUPS) > 0.8
    assert _shares(placed, other) == pytest.approx(0.5, abs=0.05)


def test_islands_may_be_of_one_group_of_many_and_of_numbers() -> None:
    assert islands(np.array([7, 7, 7])).shape == (3, 50)
    assert (islands(np.array([3, 1, 3]))[:, :2].round() == [[0, 1], [1, 0], [0, 1]]).all()
    many = np.arange(120) // 2
    assert islands(many).shape == (120, 60)
    assert (islands(many).argmax(axis=1) == many).all()


def test_a_shuffle_keeps_the_rows_of_every_group() -> None:
    moved = shuffled_within(POINTS, GROUPS)
    assert moved.shape == POINTS.shape
    assert (moved != POINTS).any(axis=1).mean() > 0.9
    for name in "abc":
        own = name == GROUPS
        assert sorted(map(tuple, moved[own])) == sorted(map(tuple, POINTS[own]))


def test_a_shuffle_within_types_keeps_types_and_mixes_batches() -> None:
    generator = np.random.default_rng(3)
    types, batch = generator.choice(["s", "t"], 400), generator.choice(["x", "y"], 400)
    points = generator.normal(size=(400, 3)) + 20.0 * (types == "s")[:, None] + 8.0 * (batch == "x")[:, None]
    assert _shares(points, types) == _shares(points, batch) == 1.0
    moved = shuffled_within(points, types)
    assert _shares(moved, types) == 1.0
    assert _shares(moved, batch) == pytest.approx(0.5, abs=0.06)


def test_the_same_seed_gives_the_same_controls_and_the_input_stays() -> None:
    before, state = POINTS.copy(), np.random.get_state()[1].copy()
    for make in (lambda seed: islands(GROUPS, seed), lambda seed: shuffled_within(POINTS, GROUPS, seed)):
        assert (make(4) == make(4)).all()
        assert (make(4) != make(5)).any()
    assert (before == POINTS).all()
    assert (np.random.get_state()[1] == state).all()


def test_names_of_groups_do_not_matter() -> None:
    renamed = np.array([{"a": 10, "b": 20, "c": 30}[name] for name in GROUPS])
    assert (islands(renamed) == islands(GROUPS)).all()
    assert (shuffled_within(POINTS, renamed) == shuffled_within(POINTS, GROUPS)).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="groups must have one entry for each of 300 cells"):
        shuffled_within(POINTS, GROUPS[:-1])
    with pytest.raises(InputError, match="groups must be set for every cell; 1 have none, in rows '1'"):
        islands(np.array(["a", None, "b"], dtype=object))
    broken = POINTS.copy()
    broken[7] = np.nan
    with pytest.raises(
        InputError, match=r"embedding must be finite, .*; 1 of 300 cells hold NaN or infinity, in rows '7'"
    ):
        shuffled_within(broken, GROUPS)


def test_the_seed_is_zero_unless_told_otherwise() -> None:
    for control in (lambda **how: islands(GROUPS, **how), lambda **how: shuffled_within(POINTS, GROUPS, **how)):
        assert np.array_equal(control(), control(seed=0))
        assert not np.array_equal(control(), control(seed=1))
