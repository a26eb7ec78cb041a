"""Can the design answer the question at all? Batches confounded with types or conditions, nested, or too small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from topocraft.audit.crossing import crossing
from topocraft.audit.records import NAN, Statement, Verdict
from topocraft.audit.subject import Subject
from topocraft.errors import list_names
from topocraft.evaluation.cautions import FEW_CELLS, design_cautions, pairs_without_a_shared_type

PART = "design"
MOST_ALONE = 0.5


def design_tables(subject: Subject) -> dict[str, pd.DataFrame]:
    """Return how the cells are laid out: groups × batches, and every condition × batches, in long form.

    Columns: ``group`` (or ``condition`` and ``level``), ``batch``, ``cells``; pairs without cells are there, with 0.
    """
    batch = subject.batch_text()
    known = subject.groups >= 0
    groups = np.array(subject.group_names, dtype=object)[subject.groups[known]] if known.any() else np.array([], object)
    conditions = [
        _counts(values, batch, "level").assign(condition=name)[["condition", "level", "batch", "cells"]]
        for name, values in subject.conditions.items()
    ]
    columns = ["condition", "level", "batch", "cells"]
    return {
        "design_groups": _counts(groups, batch[known], "group"),
        "design_conditions": pd.concat(conditions, ignore_index=True) if conditions else pd.DataFrame(columns=columns),
    }


def design_statements(subject: Subject, tables: dict[str, pd.DataFrame]) -> Iterator[Statement]:
    """Yield what no method could tell apart in this design, and what is too small to say anything of."""
    yield _small(subject)
    groups = tables["design_groups"]
    if len(groups):
        wide = groups.pivot(index="group", columns="batch", values="cells")
        said = _said(subject)
        yield _alone(wide, subject.kind, said)
        yield _nested(wide, subject.kind, said)
    for name in subject.conditions:
        rows = tables["design_conditions"]
        yield _confounded(name, rows[rows["condition"] == name])


def _counts(values: np.ndarray, batch: np.ndarray, column: str) -> pd.DataFrame:
    there = np.array([value is not None for value in values], dtype=bool)
    if not there.any():
        return pd.DataFrame(columns=[column, "batch", "cells"])
    table = pd.crosstab(pd.Series(values[there], name=column), pd.Series(batch[there], name="batch"))
    return table.stack().rename("cells").reset_index()


def _said(subject: Subject) -> list[str]:
    """Return the words of the evaluation on the same design."""
    known = subject.groups >= 0
    return design_cautions(subject.batch_text()[known], np.array(subject.group_names)[subject.groups[known]])


def _small(subject: Subject) -> Statement:
    sizes = np.bincount(subject.batch, minlength=len(subject.cells.batch_names))
    few = [name for name, size in zip(subject.cells.batch_names, sizes, strict=True) if 0 < size < FEW_CELLS]
    n_batches = int((sizes > 0).sum())
    said = f"with fewer than {FEW_CELLS} cells they say little: {list_names(few)}" if few else "none is too small"
    return Statement(
        part=PART,
        name="small batches",
        value=len(few) / n_batches,
        verdict="warning" if few else "ok",
        reference=0.0,
        reference_name="none",
        sentence=f"Small batches: {len(few)} of {n_batches}; {said}.",
    )


def _alone(wide: pd.DataFrame, kind: str, said: list[str]) -> Statement:
    alone = wide.index[(wide > 0).sum(axis=1) == 1]
    share = len(alone) / len(wide)
    verdict: Verdict = "ok" if not len(alone) else "warning" if share <= MOST_ALONE else "bad"
    words = next((text for text in said if text.startswith("Confounded")), "")
    found = f"{kind.capitalize()}s found in one batch only: {len(alone)} of {len(wide)}{_names(alone)}"
    meaning = "; what sets their batch apart there cannot be told from what they are" if len(alone) else ""
    return Statement(
        part=PART,
        name="in one batch only",
        value=share,
        verdict=verdict,
        reference=0.0,
        reference_name="none",
        sentence=words or f"{found}{meaning}.",
    )


def _nested(wide: pd.DataFrame, kind: str, said: list[str]) -> Statement:
    apart, pairs = pairs_without_a_shared_type(wide)
    words = next((text for text in said if text.startswith("Nested")), "")
    return Statement(
        part=PART,
        name="batches that share nothing",
        value=apart / pairs,
        verdict="ok" if not apart else "bad" if apart == pairs else "warning",
        reference=0.0,
        reference_name="none",
        sentence=words
        or f"Pairs of batches that share no {kind}: {apart} of {pairs}"
        + ("; nothing can align those directly." if apart else "."),
    )


def _confounded(name: str, rows: pd.DataFrame) -> Statement:
    wide = rows.pivot(index="level", columns="batch", values="cells")
    if len(wide) < 2:
        said = f"'{name}' has one level only, so that nothing is confounded with it."
        return Statement(
            part=PART, name="confounded with a condition", subject=name, value=NAN, verdict="unknown", sentence=said
        )
    value, (verdict, meaning) = cramers_v(wide.to_numpy()), crossing(wide)
    inside = int(((wide > 0).sum(axis=0) == 1).sum())
    return Statement(
        part=PART,
        name="confounded with a condition",
        subject=name,
        value=value,
        verdict=verdict,
        reference=0.0,
        reference_name="crossed with batches",
        null_mean=expected_v(wide.to_numpy()),
        null_name="cells dealt out anew, approximately",
        sentence=(
            f"'{name}' and batch go together at Cramér's V {value:.2f}; {inside} of {wide.shape[1]} batches hold one "
            f"level only: {meaning}."
        ),
    )


def cramers_v(counts: np.ndarray) -> float:
    """Return Cramér's V of a table of counts: 0 where rows and columns are independent, 1 where one tells the other.

    Examples
    --------
    >>> import numpy as np
    >>> cramers_v(np.array([[10, 0], [0, 10]])), cramers_v(np.array([[5, 5], [5, 5]]))
    (1.0, 0.0)
    """
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
    chi_squared = (np.square(counts - expected) / np.maximum(expected, 1e-12)).sum()
    return float(np.sqrt(chi_squared / (counts.sum() * (min(counts.shape) - 1))))


def expected_v(counts: np.ndarray) -> float:
    """Return about what Cramér's V is by chance: χ² is then its degrees of freedom on average."""
    rows, columns = counts.shape
    return float(np.sqrt((rows - 1) * (columns - 1) / (counts.sum() * (min(counts.shape) - 1))))


def _names(names: Any) -> str:
    return f" ({list_names(names)})" if len(names) else ""
