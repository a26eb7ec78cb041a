"""The order and the words in which people read a table of scores."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from topocraft.metrics.catalogue import CATALOGUE

SUMMARY = ("composite", "bio", "batch", "f1_lisi")
PER_TYPE = ("positive_rate", "true_positive_rate", "blisi", "kbet")
NARROW = 9


def sections(scores: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of all cells, then of each covariate, under headings, as people read them."""
    whole = scores[scores["part"] == ""]
    structure = whole["score"].map(lambda name: CATALOGUE[name].asks == "structure")
    beside = (whole["mean"] == "") & ~whole["score"].isin(SUMMARY)
    for heading, chosen in (
        ("Summary", whole["score"].isin(SUMMARY)),
        ("Bio-conservation", whole["mean"] == "bio"),
        ("Batch mixing", whole["mean"] == "batch"),
        ("Is structure kept?", beside & structure),
        ("Are batches mixed?", beside & ~structure),
    ):
        if chosen.any():
            yield heading, whole[chosen]
    of_covariates = scores[scores["score"].map(lambda name: CATALOGUE[name].needs == "covariate")]
    for covariate, rows in of_covariates.groupby("part", sort=False):
        yield f"Covariate {covariate}", rows


def by_type(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of cell types."""
    return scores[(scores["part"] != "") & scores["score"].isin(PER_TYPE)]


def is_control(scores: pd.DataFrame, name: str) -> bool:
    """Say whether an embedding is a control."""
    return bool((scores.loc[scores["embedding"] == name, "kind"] == "control").all())


def heading_of(name: str) -> str:
    """Return the name of an embedding as the heading of a narrow column, in lines broken behind its marks if it can be.

    Examples
    --------
    >>> from topocraft.evaluation.reading import heading_of
    >>> heading_of("X_pca_harmony").splitlines()
    ['X_pca_', 'harmony']
    """
    if name == "unintegrated":
        return "not inte-\ngrated"
    lines = [""]
    for piece in re.findall(rf"[^ _.-]{{1,{NARROW}}}[ _.-]?|[ _.-]", name):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > NARROW:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)
