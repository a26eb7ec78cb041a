"""Scores in circles and bars, methods in the order of their places: the figure of the paper's Fig. 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.benchmark.ranking import MAIN, ranking, wide
from topocraft.errors import ConfigError, list_names, nearest_name
from topocraft.metrics.catalogue import CATALOGUE, members
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"bio": "#EFA644", "batch": "#6DB4E3", "composite": "#57B894"}
HEADINGS = {
    "incomplete": "not on every dataset",
    "graph": "graph only",
    "labelled": "sees cell types",
    "control": "controls",
}
ROW, COLUMN, BAR, GAP, LARGEST = 0.42, 0.44, 1.15, 0.22, 0.38
"""Inches: height of a row; width of a column of circles, and of a bar; space between blocks; largest diameter."""
SMALLEST, PALEST = 0.6, 0.3
"""Of the largest diameter, so that the number has room inside; of the full colour."""
LETTER, SLANTED_LETTER = 0.082, 0.045
INK, FAINT, TRACK = "#1A1A1A", "#6B6B6B", "#EDEDED"
DOTS_PER_INCH = 150


@dataclass(frozen=True, eq=False)
class Block:
    """Columns of one colour: ``circles``, methods × columns, and behind them ``bar``, their mean, 0 … 1."""

    title: str
    colour: str
    circles: pd.DataFrame
    bar: pd.Series

    @property
    def width(self) -> float:
        """Inches."""
        return len(self.circles.columns) * COLUMN + BAR + GAP


def scores_figure(rows: pd.DataFrame, dataset: str | None = None) -> Figure:
    """Draw the scores of a grid, or of one of its datasets.

    Of a grid: a circle per dataset for bio-conservation, batch mixing and composite, and bars for their means. Of one
    dataset: a circle per score, and bars for bio-conservation, batch mixing and composite. Circles grow and deepen from
    the smallest to the largest value of a column, controls included; bars run from 0 to 1.

    Parameters
    ----------
    rows
        As ``topocraft.benchmark.tidy`` makes them, with at least one composite.
    dataset
        Name of one dataset; left out, all of them, if there are several.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Raises
    ------
    ConfigError
        There is no dataset of that name.

    References
    ----------
    He et al. 2025, doi:10.1038/s42003-025-07988-y, Fig. 2 and 5.

    Examples
    --------
    >>> from topocraft.benchmark import scores_figure, tidy
    >>> from topocraft.benchmark.records import Record
    >>> from topocraft.metrics.suite import Score
    >>> scores = tuple(Score(name, 0.6) for name in ("composite", "bio", "batch", "nmi"))
    >>> len(scores_figure(tidy([Record(dataset="mine", method="harmony", seed=0, scores=scores)])).axes)
    1
    """
    if dataset is None and rows["dataset"].nunique() == 1:
        dataset = str(rows["dataset"].iloc[0])
    names = rows["dataset"].unique()
    if dataset is not None and dataset not in names:
        raise ConfigError(f"dataset must be one of {list_names(names)}; got '{dataset}'.{nearest_name(dataset, names)}")
    chosen = rows if dataset is None else rows[rows["dataset"] == dataset]
    table = ranking(chosen)
    blocks = _of_datasets(chosen, table) if dataset is None else _of_scores(chosen, table, dataset)
    return _figure(table, blocks, "all datasets" if dataset is None else dataset)


def _of_datasets(rows: pd.DataFrame, table: pd.DataFrame) -> list[Block]:
    overall = table.set_index("method")
    titles = {"bio": "Bio-conservation", "batch": "Batch mixing", "composite": "Composite"}
    return [
        Block(
            titles[score],
            COLOURS[score],
            wide(rows, score).loc[table["method"]],
            overall["overall" if score == "composite" else score],
        )
        for score in ("bio", "batch", "composite")
    ]


def _of_scores(rows: pd.DataFrame, table: pd.DataFrame, dataset: str) -> list[Block]:
    methods = table["method"]
    values = {score: wide(rows, score).loc[methods, dataset] for score in (*members("bio"), *members("batch"), *MAIN)}
    bio, batch = (
        pd.DataFrame({CATALOGUE[score].title: values[score] for score in names})
        for names in (members("bio"), members("batch"))
    )
    return [
        Block("Bio-conservation", COLOURS["bio"], bio, values["bio"]),
        Block("Batch mixing", COLOURS["batch"], batch, values["batch"]),
        Block("Composite", COLOURS["composite"], pd.DataFrame(index=methods), values["composite"]),
    ]


def _figure(table: pd.DataFrame, blocks: Sequence[Block], subject: str) -> Figure:
    from matplotlib.figure import Figure

    heights = _heights(table["group"])
    names = [str(name) for name in table["method"]]
    left = 0.5 + LETTER * max(map(len, names))
    labels = [str(column) for block in blocks for column in block.circles.columns]
    top = 0.66 + SLANTED_LETTER * max((len(label) for label in labels), default=0)
    size = (left + sum(block.width for block in blocks) + 0.1, top - min(heights) + ROW + 0.25)
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH)
    panel = figure.add_axes((0, 0, 1, 1))
    panel.set(xlim=(0, size[0]), ylim=(min(heights) - ROW - 0.25, top))
    panel.set_axis_off()
    _name_rows(panel, table, heights)
    for block in blocks:
        _draw(panel, block, heights, left, top)
        left += block.width
    words = (
        f"{subject}; bars from 0 to 1, size and colour of circles from the smallest to the largest value of a column"
    )
    panel.text(0.1, min(heights) - ROW - 0.1, as_drawn(words), fontsize=6.5, color=FAINT, va="center")
    return figure


def _heights(groups: pd.Series) -> list[float]:
    """Return the height of every row, downwards from 0, with room for a heading where a group begins."""
    heights: list[float] = []
    height = 0.0
    for before, group in zip([groups.iloc[0], *groups], groups, strict=False):
        height -= ROW * (1.0 if group == before else 1.7) if heights else 0.0
        heights.append(height - (ROW * 0.5 if not heights and group != "ranked" else 0.0))
        height = heights[-1]
    return heights


def _name_rows(panel: Axes, table: pd.DataFrame, heights: Sequence[float]) -> None:
    before = "ranked"
    for row, height in zip(table.to_dict(orient="records"), heights, strict=True):
        if row["group"] != before:
            panel.text(
                0.1, height + 0.66 * ROW, HEADINGS[row["group"]], fontsize=7, color=FAINT, style="italic", va="center"
            )
            before = row["group"]
        ranked = row["group"] == "ranked"
        if ranked:
            panel.text(0.28, height, str(row["place"]), fontsize=9, ha="right", va="center", color=FAINT)
        weight, ink = ("bold", INK) if ranked else ("normal", FAINT)
        panel.text(0.4, height, as_drawn(row["method"]), fontsize=9, va="center", fontweight=weight, color=ink)


def _draw(panel: Axes, block: Block, heights: Sequence[float], left: float, top: float) -> None:
    panel.text(left, top - 0.12, as_drawn(block.title), fontsize=9.5, fontweight="bold", va="top", color=INK)
    for number, column in enumerate(block.circles.columns):
        middle = left + (number + 0.5) * COLUMN
        panel.text(
            middle - 0.03,
            0.62 * ROW,
            as_drawn(column),
            fontsize=7.5,
            rotation=45,
            rotation_mode="anchor",
            va="center",
            color=INK,
        )
        values = block.circles[column].to_numpy(dtype=float)
        for height, value, share in zip(heights, values, _shares(values), strict=True):
            _circle(panel, (middle, height), value, share, block.colour)
    start = left + block.circles.shape[1] * COLUMN + 0.08
    panel.text(start, 0.62 * ROW, "mean" if block.circles.shape[1] else "", fontsize=7.5, va="center", color=INK)
    for height, value in zip(heights, block.bar.to_numpy(dtype=float), strict=True):
        _bar(panel, (start, height), value, block.colour)


def _shares(values: np.ndarray) -> np.ndarray:
    """Return 0 for the smallest value of a column to 1 for the largest, linear between."""
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    shares: np.ndarray = (values - low) / (high - low) if high > low else np.ones_like(values)
    return shares


def _circle(panel: Axes, place: tuple[float, float], value: float, share: float, colour: str) -> None:
    from matplotlib.patches import Circle

    if value == value:
        radius = LARGEST / 2 * (SMALLEST + (1 - SMALLEST) * share)
        panel.add_patch(Circle(place, radius, color=_deepened(colour, share), linewidth=0))
    _write(panel, place, value)


def _deepened(colour: str, share: float) -> np.ndarray:
    """Return the colour, RGB, mixed with white: the palest at 0, itself at 1."""
    from matplotlib.colors import to_rgb

    depth = PALEST + (1 - PALEST) * share
    mixed: np.ndarray = 1 - depth * (1 - np.array(to_rgb(colour)))
    return mixed


def _bar(panel: Axes, place: tuple[float, float], value: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    x, y = place[0], place[1] - 0.3 * ROW
    width = BAR - 0.16
    panel.add_patch(Rectangle((x, y), width, 0.6 * ROW, color=TRACK, linewidth=0))
    if value == value:
        panel.add_patch(Rectangle((x, y), width * min(max(value, 0.0), 1.0), 0.6 * ROW, color=colour, linewidth=0))
    _write(panel, (x + 0.17, place[1]), value, digits=3)


def _write(panel: Axes, place: tuple[float, float], value: float, digits: int = 2) -> None:
    text = f"{value:z.{digits}f}".replace("0.", ".", 1) if value == value else "NA"
    panel.text(*place, text, fontsize=6.5, ha="center", va="center", color=INK if value == value else FAINT)
