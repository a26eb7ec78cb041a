"""What a reader of scores must know before believing them: the design, the labels, scores that no longer tell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from topocraft.errors import list_names
from topocraft.metrics.catalogue import CATALOGUE
from topocraft.metrics.per_type import MIN_CELLS
from topocraft.provenance import EMBEDDING

FEW_CELLS = 30
SATURATED, BY_CONSTRUCTION = 0.98, 0.995
SUPERVISED = re.compile(r"scanvi|scpoli|scgen|ss_?stacas|(?<!un)(?<!self)(?<!self.)supervised", re.IGNORECASE)


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


def pairs_without_a_shared_type(cells: pd.DataFrame) -> tuple[int, int]:
    """Return how many pairs of batches share no type, and how many pairs there are, from counts, types × batches.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs_without_a_shared_type(pd.DataFrame({"x": [5, 0], "y": [0, 5], "z": [1, 1]}))
    (1, 3)
    """
    present = (cells > 0).to_numpy(dtype=np.int64)
    shared = (present.T @ present)[np.triu_indices(present.shape[1], 1)]
    return int((shared == 0).sum()), len(shared)


def label_cautions(provenance: Mapping[str, Any], embeddings: Collection[str], label_key: str | None) -> list[str]:
    """Say which embeddings have seen the labels that they are scored on, by their provenance or by their name.

    ``provenance`` is ``uns["topocraft"]``, or empty.
    """
    names = [name for name in embeddings if SUPERVISED.search(name)]
    used = dict(provenance.get("annotation", {}))
    if EMBEDDING in embeddings and label_key is not None and label_key in used.values():
        names.append(EMBEDDING)
    if not names:
        return []
    return [f"Trained with labels, so that scores from labels flatter it: {list_names(names)}."]


def score_cautions(scores: pd.DataFrame) -> list[str]:
    """Say which scores no longer tell embeddings apart; ``scores`` is the table of ``evaluate``."""
    whole = scores[(scores["part"] == "") & (scores["mean"] != "")]
    whole = whole[(whole["kind"] == "embedding") | (whole["embedding"] == "unintegrated")]
    said = []
    lowest = whole.groupby("score", sort=False)["value"].min()
    full = [CATALOGUE[name].title for name in lowest.index[lowest >= SATURATED]]
    if full and "unintegrated" in set(whole["embedding"]):
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
    apart, pairs = pairs_without_a_shared_type(cells)
    if apart:
        yield (
            f"Nested: {apart:,} of {pairs:,} pairs of batches share no cell type. ASW batch is blind to that; "
            "read BRAS."
        )
