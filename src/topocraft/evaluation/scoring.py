"""Embeddings of an AnnData, scored beside controls whose quality is known."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft._version import __version__
from topocraft.data.columns import listed
from topocraft.display import attended
from topocraft.errors import ConfigError, InputError, UndefinedScore, list_names
from topocraft.evaluation.cautions import design_cautions, label_cautions, score_cautions
from topocraft.evaluation.judged import Judged, make_reference, read_judged, read_values
from topocraft.metrics import islands, mixing_map, shuffled_within
from topocraft.metrics.catalogue import CATALOGUE, SUITE
from topocraft.metrics.searched import Reference
from topocraft.metrics.suite import planned, score_embedding
from topocraft.provenance import recorded

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress

LIBRARIES = ("numpy", "scipy", "scikit-learn", "igraph")
UNINTEGRATED, ORACLE, MIXED = "unintegrated", "type oracle", "batches shuffled"
SCRAMBLED, APART = "types shuffled", "batch islands"
CONTROLS = (UNINTEGRATED, ORACLE, MIXED, SCRAMBLED, APART)
"""The cells before integration; an island per type; the cells before, dealt out anew within types, so that batches say
nothing, and within batches, so that types say nothing; an island per batch and type."""


def evaluate(
    adata: AnnData,
    batch_key: str | Sequence[str],
    label_key: str | None = None,
    *,
    embeddings: str | Sequence[str] | None = None,
    unintegrated: str | None = None,
    layer: str | None = None,
    continuous: str | Sequence[str] = (),
    controls: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Score embeddings of the same cells, from any tool, beside controls.

    Parameters
    ----------
    adata
        Cells with embeddings in ``obsm``, and raw counts (or log1p-normalised values) in ``X`` or ``layer``, from
        which the unintegrated principal components are computed.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined.
    label_key
        Column of ``obs`` with the cell types; cells without one are left out. Left out, only scores that need no
        types are given.
    embeddings
        Keys of ``obsm``; ``X_topocraft`` where left out.
    unintegrated
        Key of ``obsm`` with unintegrated principal components, instead of computing them from the values.
    layer
        Layer with the values, instead of ``X``.
    continuous
        Columns of ``obs`` with numbers whose order integration must keep, such as a pseudotime.
    controls
        Whether to score the controls as well.
    seed
        Of neighbour search, clustering and controls; at least 0.
    progress
        A display of progress; left out, bars on a terminal or in a notebook.

    Returns
    -------
    pandas.DataFrame
        One row per embedding, score and part: ``embedding``; ``kind`` ("embedding" or "control"); ``score``, a name
        in ``topocraft.metrics.catalogue.CATALOGUE``; ``part``, a cell type or covariate, "" for all cells; ``value``;
        ``spread`` over clustering seeds; ``scaled``, 0 at the worst control and 1 at the best; ``mean``, the mean it
        enters; ``reason``, why a value is NaN. ``attrs`` holds "cautions", "versions", "scored", "seed", "n_cells" and
        "n_left_out".

    Raises
    ------
    InputError
        A column or key is missing, there is one batch or one cell type only, or an embedding is not finite.
    ConfigError
        ``seed`` is not a whole number of at least 0.

    References
    ----------
    Of each score in ``topocraft.metrics.catalogue``. Composite: doi:10.1038/s41592-021-01336-8.

    Examples
    --------
    >>> import topocraft
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :20]
    >>> scores = topocraft.evaluate(adata, "batch", "celltype", embeddings=["X_mine"], controls=False)
    >>> scores.loc[scores["score"] == "composite", "embedding"].tolist()
    ['X_mine']
    """
    _require_seed(seed)
    with attended(progress) as shown:
        shown.phase("prepare")
        judged = read_judged(adata, batch_key, label_key, embeddings, continuous)
        _require_own_names(judged.embeddings)
        values = read_values(adata, batch_key, unintegrated, layer)
        reference = make_reference(judged, values[judged.kept], seed)
        every = dict(judged.embeddings) | (control_embeddings(reference) if controls else {})
        shown.phase("score", len(every) * len(planned(reference)))
        tables = [_table(name, points, reference, shown) for name, points in every.items()]
    scores = _scaled(pd.concat(tables, ignore_index=True))
    scores.attrs = {
        "cautions": _cautions(scores, judged, adata, label_key),
        "versions": _versions(),
        "scored": {
            "batch_key": listed(batch_key),
            "label_key": label_key,
            "embeddings": list(judged.embeddings),
            "unintegrated": unintegrated,
            "layer": layer,
        },
        "seed": seed,
        "n_cells": len(judged.batch),
        "n_left_out": adata.n_obs - len(judged.batch),
    }
    return scores


