"""The null test: a batch split at random in two and integrated, where nothing should change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from topocraft.audit.chance import Null, null_of, shuffled_overlap
from topocraft.audit.harmony import harmony_embedding
from topocraft.audit.neighbourhoods import common_share
from topocraft.audit.rerun import Method
from topocraft.audit.subject import COMPONENTS, NEIGHBORS, OwnBatch, Subject
from topocraft.data.cells import Cells
from topocraft.data.preprocess import prepare
from topocraft.metrics.clustering import agreement, leiden_clusterings
from topocraft.metrics.label_free import REFERENCE_RESOLUTION
from topocraft.progress import Progress
from topocraft.randomness import numpy_stream
from topocraft.topology.components import principal_components
from topocraft.topology.neighbors import nearest_neighbors

SPLIT, HARMONY, GIVEN, PCA = "split", "Harmony", "given", "PCA"


@dataclass(frozen=True, eq=False)
class Split:
    """One batch split at random: its uncorrected components, (m, d), and the halves, (m,), 0 or 1."""

    name: str
    draw: int
    cells: Cells
    components: np.ndarray
    halves: np.ndarray


@dataclass(frozen=True)
class Chance:
    """What chance gives for the split and integrated cells: common neighbours, and the mixing of the halves."""

    overlap: Null
    mixing: Null


def run_null_tests(
    subject: Subject, own: Sequence[OwnBatch], method: Method, n_splits: int, seed: int, n_draws: int, shown: Progress
) -> tuple[pd.DataFrame, list[Chance], str]:
    """Split the largest batches in turn, integrate the halves, and hold the result against the uncorrected cells.

    Returns
    -------
    pandas.DataFrame
        A row per split and embedding (``what``: "split", integrated after the split; "Harmony", of the same split;
        "given", the audited embedding of these cells, without a split; "PCA"): ``knn_overlap``, the mean share of the
        15 nearest neighbours in common with the uncorrected components; ``ari`` of Leiden clusters with theirs, for
        "PCA" with another seed; ``halves_mixed``, neighbours of the other half, observed / expected;
        ``overlap_with_given``, common neighbours with the audited embedding.
    list of Chance
        Per split.
    str
        Why there is no Harmony; empty where there is.
    """
    rows, chances, reason = list[dict[str, Any]](), list[Chance](), ""
    for draw in range(n_splits):
        one = own[draw % len(own)]
        split = split_batch(subject, one, draw, seed)
        shown.say(f"Null test {draw + 1} of {n_splits}: batch '{one.name}', split at random, is integrated.")
        found = {SPLIT: method(split.cells, subject.config.seed + draw)}
        shown.phase(f"null {draw + 1}")
        harmony, reason = harmony_embedding(split.cells, subject.config.preprocess, seed)
        found |= {} if harmony is None else {HARMONY: harmony}
        found |= {GIVEN: subject.points[one.cells], PCA: split.components}
        rows += _rows(split, found, seed)
        chances.append(_chance(split, found[SPLIT], numpy_stream(seed, f"null test {draw}"), n_draws))
    return pd.DataFrame(rows), chances, reason


def split_batch(subject: Subject, one: OwnBatch, draw: int, seed: int) -> Split:
    """Return a batch as two batches, its cells dealt out at random, half and half."""
    generator = numpy_stream(seed, f"split {draw}")
    halves = generator.permutation(len(one.cells)) % 2
    taken = subject.cells.take(one.cells)
    cells = replace(taken, batch=halves.astype(np.int64), batch_names=("half 1", "half 2"))
    values = prepare(cells, replace(subject.config.preprocess, min_genes=0)).expression
    return Split(one.name, draw, cells, principal_components(values, COMPONENTS), halves)


def half_mixing(indices: np.ndarray, halves: np.ndarray) -> float:
    """Return how many neighbours are of the other half, observed / expected; 1 at random."""
    observed = (halves[indices] != halves[:, None]).mean()
    sizes = np.bincount(halves, minlength=2)
    expected = 2 * sizes[0] * sizes[1] / (len(halves) * (len(halves) - 1))
    return float(observed / expected)


def _rows(split: Split, found: dict[str, np.ndarray], seed: int) -> Iterator[dict[str, Any]]:
    graphs = {what: nearest_neighbors(points, NEIGHBORS, seed) for what, points in found.items()}
    clusters = {
        what: leiden_clusterings(graph.first(NEIGHBORS - 1), (REFERENCE_RESOLUTION,), seed).codes[0]
        for what, graph in graphs.items()
    }
    again = leiden_clusterings(graphs[PCA].first(NEIGHBORS - 1), (REFERENCE_RESOLUTION,), seed + 1).codes[0]
    for what, graph in graphs.items():
        yield {
            "batch": split.name,
            "draw": split.draw,
            "cells": len(split.halves),
            "what": what,
            "knn_overlap": float(common_share(graph.indices, graphs[PCA].indices).mean()),
            "ari": agreement(clusters[PCA], again if what == PCA else clusters[what])[1],
            "halves_mixed": half_mixing(graph.indices, split.halves),
            "overlap_with_given": float(common_share(graph.indices, graphs[GIVEN].indices).mean()),
            "chance_overlap": graph.indices.shape[1] / (len(split.halves) - 1),
        }


def _chance(split: Split, points: np.ndarray, generator: np.random.Generator, n_draws: int) -> Chance:
    after, before = (nearest_neighbors(found, NEIGHBORS).indices for found in (points, split.components))
    overlap = null_of(float(common_share(after, before).mean()), shuffled_overlap(after, before, generator, n_draws))
    draws = np.array([half_mixing(after, generator.permutation(split.halves)) for _ in range(n_draws)])
    return Chance(overlap, null_of(half_mixing(after, split.halves), draws, extreme="below"))
