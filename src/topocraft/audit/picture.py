"""An audit as pictures: every statement on one scale, and what became of populations and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.audit.absence_statements import MOST_ABSORBED
from topocraft.audit.records import Audit, Statement, Verdict
from topocraft.plot import PALETTE
from topocraft.plot.words import as_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: dict[Verdict, str] = {"ok": PALETTE[2], "warning": PALETTE[1], "bad": PALETTE[5], "unknown": "#999999"}
MARKS: dict[Verdict, str] = {"ok": "o", "warning": "^", "bad": "X", "unknown": "s"}
"""Marks beside colours, so that no colour needs to be told apart."""
MOST_ROWS, ROW_INCHES, LEAST, MOST = 40, 0.26, -0.15, 1.15
LONGEST, FEWEST_BARS, BAR_INCHES = 60, 6, 0.4


def statements_figure(audit: Audit) -> Figure:
    """Draw the statements that have a number: the value, what it is held against, and what chance gives.

    Parameters
    ----------
    audit
        What ``audit`` returned; of more than 40 statements the first of those that are not well come first.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it needs no display, and no closing.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.audit import Audit, Statement
    >>> one = Statement(part="design", name="small batches", value=0.0, verdict="ok", sentence="None.")
    >>> len(statements_figure(Audit((one,), {}, pd.DataFrame(), {})).axes)
    1
    """
    from matplotlib.figure import Figure

    shown = _shown(audit.statements)
    figure = Figure(figsize=(9.5, 1.3 + ROW_INCHES * max(1, len(shown))), dpi=150, layout="constrained")
    panel = figure.subplots()
    for row, one in enumerate(shown):
        _draw_statement(panel, row, one)
    panel.set(ylim=(len(shown) - 0.4, -0.6), xlim=(LEAST, MOST), yticks=range(len(shown)))
    panel.set_yticklabels([as_drawn(_label(one)) for one in shown], fontsize=8)
    panel.set_xlabel("value; beyond the edges, at them", fontsize=8)
    panel.tick_params(axis="x", labelsize=8)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="#E5E5E5", zorder=0)
    panel.spines[["top", "right", "left"]].set_visible(False)
    _add_legend(panel, {one.verdict for one in shown})
    return figure


def losses_figure(audit: Audit) -> Figure:
    """Draw, per population, neighbours that its batch says are different, before and after; and absorbed groups.

    Parameters
    ----------
    audit
        What ``audit`` returned.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels; one that has nothing to show says so.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.audit import Audit
    >>> len(losses_figure(Audit((), {}, pd.DataFrame(), {})).axes)
    2
    """
    from matplotlib.figure import Figure

    absence = audit.tables.get("absence", pd.DataFrame())
    absence = absence[absence["judged"] > 0] if len(absence) else absence
    height = max(4.4, 1.2 + BAR_INCHES * min(len(absence), MOST_ROWS))
    figure = Figure(figsize=(10.5, height), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_populations(left, audit.tables.get("populations", pd.DataFrame()))
    _draw_absence(right, absence)
    return figure


def _shown(statements: tuple[Statement, ...]) -> list[Statement]:
    numbered = [one for one in statements if np.isfinite(one.value)]
    if len(numbered) <= MOST_ROWS:
        return numbered
    order = {"bad": 0, "warning": 1, "ok": 2, "unknown": 3}
    return sorted(numbered, key=lambda one: order[one.verdict])[:MOST_ROWS]


def _label(one: Statement) -> str:
    return _short(f"{one.part}: {one.subject or one.name}")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _draw_statement(panel: Axes, row: int, one: Statement) -> None:
    if np.isfinite([one.null_low, one.null_high]).all():
        ends = np.clip([one.null_low, one.null_high], LEAST, MOST)
        panel.plot(ends, [row, row], color="#BBBBBB", linewidth=6, solid_capstyle="butt", zorder=1)
    if np.isfinite(one.reference):
        panel.plot(np.clip(one.reference, LEAST, MOST), row, "|", color="black", markersize=11, zorder=2)
    panel.plot(
        np.clip(one.value, LEAST, MOST), row, MARKS[one.verdict], color=COLOURS[one.verdict], markersize=6, zorder=3
    )


def _add_legend(panel: Axes, verdicts: set[Verdict]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker=MARKS[verdict], color=COLOURS[verdict], linestyle="", label=verdict)
        for verdict in COLOURS
        if verdict in verdicts
    ]
    marks.append(Line2D([], [], marker="|", color="black", linestyle="", markersize=11, label="held against"))
    marks.append(Line2D([], [], color="#BBBBBB", linewidth=6, label="by chance, 95 %"))
    panel.legend(handles=marks, loc="lower left", bbox_to_anchor=(0, 1), ncols=6, frameon=False, fontsize=8)


def _draw_populations(panel: Axes, table: pd.DataFrame) -> None:
    panel.set_title("Neighbours that the own batch says are different", loc="left", fontsize=10)
    if table.empty:
        _say_nothing(panel, "no batch has clusters of its own")
        return
    end = _rounded_up(float(table[["before", "after"]].max(axis=None)))
    panel.plot([0, end], [0, end], color="#BBBBBB", linewidth=1, zorder=1)
    for verdict, rows in table.groupby("verdict"):
        area = 12 + 60 * np.sqrt(rows["cells"] / table["cells"].max())
        panel.scatter(
            rows["before"],
            rows["after"],
            s=area,
            marker=MARKS[verdict],
            color=COLOURS[verdict],
            alpha=0.8,
            label=verdict,
        )
    panel.set(xlim=(-0.03 * end, 1.03 * end), ylim=(-0.03 * end, 1.03 * end))
    panel.set_xlabel("share before integration", fontsize=9)
    panel.set_ylabel("share after", fontsize=9)
    panel.set_box_aspect(1)
    panel.legend(frameon=False, fontsize=8, loc="upper left", title="a mark per population", title_fontsize=8)


def _draw_absence(panel: Axes, table: pd.DataFrame) -> None:
    panel.set_title("Absorbed where a batch lacks the group", loc="left", fontsize=10)
    judged = table.head(MOST_ROWS)
    if judged.empty:
        _say_nothing(panel, "nothing was tried")
        return
    from matplotlib.ticker import PercentFormatter

    places, absorbed, before = np.arange(len(judged)), judged["absorbed"].astype(float), judged["before"].astype(float)
    end = _rounded_up(float(np.nanmax([*absorbed, *before, MOST_ABSORBED])))
    panel.barh(places, absorbed, color=PALETTE[4], height=0.36, label="absorbed")
    panel.plot(before, places, "|", color="black", markersize=12, label="with the group in the batch")
    panel.axvline(MOST_ABSORBED, color=PALETTE[5], linewidth=1, linestyle="--", label=f"{MOST_ABSORBED:.0%}")
    for place, value, row in zip(places.tolist(), absorbed, judged.itertuples(), strict=True):
        panel.text(value + 0.01 * end, place, f"{value:.0%}", va="center", fontsize=8)
        name = as_drawn(_short(f"{row.group}, {row.how}: {row.batch}"))
        panel.text(0.01 * end, place - 0.24, name, va="bottom", fontsize=8)
    panel.set(xlim=(0, 1.1 * end), yticks=[], ylim=(max(len(judged), FEWEST_BARS) - 0.5, -0.9))
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    panel.set_xlabel("of the group's cells", fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3)


def _rounded_up(share: float) -> float:
    """Return where an axis for shares up to this one ends: at the next tenth, at most 1."""
    return float(np.clip(np.ceil(share * 10) / 10, 0.1, 1.0))


def _say_nothing(panel: Axes, why: str) -> None:
    panel.text(0.5, 0.5, why, ha="center", va="center", fontsize=9, transform=panel.transAxes)
    panel.set(xticks=[], yticks=[])
