"""A search as people read it: a table, and a few sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from topocraft.tuning.records import OBJECTIVES, Tuning
from topocraft.tuning.space import ALSO, RANGES, RESOLUTION

if TYPE_CHECKING:
    from rich.table import Table

TITLES = {
    "setting": "no.",
    "lambda_adversary": "λ_D",
    "lambda_triplet": "λ_T",
    "kl_coefficient": "KL",
    RESOLUTION: "low",
}


def trials_table(found: Tuning) -> Table:
    """Return the settings that were trained to the end, the best score first, as a table of less than 80 columns."""
    from rich import box
    from rich.table import Table

    shown = found.trials[found.trials["trained"] == "to the end"].sort_values("score", ascending=False, kind="stable")
    numbers = [name for name in (*OBJECTIVES, "composite") if name in shown]
    fields = [name for name in (*RANGES, RESOLUTION, *ALSO) if name in shown]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.caption, table.caption_justify = _caption(found), "left"
    for name in ("setting", *fields, *numbers):
        table.add_column(TITLES.get(name, name), justify="right")
    table.add_column("")
    for row in shown.to_dict(orient="records"):
        values = (f"{row[name]:g}" if isinstance(row[name], float) else str(row[name]) for name in fields)
        scores = ("–" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in numbers)
        table.add_row(str(row["setting"]), *values, *scores, _mark(row))
    return table


def tuning_words(found: Tuning) -> Iterator[str]:
    """Yield what was chosen and by which rule, and with cell types how far the score goes with the composite."""
    table = found.trials
    start, chosen = table.iloc[0], table[table["chosen"]].iloc[0]
    which = " that are no worse than the start in structure and in mixing" if found.rule == "no-worse" else ""
    if len(table) == 1:
        yield "Chosen: the configuration that the search started from; nothing else was tried. Give it more minutes."
    elif found.chosen == 0:
        yield f"Chosen: the configuration that the search started from; of all{which}, none scores higher."
    else:
        gain = chosen["score"] - start["score"]
        yield f"Chosen: setting {found.chosen}, the highest score of all{which}; {gain:+.3f} over the start."
    if "composite" not in table:
        return
    n_known = int(table["composite"].notna().sum())
    if math.isnan(found.correlation):
        yield f"Too few settings have a composite ({n_known}) to tell how the score goes with it."
    else:
        rho = f"{found.correlation:.2f}"
        yield f"Score and true composite: rank correlation {rho} over {n_known} settings. The composite chose nothing."


def _caption(found: Tuning) -> str:
    short = int((found.trials["trained"] == "a third").sum())
    broken = int((found.trials["trained"] == "broke off").sum())
    said = f"{short:,} more were given up after a third of the epochs." if short else ""
    lost = f" {broken:,} could not be trained: see reason in the table." if broken else ""
    means = "λ_D and λ_T weigh the adversary and the triplets; score = 0.6 structure + 0.4 mixing."
    return "\n".join([means, *([f"{said}{lost}".strip()] if said or lost else [])])


def _mark(row: dict[str, object]) -> str:
    marks = {"chosen": row["chosen"], "start": row["setting"] == 0, "front": row["front"]}
    return next((name for name, is_so in marks.items() if is_so), "")
