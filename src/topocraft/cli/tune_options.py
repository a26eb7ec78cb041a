"""The options that only ``topocraft tune`` has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from topocraft.cli.options import COLUMNS, METHOD, RESULT, RUN, Count, Name, Names, Number, option

Cells = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Cells: .h5ad, .zarr, .loom, 10x .h5, 10x mtx folder.", show_default=False),
]
TrueTypes = Annotated[
    Name, option("--label-key", COLUMNS, "Column of obs with the true types, shown beside; they choose nothing.")
]
SearchFolder = Annotated[
    Path | None, option("--output -o", RESULT, "Folder to write into; a search that is there goes on.")
]
Minutes = Annotated[
    Number, option("--minutes", RUN, "Budget of all calls on the folder; the start is always trained.", 10)
]
MostSettings = Annotated[Count, option("--settings", RUN, "Most settings to try.", "what the minutes allow")]
Also = Annotated[
    Names, option("--also", METHOD, "Search this as well, scope or head; repeatable.", metavar="<scope|head>")
]
Choice = Annotated[
    Literal["no-worse", "best"],
    option("--rule", METHOD, "Of the settings, the best that loses nothing against the start, or of all.", "no-worse"),
]
