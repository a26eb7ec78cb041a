"""Clusters of different batches are matched by their genes alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from topocraft.audit.matching import matched_clusters, with_matched_clusters
from topocraft.audit.subject import OwnBatch


def test_types_are_found_again_across_batches(make: Any, own_of: Any, codes: np.ndarray) -> None:
    subject = make(label_key=None)
    matched = with_matched_clusters(subject, own_of(subject))
    assert adjusted_rand_score(matched.groups, codes) == 1
    assert matched.group_names == ("cluster 1", "cluster 2", "cluster 3", "cluster 4")
    assert not matched.labelled


def test_types_that_are_given_stay(make: Any, own_of: Any) -> None:
    subject = make()
    assert with_matched_clusters(subject, own_of(subject)) is subject


def test_a_population_that_one_batch_cuts_in_two_stays_one(make: Any, own_of: Any, codes: np.ndarray) -> None:
    def cut(one: OwnBatch) -> OwnBatch:
        kinds = codes[one.cells]
        return replace(one, clusters=kinds + np.where((kinds == 0) & (np.arange(len(kinds)) % 2 == 0), 4, 0))

    subject = make(label_key=None)
    own = [replace(one, clusters=codes[one.cells]) for one in own_of(subject)]
    halved = replace(cut(own[1]), clusters=np.unique(cut(own[1]).clusters, return_inverse=True)[1])
    assert halved.clusters.max() == 3
    assert adjusted_rand_score(matched_clusters(subject.expression, [own[0], halved]), codes) == 1


def test_batches_too_small_for_clusters_have_none(make: Any) -> None:
    assert (matched_clusters(make().expression, ()) == -1).all()
