"""Is it safe to use? Statements in plain words, each with its number and what the number is held against."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from topocraft.data.texts import n_distinct
from topocraft.errors import list_names
from topocraft.evaluation.cautions import design_cautions, label_cautions
from topocraft.provenance import EMBEDDING
from topocraft.report.measures import Measures
from topocraft.report.subject import Subject

Judgement = Literal["ok", "warning", "bad", "unknown"]

MIXED, HALF_MIXED = 0.8, 0.5
"""Shares of the control's mixing from which batches count as mixed, and as partly mixed."""
KEPT, PARTLY_KEPT = 0.9, 0.75
"""Shares of the unintegrated agreement from which structure counts as kept, and as partly kept."""
LOST, MUCH_LOST = 0.02, 0.1
"""Losses of the positive rate from which types count as blurred, and as lost."""
HALF, FEW, MOST_NAMED = 0.5, 0.05, 6
"""A type is lost that had at least half of its cells among their own, and has no longer; few cells are such a share."""
MANY_ASIDE, MOST_ASIDE = 0.05, 0.2


@dataclass(frozen=True)
class Statement:
    """One line of the verdict: what was asked, its number, what that is held against, and the words."""

    name: str
    value: float
    reference: str
    verdict: Judgement
    sentence: str


def verdict(subject: Subject, measures: Measures) -> list[Statement]:
    """Return the lines of the verdict, in the order in which they are read."""
    return [
        _mixed(subject, measures),
        *_uncorrected(subject),
        _structure(measures),
        *_types(measures),
        *_lost_types(subject, measures),
        _set_aside(subject),
        *_conditions(subject),
        *_design(subject),
    ]


def headline(statements: Sequence[Statement]) -> tuple[Judgement, str]:
    """Return the worst judgement, and what follows from it."""
    count = {kind: sum(one.verdict == kind for one in statements) for kind in ("bad", "warning", "unknown")}
    if count["bad"]:
        return (
            "bad",
            f"Do not rely on it yet: {_number(count['bad'], 'line')} below {_speaks(count['bad'])} against it.",
        )
    if count["warning"] or count["unknown"]:
        return "warning", f"Use it with care: {_number(count['warning'] + count['unknown'], 'point')} below to look at."
    return "ok", "Nothing was found that speaks against using it."


def judged(value: float, good: float, fair: float) -> Judgement:
    """Return "ok" from ``good`` on, "warning" from ``fair`` on, else "bad"; "unknown" without a value.

    Examples
    --------
    >>> from topocraft.report.verdict import judged
    >>> [judged(value, 0.8, 0.5) for value in (0.9, 0.6, 0.1, float("nan"))]
    ['ok', 'warning', 'bad', 'unknown']
    """
    if math.isnan(value):
        return "unknown"
    return "ok" if value >= good else "warning" if value >= fair else "bad"


def _mixed(subject: Subject, measures: Measures) -> Statement:
    row = measures.row("mixing")
    kind = judged(row.after / row.control if row.control else math.nan, MIXED, HALF_MIXED)
    words = {"ok": "are mixed", "warning": "are partly mixed", "bad": "are not mixed", "unknown": "cannot be judged"}
    if kind == "unknown":
        return Statement("mixing", row.after, "", kind, f"Batches {words[kind]}. {row.reason}")
    where = "of its own type" if subject.labels is not None else "of any kind"
    return Statement(
        "mixing",
        row.after,
        f"{row.before:.2f} unintegrated, {row.control:.2f} with batches dealt out by chance",
        kind,
        f"Batches {words[kind]}: among the nearest cells {where}, other batches make up {row.after:.0%} of what chance "
        f"would give. Unintegrated it was {row.before:.0%}; with batches dealt out by chance it is {row.control:.0%}.",
    )


def _uncorrected(subject: Subject) -> Iterator[Statement]:
    """Say that nothing was corrected, where nothing told the batches apart."""
    corrected = subject.provenance.get("corrected", True)
    if isinstance(corrected, bool | np.bool_) and not corrected:
        yield Statement(
            "nothing corrected",
            math.nan,
            "",
            "ok",
            "Nothing told the batches apart before integration, so that nothing was corrected: the embedding is the "
            "principal components of the expression.",
        )


