"""Where cells lie: the same for the same seed, from four cells on."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.errors import InputError
from topocraft.plot import umap_layout

POINTS = np.random.default_rng(0).normal(size=(60, 5)) + 8.0 * (np.arange(60) % 3)[:, None]


def test_the_layout_depends_on_the_seed_alone() -> None:
    state = np.random.get_state()[1].copy()
    one, same, other = umap_layout(POINTS, 1), umap_layout(POINTS, 1), umap_layout(POINTS, 2)
    assert one.shape == (60, 2)
    assert (one == same).all()
    assert (one != other).any()
    assert (np.random.get_state()[1] == state).all()


def test_four_cells_are_enough_and_three_are_not() -> None:
    assert np.isfinite(umap_layout(POINTS[:4])).all()
    with pytest.raises(InputError, match="A UMAP needs at least 4 cells; got 3"):
        umap_layout(POINTS[:3])
