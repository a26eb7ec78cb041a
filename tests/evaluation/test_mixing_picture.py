"""The map of mixing: a panel per embedding, cells shaded by their value, grey where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from topocraft.evaluation import mixing_picture
from topocraft.evaluation.mixing_picture import mixing_figure
from topocraft.plot import MISSING


@pytest.fixture(autouse=True)
def _plain_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing_picture, "umap_layout", lambda points, seed: points[:, :2])


def _cells() -> tuple[np.ndarray, pd.DataFrame]:
    draws = np.random.default_rng(0)
    points, mixing = draws.normal(size=(30, 4)), draws.random((30, 2))
    mixing[:5] = np.nan
    points[7] = np.nan
    return points, pd.DataFrame(mixing, columns=["X_one", "X_two"])


def test_every_embedding_has_a_panel_and_all_share_one_scale() -> None:
    points, mixing = _cells()
    figure = mixing_figure({"X_one": points, "X_two": points + 1}, mixing)
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["X_one", "X_two"]
    assert len(figure.axes) == 3
    assert [axes.collections[1].get_clim() for axes in figure.axes[:2]] == [(0, 1), (0, 1)]


def test_cells_stand_where_the_layout_puts_them_with_their_own_value() -> None:
    points, mixing = _cells()
    unknown, shaded = mixing_figure({"X_two": points}, mixing).axes[0].collections
    drawn = {tuple(place): value for place, value in zip(shaded.get_offsets().data, shaded.get_array(), strict=True)}
    expected = {tuple(points[cell, :2]): mixing["X_two"][cell] for cell in range(30) if cell >= 5 and cell != 7}
    assert drawn == expected
    assert len(unknown.get_offsets()) == 5
    assert to_hex(unknown.get_facecolor()[0]) == MISSING.lower()


def test_a_fourth_embedding_begins_a_row_and_empty_panels_are_not_drawn() -> None:
    points, _ = _cells()
    names = [f"X_{number}" for number in range(4)]
    mixing = pd.DataFrame(np.full((30, 4), 0.5), columns=names)
    figure = mixing_figure(dict.fromkeys(names, points), mixing)
    assert [axes.axison for axes in figure.axes[:6]] == [True] * 4 + [False] * 2
