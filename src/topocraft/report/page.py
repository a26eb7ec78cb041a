"""The page itself: templates filled with values, every one escaped; one file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft.report.audited import Part
from topocraft.report.groups import Grid, GroupRow
from topocraft.report.training import Training
from topocraft.report.verdict import Judgement, Statement

if TYPE_CHECKING:
    from jinja2 import Environment

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("decode", "colours", "marks", "painter", "view", "map", "legend", "atlas", "saving", "main")
SHADES = "cividis"
DARK = 0.5


@dataclass(frozen=True)
class ScoreRow:
    """A line of the table of scores."""

    title: str
    asks: str
    before: float
    after: float
    control: float
    weakness: str


@dataclass(frozen=True, eq=False)
class Page:
    """Everything that the page says.

    Attributes
    ----------
    title, subtitle
        What it is about.
    judgement, headline, statements, look
        The verdict: its worst judgement, what follows, the lines behind it, and where to look.
    data, notes
        What the browser draws, from ``maps.map_data``; what is said beside the maps.
    kind, groups, batches, grids
        Tables and heat maps by type or cluster, and by batch.
    audit
        The parts of the audit; none where the cells were not audited.
    training
        Of the model; ``None`` where the file tells nothing.
    scores, provenance
        The table of scores, and facts by name.
    """

    title: str
    subtitle: str
    judgement: Judgement
    headline: str
    statements: Sequence[Statement]
    look: Sequence[str]
    data: Mapping[str, Any]
    notes: Sequence[str]
    kind: str
    groups: Sequence[GroupRow]
    batches: Sequence[GroupRow]
    grids: Sequence[Grid]
    audit: Sequence[Part]
    training: Training | None
    scores: Sequence[ScoreRow]
    provenance: Sequence[tuple[str, str]]


def render(page: Page) -> str:
    """Return the page as HTML.

    Values are shown as text, whatever they hold: the templates escape them, the maps' data stands in a block that no
    browser executes, and a content-security policy allows this page's own script and style alone.
    """
    script = "\n".join((ASSETS / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}\n}})();'
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            script=script,
            style=style,
            script_hash=_digest(script),
            style_hash=_digest(style),
            shades=_shades(17),
        )
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["own"] = Markup  # our own script and style, never a value
    environment.filters |= {"share": _share, "score": _score, "shade": _shade, "ink": _ink, "known": _known}
    return environment


def _known(value: float) -> bool:
    return not math.isnan(value)


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _score(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:z.3f}"


def _shade(value: float) -> str:
    from matplotlib import colormaps, colors

    return "none" if math.isnan(value) else colors.to_hex(colormaps[SHADES](min(max(value, 0.0), 1.0)))


def _ink(value: float) -> str:
    return "currentColor" if math.isnan(value) else "#ffffff" if value < DARK else "#000000"


def _shades(count: int) -> list[str]:
    return [_shade(place / (count - 1)) for place in range(count)]
