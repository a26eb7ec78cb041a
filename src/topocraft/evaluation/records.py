"""Scores as text that other programs read."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd


def as_json(scores: pd.DataFrame) -> str:
    """Return the table of ``evaluate`` as JSON: versions, seed, cells, cautions, and a record per row.

    A value that is NaN is ``null``, with its reason in the same record.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.evaluation import as_json
    >>> print(as_json(pd.DataFrame({"score": ["nmi"], "value": [0.5]})))
    {
      "scores": [
        {
          "score": "nmi",
          "value": 0.5
        }
      ]
    }
    """
    rows = [{name: _plain(value) for name, value in row.items()} for row in scores.to_dict(orient="records")]
    return json.dumps({**scores.attrs, "scores": rows}, indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
