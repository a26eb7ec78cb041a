"""What a reader of scores must know before believing them: the design, the labels, scores that no longer tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from topocraft.errors import list_names
from topocraft.metrics.catalogue import CATALOGUE
from topocraft.metrics.per_type import MIN_CELLS

FEW_CELLS = 30
SATURATED, BY_CONSTRUCTION = 0.98, 0.995
SUPERVISED = re.compile(r"scanvi|scpoli|scgen|stacas|supervised", re.IGNORECASE)


def design_cautions(batch: np.ndarray, labels: np.ndarray | None) -> list[str]:
    """Say where batches and types are laid out so that some scores mislead or leave cells out.

    Parameters
    ----------
    batch, labels
        Batch and cell type of every cell, (n_cells,); no types, no words on them.

    Examples
    --------
    >>> import numpy as np
    >>> design_cautions(np.array(["x"] * 40 + ["y"] * 40), np.array(["a"] * 40 + ["b"] * 40))[0]
    'Confounded: no cell type is found in two batches, so that mixing cannot be told from loss.'
    """
    batches, sizes = np.unique(batch, return_counts=True)
    said = []
    if (sizes < FEW_CELLS).any():
        said.append(f"Batches of fewer than {FEW_CELLS} cells say little: {list_names(batches[sizes < FEW_CELLS])}.")
    return said if labels is None else [*_layout(pd.crosstab(labels, batch)), *said]


def label_cautions(provenance: Mapping[str, Any], embeddings: Iterable[str], label_key: str | None) -> list[str]:
    """Say which embeddings have seen the labels that they are scored on, by their provenance or by their name.

    ``provenance`` is ``uns["topocraft"]``, or empty.
    """
    names = [name for name in embeddings if SUPERVISED.search(name)]
    used = dict(provenance.get("annotation", {}))
    if label_key is not None and label_key in used.values():
        names.append("X_topocraft")
    if not names:
        return []
    return [f"Trained with labels, so that scores from labels flatter it: {list_names(names)}."]


def score_cautions(scores: pd.DataFrame) -> list[str]:
    """Say which scores no longer tell embeddings apart; ``scores`` is the table of ``evaluate``."""
    whole = scores[(scores["part"] == "") & (scores["mean"] != "")]
    whole = whole[(whole["kind"] == "embedding") | (whole["embedding"] == "unintegrated")]
    said = []
    lowest = whole.groupby("score")["value"].min()
    full = [CATALOGUE[name].title for name in lowest.index[lowest >= SATURATED]]
    if full:
        said.append(
            f"Saturated, integrated or not (above {SATURATED}), so that they add a constant: {list_names(full)}."
        )
    pcr = whole[(whole["score"] == "pcr") & (whole["kind"] == "embedding") & (whole["value"] >= BY_CONSTRUCTION)]
    if len(pcr):
        said.append(
            f"PCR batch is nearly 1 for {list_names(pcr['embedding'])}: subtracting batch means does that by "
            "construction, mixed or not."
        )
    return said


def _layout(cells: pd.DataFrame) -> Iterator[str]:
    """Speak of a table of counts, types × batches."""
    found_in = (cells > 0).sum(axis=1)
    if (found_in == 1).all():
        yield "Confounded: no cell type is found in two batches, so that mixing cannot be told from loss."
        return
    lonely = cells.index[found_in == 1]
    if len(lonely):
        yield (
            f"{len(lonely)} of {len(cells)} cell types are found in one batch only and left out of mixing within "
            f"types: {list_names(lonely)}."
        )
    small = cells.index[(found_in > 1) & (cells.sum(axis=1) < MIN_CELLS)]
    if len(small):
        yield f"Types of fewer than {MIN_CELLS} cells are left out of bLISI, CiLISI and kBET: {list_names(small)}."
    apart = [pair for pair in combinations(cells.columns, 2) if not ((cells[list(pair)] > 0).all(axis=1)).any()]
    if apart:
        yield (
            f"Nested: {len(apart)} of {len(cells.columns) * (len(cells.columns) - 1) // 2} pairs of batches share no "
            "cell type. ASW batch is blind to that; read BRAS."
        )