def control_embeddings(reference: Reference) -> dict[str, np.ndarray]:
    """Return the controls by name, (n_cells, d) each; without cell types only those that need none."""
    before, batch, labels, seed = reference.before, reference.batch, reference.labels, reference.seed
    found = {UNINTEGRATED: before, SCRAMBLED: shuffled_within(before, batch, seed), APART: islands(batch, seed)}
    if labels is not None:
        both = np.char.add(np.char.add(batch, "\n"), labels)
        found |= {
            ORACLE: islands(labels, seed),
            MIXED: shuffled_within(before, labels, seed),
            APART: islands(both, seed),
        }
    return {name: found[name] for name in CONTROLS if name in found}


def mixing_of_cells(
    adata: AnnData, batch_key: str | Sequence[str], label_key: str, *, embeddings: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Return how well the batches mix around every cell, within its type: the map behind the score.

    Parameters
    ----------
    adata, batch_key, label_key, embeddings
        As for ``evaluate``.

    Returns
    -------
    pandas.DataFrame
        (n_cells, n_embeddings), indexed by cell name: ``topocraft.metrics.mixing_map``, 0 … 1, higher is better; NaN
        where nothing can be said: types in one batch only, cells without a type.

    Examples
    --------
    >>> from topocraft.evaluation import mixing_of_cells
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :20]
    >>> mixing_of_cells(adata, "batch", "celltype", embeddings=["X_mine"]).shape
    (200, 1)
    """
    judged = read_judged(adata, batch_key, label_key, embeddings)
    table = pd.DataFrame(np.nan, index=adata.obs_names, columns=list(judged.embeddings))
    for name, points in judged.embeddings.items():
        with suppress(UndefinedScore):  # every type is in one batch only: nothing can be said of any cell
            table.iloc[judged.kept, table.columns.get_loc(name)] = mixing_map(points, judged.batch, judged.labels)
    return table


def _require_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:
        raise ConfigError(f"seed must be a whole number of at least 0, below 2³²; got {seed!r}.")


def _require_own_names(embeddings: Iterable[str]) -> None:
    taken = [name for name in embeddings if name in CONTROLS]
    if taken:
        raise InputError(f"embeddings must not be named like a control; got {list_names(taken)}. Rename it in obsm.")


def _table(name: str, points: np.ndarray, reference: Reference, progress: Progress) -> pd.DataFrame:
    rows, counted = [], planned(reference)
    for score in score_embedding(points, reference):
        kind, mean = "control" if name in CONTROLS else "embedding", "" if score.part else CATALOGUE[score.name].mean
        rows.append((name, kind, score.name, score.part, score.value, score.spread, mean, score.reason))
        if score.name in counted and not score.part:
            progress.advance(name)
    return pd.DataFrame(rows, columns=["embedding", "kind", "score", "part", "value", "spread", "mean", "reason"])


def _scaled(scores: pd.DataFrame) -> pd.DataFrame:
    """Add where each value stands between the worst control and the best; NaN without controls."""
    worse_first = scores["score"].map(lambda name: 1.0 if CATALOGUE[name].higher_is_better else -1.0)
    height = scores["value"] * worse_first
    groups = height.where(scores["kind"] == "control").groupby([scores["score"], scores["part"]])
    low, high = groups.transform("min"), groups.transform("max")
    scores.insert(6, "scaled", ((height - low) / (high - low)).where(high - low > 1e-6))
    return scores


def _cautions(scores: pd.DataFrame, judged: Judged, adata: AnnData, label_key: str | None) -> list[str]:
    return [
        *judged.left_out,
        *design_cautions(judged.batch, judged.labels),
        *label_cautions(recorded(adata), judged.embeddings, label_key),
        *score_cautions(scores),
    ]


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"topocraft": __version__, "score suite": str(SUITE)} | found
