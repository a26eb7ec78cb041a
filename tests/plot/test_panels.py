"""The picture: what is drawn, in which colours, the same for the same seed, whole on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from topocraft.errors import FileError
from topocraft.plot import MISSING, PALETTE, save_figure, umap_figure

POINTS = np.random.default_rng(0).normal(size=(60, 5)) + 8.0 * (np.arange(60) % 3)[:, None]


def test_the_figure_has_a_row_per_moment_and_a_column_per_annotation(tmp_path: Path) -> None:
    after = POINTS.copy()
    after[:6] = np.nan
    batch = pd.Series(pd.Categorical.from_codes(np.arange(60) % 2, ["z", "a", "unused"]))
    kinds = np.array([None, *["k"] * 59], dtype=object)
    kinds[50] = None
    figure = umap_figure(POINTS, after, {"batch": batch, "kind": kinds})
    assert len(figure.axes) == 4
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["batch", "kind", "", ""]
    assert [panel.get_ylabel() for panel in figure.axes[::2]] == ["before integration", "after integration"]
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["z", "a"]
    for panel in figure.axes:
        assert len(panel.get_xticks()) == len(panel.get_yticks()) == 0
        assert len(panel.collections[0].get_offsets()) == 54

    path = tmp_path / "umap.png"
    save_figure(figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FileError, match="must not exist yet"):
        save_figure(figure, path)
    save_figure(figure, path, force=True)
    assert [item.name for item in tmp_path.iterdir()] == ["umap.png"]


def test_colours_are_distinct_for_few_and_for_many() -> None:
    from topocraft.plot import palette

    assert palette(3) == list(PALETTE[:3])
    assert len({*palette(40), MISSING}) == 41


def test_drawing_needs_no_display_and_leaves_pyplot_alone() -> None:
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
