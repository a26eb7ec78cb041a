"""What an audit comes to: statements, the tables behind them, and a line per cell."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from topocraft.provenance import AUDIT, views_becoming_whole

if TYPE_CHECKING:
    from anndata import AnnData

Verdict = Literal["ok", "warning", "bad", "unknown"]
NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One finding.

    Parameters
    ----------
    part, name
        Which part of the audit, and which number of it.
    value
        The number; NaN where there is none, and the verdict is then "unknown".
    verdict
        "ok", "warning", "bad" or "unknown".
    sentence
        What it means, in one plain sentence.
    subject
        The batch, cell type or covariate it is about; empty for all cells.
    reference, reference_name
        A value to hold it against, and whose that is.
    null_mean, null_low, null_high, p_value
        What chance gives: mean, the middle 95 %, and how often chance is as extreme, one-sided, as the value.
    null_name
        What was left to chance.
    """

    part: str
    name: str
    value: float
    verdict: Verdict
    sentence: str
    subject: str = ""
    reference: float = NAN
    reference_name: str = ""
    null_mean: float = NAN
    null_low: float = NAN
    null_high: float = NAN
    p_value: float = NAN
    null_name: str = ""


@dataclass(frozen=True, eq=False)
class Audit:
    """Everything that an audit found.

    Parameters
    ----------
    statements
        The findings, in the order of the parts.
    tables
        The rows behind them, by name, one tidy table each.
    cells
        A row for every cell of the AnnData: ``topocraft_mixed`` and ``topocraft_kept`` (0 … 1, NaN where nothing can
        be said), ``topocraft_flag`` (why a cell is flagged, "" where it is not), ``topocraft_flagged`` (bool).
    facts
        What was audited, with what: versions, seed, times, what was tried and what the budget left out.
    """

    statements: tuple[Statement, ...]
    tables: Mapping[str, pd.DataFrame]
    cells: pd.DataFrame
    facts: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return the statements as a table, a row each, the fields of ``Statement`` as columns."""
        return pd.DataFrame([asdict(one) for one in self.statements])

    def counts(self) -> dict[str, int]:
        """Return how many statements there are of each verdict."""
        found = [one.verdict for one in self.statements]
        return {verdict: found.count(verdict) for verdict in get_args(Verdict)}

    def annotate(self, adata: AnnData) -> None:
        """Write the columns of ``cells`` into ``adata.obs``, and the statements as JSON into its ``uns``."""
        with views_becoming_whole():
            for name, values in self.cells.items():
                adata.obs[name] = pd.Categorical(values) if name == "topocraft_flag" else values.to_numpy()
        adata.uns[AUDIT] = as_json(self)


def as_json(audit: Audit) -> str:
    """Return an audit as JSON, but for its cells; numbers that are not there are ``null``.

    Examples
    --------
    >>> import json
    >>> import pandas as pd
    >>> from topocraft.audit import Audit, Statement, as_json
    >>> one = Statement(part="design", name="small", value=0.0, verdict="ok", sentence="No batch is small.")
    >>> json.loads(as_json(Audit((one,), {}, pd.DataFrame(), {})))["statements"][0]["p_value"] is None
    True
    """
    whole = {
        "facts": _plain(dict(audit.facts)),
        "statements": [_plain(asdict(one)) for one in audit.statements],
        "tables": {
            name: [_plain(row) for row in table.to_dict(orient="records")] for name, table in audit.tables.items()
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
