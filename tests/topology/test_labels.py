"""The user's labels in place of either clustering: full, partial, and cells left undecided."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from topocraft.config import TopologyConfig
from topocraft.topology.clusters import UNDECIDED, Topology, find_topology

COARSE = TopologyConfig(low_resolution=0.3)
TYPES = np.repeat([0, 1, 2], 40)


def _topology(low: list[str | None] | None = None, high: list[str | None] | None = None) -> Topology:
    """Three well separated types of forty cells, each a low cluster of its own, in two batches."""
    generator = np.random.default_rng(0)
    rates = np.where(np.arange(45) // 15 == TYPES[:, None], 5.0, 0.2)
    expression = sparse.csr_matrix(np.log1p(generator.poisson(rates)).astype(np.float32))
    labels = (None if part is None else np.array(part, dtype=object) for part in (low, high))
    return find_topology(expression, np.arange(120) % 2, COARSE, 0, *labels)


def _names(topology: Topology) -> list[str | None]:
    return [None if code == UNDECIDED else topology.low_names[code] for code in topology.low]


def test_without_labels_the_clusters_are_the_types() -> None:
    found = _topology()
    assert [len(set(found.low[kind == TYPES].tolist())) for kind in range(3)] == [1, 1, 1]
    assert found.low_names == ("0", "1", "2")


def test_full_low_labels_are_taken_as_they_are() -> None:
    labels: list[str | None] = ["B cell", "T cell"] * 60
    found, clustered = _topology(low=labels), _topology()
    assert found.low_names == ("B cell", "T cell")
    assert _names(found) == labels
    assert np.array_equal(found.high, clustered.high)
    assert found.high_names == clustered.high_names


def test_full_high_labels_leave_the_low_level_alone() -> None:
    labels: list[str | None] = ["naive", "memory", "naive"] * 40
    found, clustered = _topology(high=labels), _topology()
    assert [found.high_names[code] for code in found.high] == labels
    assert np.array_equal(found.low, clustered.low)


def test_both_levels_can_be_labelled() -> None:
    found = _topology(low=["a", "b"] * 60, high=["x"] * 60 + ["y"] * 60)
    assert (found.low_names, found.high_names) == (("a", "b"), ("x", "y"))


def test_unlabelled_cells_take_the_one_label_of_their_cluster() -> None:
    found = _topology(low=["B cell"] * 5 + [None] * 115)
    names = _names(found)
    assert names[:40] == ["B cell"] * 40
    others = {names[40], names[80]}
    assert names[40:] == [names[40]] * 40 + [names[80]] * 40
    assert len(others) == 2
    assert all(str(name).startswith("cluster ") for name in others)


def test_unlabelled_cells_among_several_labels_are_undecided() -> None:
    found = _topology(low=["B cell", "T cell"] + [None] * 118)
    assert _names(found)[:3] == ["B cell", "T cell", None]
    assert np.array_equal(np.flatnonzero(found.low == UNDECIDED), np.arange(2, 40))
    assert len(found.low_names) == 4


def test_one_label_in_two_clusters_is_one_low_code() -> None:
    found = _topology(low=["B cell"] * 3 + [None] * 57 + ["B cell"] * 3 + [None] * 57)
    assert _names(found)[:80] == ["B cell"] * 80
    assert _names(found)[80] != "B cell"


def test_partial_high_labels_split_their_cluster_and_no_more() -> None:
    clustered = _topology()
    inside = np.flatnonzero(clustered.high == clustered.high[0])
    labels: list[str | None] = [None] * 120
    labels[inside[0]] = "rare"
    found = _topology(high=labels)
    assert (found.high == found.high[inside[0]]).sum() == 1
    rest = np.delete(np.arange(120), inside[0])
    pairs = set(zip(found.high[rest].tolist(), clustered.high[rest].tolist(), strict=True))
    assert len(pairs) == len(set(found.high[rest].tolist())) == len(set(clustered.high[rest].tolist()))


def test_a_label_that_reads_like_a_cluster_stays_apart_from_it() -> None:
    clustered = _topology()
    other = int(clustered.low[40])
    found = _topology(low=[f"cluster {other}"] * 40 + [None] * 80)
    assert found.low[0] != found.low[40]
    assert _names(found)[40] == f"unlabelled cluster {other}"
