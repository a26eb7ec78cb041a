"""The picture of scores: every value in its place, shaded by how good it is, whole on disk."""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from topocraft.evaluation.picture import score_figure
from topocraft.evaluation.reading import heading_of, sections
from topocraft.metrics.catalogue import CATALOGUE
from topocraft.plot import save_figure


@pytest.fixture(scope="module")
def figure(scores: pd.DataFrame) -> Figure:
    return score_figure(scores)


def _panel(figure: Figure, title: str) -> Axes:
    return next(panel for panel in figure.axes if panel.get_title(loc="left") == title)


def _words(panel: Axes) -> dict[tuple[str, int], str]:
    titles = [label.get_text() for label in panel.get_yticklabels()]
    return {
        (titles[round(text.get_position()[1])], round(text.get_position()[0])): text.get_text() for text in panel.texts
    }


def _shades(panel: Axes) -> dict[str, list[float]]:
    titles = [label.get_text() for label in panel.get_yticklabels()]
    shades = np.ma.filled(panel.images[0].get_array(), math.nan)
    return dict(zip(titles, shades.tolist(), strict=True))


def test_every_value_is_in_figures(figure: Figure, scores: pd.DataFrame) -> None:
    names = list(scores["embedding"].unique())
    assert [panel.get_title(loc="left") for panel in figure.axes] == [heading for heading, _ in sections(scores)]
    for heading, rows in sections(scores):
        words = _words(_panel(figure, heading))
        assert len(words) == len(rows)
        for row in rows.itertuples():
            assert words[CATALOGUE[row.score].title, names.index(row.embedding)] == f"{row.value:z.2f}"


def test_shades_are_what_is_scaled(figure: Figure, scores: pd.DataFrame) -> None:
    names = list(scores["embedding"].unique())
    for heading, rows in sections(scores):
        shades = _shades(_panel(figure, heading))
        for row in rows.itertuples():
            due = np.clip(row.scaled, 0, 1)
            assert shades[CATALOGUE[row.score].title][names.index(row.embedding)] == pytest.approx(due, nan_ok=True)
    errors = _shades(_panel(figure, "Covariate place"))["error (lower wins)"]
    assert errors[names.index("X_types")] == pytest.approx(1), "lower is brighter"
    assert errors[names.index("X_batches")] < 0.1


def test_columns_are_named_once_and_controls_are_grey(figure: Figure, scores: pd.DataFrame) -> None:
    labels = figure.axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == [heading_of(name) for name in scores["embedding"].unique()]
    assert [label.get_fontweight() for label in labels] == ["bold"] * 2 + ["normal"] * 5
    assert all(not panel.get_xticklabels() for panel in figure.axes[1:])
    assert "worst control" in figure.get_supxlabel()


def test_names_of_any_length_do_not_overlap(scores: pd.DataFrame) -> None:
    long = {"X_types": "X_a_very_long_name_of_an_embedding", "X_batches": "X_emb_with_another_such_name"}
    figure = score_figure(scores[scores["mean"] == "bio"].replace({"embedding": long}))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(one.x1 <= other.x0 for one, other in itertools.pairwise(boxes))


def test_without_controls_the_shade_is_the_value_where_the_best_is_one(scores: pd.DataFrame) -> None:
    alone = scores[scores["kind"] == "embedding"].assign(scaled=math.nan)
    figure = score_figure(alone)
    assert "0 (dark) to 1 (bright)" in figure.get_supxlabel()
    nmi = alone.loc[alone["score"] == "nmi", "value"].tolist()
    assert _shades(_panel(figure, "Bio-conservation"))["NMI"] == pytest.approx(nmi)
    assert np.isnan(_shades(_panel(figure, "Covariate place"))["error (lower wins)"]).all()
    assert max(_shades(_panel(figure, "Covariate place"))["R²"]) > 0.99


def test_what_is_undefined_is_white_and_na(scores: pd.DataFrame) -> None:
    made = scores.copy()
    gone = (made["score"] == "nmi") & (made["embedding"] == "X_types")
    made.loc[gone, ["value", "scaled"]] = math.nan
    panel = _panel(score_figure(made), "Bio-conservation")
    assert _words(panel)["NMI", 0] == "NA"
    assert math.isnan(_shades(panel)["NMI"][0])
    assert next(text for text in panel.texts if text.get_text() == "NA").get_color() == "black"


def test_ink_is_read_on_its_shade(figure: Figure) -> None:
    for panel in figure.axes:
        shades = np.ma.filled(panel.images[0].get_array(), 1.0)
        for text in panel.texts:
            column, row = (round(place) for place in text.get_position())
            red, green, blue, _ = panel.images[0].cmap(shades[row, column])
            luminance = sum(
                weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
                for weight, part in zip((0.2126, 0.7152, 0.0722), (red, green, blue), strict=True)
            )
            ink = 1.0 if text.get_color() == "white" else 0.0
            contrast = (max(luminance, ink) + 0.05) / (min(luminance, ink) + 0.05)
            assert contrast > 3.5, (text.get_text(), shades[row, column])


def test_it_is_drawn_without_a_display_and_whole(scores: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "scores.png"
    save_figure(score_figure(scores[scores["mean"] == "bio"]), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [item.name for item in tmp_path.iterdir()] == ["scores.png"]
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_one_score_is_enough(scores: pd.DataFrame) -> None:
    assert len(score_figure(scores[(scores["score"] == "pcr")]).axes) == 1
