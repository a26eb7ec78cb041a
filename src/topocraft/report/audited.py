"""What an audit found, if the cells were audited: its statements, part by part, the worst first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from topocraft.errors import InputError
from topocraft.provenance import AUDIT
from topocraft.report.verdict import Judgement, Statement

if TYPE_CHECKING:
    from anndata import AnnData

GRAVITY: tuple[Judgement, ...] = ("bad", "warning", "unknown", "ok")
GRAVE = ("absence", "over-correction")
"""Parts that say of cells that they lie among others; of all cells, that is bad of the map, not of its finer points."""
SHOWN = 6
"""Statements of a part that are shown at once; the others fold out."""


@dataclass(frozen=True)
class Finding:
    """One statement of the audit: whom it is about, the words, and what chance gives."""

    verdict: Judgement
    subject: str
    sentence: str
    chance: str


@dataclass(frozen=True)
class Part:
    """A part of the audit: the findings that are shown at once, and those that fold out."""

    title: str
    shown: Sequence[Finding]
    folded: Sequence[Finding]


def audit_parts(adata: AnnData) -> list[Part]:
    """Return the parts of the audit that ``topocraft.audit`` left in ``uns``, in its order; none if there is none.

    Raises
    ------
    InputError
        What lies there is not an audit.
    """
    if AUDIT not in adata.uns:
        return []
    try:
        statements = json.loads(adata.uns[AUDIT])["statements"]
        findings = [(str(one["part"]), _finding(one)) for one in statements]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"uns['{AUDIT}'] must be an audit as topocraft.audit writes it; it cannot be read ({error}). Audit the "
            f"cells again, or delete it."
        ) from None
    parts: dict[str, list[Finding]] = {}
    for title, finding in findings:
        parts.setdefault(title, []).append(finding)
    ordered = {title: sorted(found, key=lambda one: GRAVITY.index(one.verdict)) for title, found in parts.items()}
    return [Part(title, found[:SHOWN], found[SHOWN:]) for title, found in ordered.items()]


def audit_statement(parts: Sequence[Part]) -> list[Statement]:
    """Return the line of the verdict that sums up an audit; none without one.

    Bad of the map is only what puts cells of all kinds among others; what is bad of one population, or of finer
    points, is something to look at.
    """
    found = [one.verdict for part in parts for one in (*part.shown, *part.folded)]
    if not found:
        return []
    grave = any(one.verdict == "bad" and not one.subject for part in parts if part.title in GRAVE for one in part.shown)
    struck = [part.title for part in parts if part.shown[0].verdict in ("bad", "warning")]
    verdict: Judgement = "bad" if grave else "warning" if struck else _worst(found)
    words = f"{found.count('bad')} bad and {found.count('warning')} to look at ({', '.join(struck)})"
    words += "" if grave or not found.count("bad") else ", none of which says that cells of all kinds are out of place"
    count = f"{len(found)} statement{'' if len(found) == 1 else 's'}"
    sentence = f"The audit made {count}, {words if struck else 'none of them against the map'}."
    return [Statement("audit", float(found.count("bad")), f"bad of {count}", verdict, sentence)]


def _worst(verdicts: Iterable[Judgement]) -> Judgement:
    return min(verdicts, key=GRAVITY.index)


def _finding(one: dict[str, Any]) -> Finding:
    if one["verdict"] not in get_args(Judgement):
        raise ValueError(f"unknown verdict {one['verdict']!r}")
    return Finding(one["verdict"], str(one["subject"]), str(one["sentence"]), _chance(one))


def _chance(one: dict[str, Any]) -> str:
    """Return what chance gives: mean, middle 95 % and p-value, as far as they are known."""
    mean, low, high, p_value = (
        math.nan if one[name] is None else float(one[name])
        for name in ("null_mean", "null_low", "null_high", "p_value")
    )
    if math.isnan(mean):
        return ""
    between = "" if math.isnan(low) else f" ({low:.2f} … {high:.2f})"
    p_value_said = "" if math.isnan(p_value) else f", p {p_value:.3f}"
    return f"{one['null_name']}: {mean:.2f}{between}{p_value_said}"
