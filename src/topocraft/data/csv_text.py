"""Tables as CSV that a spreadsheet may open: no cell of it is run as a formula."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

# A spreadsheet takes text that begins so for a formula, some after blanks, some in full width (\uff1d and the like); a
# number with its sign is none.
FORMULA = re.compile(
    r"\t|[\s\ufeff\u200b]*(?:[=+@\uff1d\uff0b\uff20\uff0d]|-(?!\d*\.?\d*(?:e[+-]?\d+)?\s*$))", re.IGNORECASE
)


def csv_text(table: pd.DataFrame, *, index_label: str | None = None) -> str:
    """Return a table as CSV; text that begins like a formula gets an apostrophe in front, as spreadsheets have it.

    Parameters
    ----------
    table
        Any table. Numbers stay as they are.
    index_label
        Heading of the index, which is left out without one.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.data.csv_text import csv_text
    >>> print(csv_text(pd.DataFrame({"type": ["B", "=HYPERLINK(A1)"], "score": [-0.5, 1.0]})), end="")
    type,score
    B,-0.5
    '=HYPERLINK(A1),1.0
    """
    safe = table.rename(columns=_disarmed, index=_disarmed)
    for place, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, table.iloc[:, place].astype(object).map(_disarmed).to_numpy())
    return str(safe.to_csv(index=index_label is not None, index_label=index_label))


def _disarmed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    one_line = value.replace("\r", "\\r")  # pandas does not quote it, and it would begin a row
    return f"'{one_line}" if FORMULA.match(one_line) else one_line