def _structure(measures: Measures) -> Statement:
    nmi, ari = measures.row("within_batch_nmi"), measures.row("within_batch_ari")
    kind = judged(nmi.after / nmi.before if nmi.before else math.nan, KEPT, PARTLY_KEPT)
    words = {"ok": "is kept", "warning": "is partly kept", "bad": "is lost", "unknown": "cannot be judged"}
    if kind == "unknown":
        return Statement("structure", nmi.after, "", kind, f"Structure within batches {words[kind]}. {nmi.reason}")
    return Statement(
        "structure",
        nmi.after,
        f"{nmi.before:.2f} unintegrated",
        kind,
        f"Structure within batches {words[kind]}: clusters agree with those of each batch alone by NMI {nmi.after:.2f} "
        f"and ARI {ari.after:.2f}. Unintegrated it was {nmi.before:.2f} and {ari.before:.2f}. No labels are used.",
    )


def _types(measures: Measures) -> Iterator[Statement]:
    if not measures.rates:
        return
    row, nmi = measures.row("positive_rate"), measures.row("nmi")
    lost = row.before - row.after
    kind = judged(-lost, -LOST, -MUCH_LOST)
    words = {"ok": "stay apart", "warning": "are blurred a little", "bad": "are blurred", "unknown": "cannot be judged"}
    if kind == "unknown":
        yield Statement("types", row.after, "", kind, f"Cell types {words[kind]}. {row.reason}")
        return
    yield Statement(
        "types",
        row.after,
        f"{row.before:.2f} unintegrated",
        kind,
        f"Cell types {words[kind]}: {row.after:.1%} of the cells lie among their own type ({row.before:.1%} "
        f"unintegrated). Clusters match the types by NMI {nmi.after:.2f} ({nmi.before:.2f} unintegrated).",
    )


def _lost_types(subject: Subject, measures: Measures) -> Iterator[Statement]:
    """Name the types that the means over all cells hide."""
    before, after = (measures.rates.get(moment, {}) for moment in ("before", "after"))
    lost = [name for name in after if before[name]["positive"] >= HALF > after[name]["positive"]]
    if not lost:
        return
    share = float(np.isin(subject.groups.astype(str), lost).mean())
    told = "; ".join(
        f"{name} {after[name]['positive']:.0%} ({before[name]['positive']:.0%} unintegrated)"
        for name in lost[:MOST_NAMED]
    )
    more = f"; and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
    yield Statement(
        "lost types",
        share,
        "of the cells",
        "warning" if share <= FEW else "bad",
        f"{_number(len(lost), 'type')}, {share:.1%} of the cells, no longer {'stands' if len(lost) == 1 else 'stand'} "
        f"apart. Cells among their own type: {told}{more}. Do not rely on the map for them.",
    )


def _set_aside(subject: Subject) -> Statement:
    aside, n_cells = int(subject.aside.sum()), len(subject.aside)
    missing = int((~subject.kept).sum())
    kind = judged(1 - aside / n_cells, 1 - MANY_ASIDE, 1 - MOST_ASIDE)
    place = f"{missing:,} of them have no coordinates and are not on this page" if missing else "they are embedded too"
    said = f"{aside:,} of {n_cells:,} cells ({aside / n_cells:.1%}) had too few genes and were kept out of training"
    sentence = f"{said}; {place}." if aside else f"All {n_cells:,} cells took part in training; none was set aside."
    return Statement("set aside", aside / n_cells, f"of {n_cells:,} cells", kind, sentence)


def _conditions(subject: Subject) -> Iterator[Statement]:
    """Warn of columns that the batches decide: what differs between their values may be gone with the batches."""
    obs, batch = subject.adata.obs, pd.Series(subject.batch, index=subject.adata.obs_names)
    decided = []
    for name in obs.columns:
        values = obs[name]
        if pd.api.types.is_float_dtype(values) or n_distinct(values) < 2 or name == subject.label_key:
            continue
        same = values.astype(str) == batch.astype(str)
        if not same.all() and (values.astype(str).groupby(batch).nunique() == 1).all():
            decided.append(str(name))
    if decided:
        yield Statement(
            "batch equals condition",
            len(decided),
            "columns of obs",
            "warning",
            f"Every batch has one value only of {list_names(decided)}. What differs between these values cannot be "
            "told from batch effects and may be gone: compare such groups in the counts, not on the map.",
        )


def _design(subject: Subject) -> Iterator[Statement]:
    known = np.ones(len(subject.batch), dtype=bool)
    if subject.labels is not None:
        known = np.array([label is not None for label in subject.labels])
    labels = None if subject.labels is None else subject.labels[known].astype(str)
    cautions = [
        *design_cautions(subject.batch[known], labels),
        *label_cautions(subject.provenance, [EMBEDDING], subject.label_key),
    ]
    if not known.all():
        cautions.append(f"{int((~known).sum()):,} cells have no type and are left out of every score of types.")
    for caution in cautions:
        yield Statement("design", math.nan, "", "warning", caution)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _speaks(count: int) -> str:
    return "speaks" if count == 1 else "speak"
