"""Clusters of different batches are matched by their genes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from topocraft.audit.matching import with_matched_clusters


def test_types_are_found_again_across_batches(make: Any, own_of: Any, codes: np.ndarray) -> None:
    subject = make(label_key=None)
    matched = with_matched_clusters(subject, own_of(subject))
    assert adjusted_rand_score(matched.groups, codes) == 1
    assert matched.group_names == ("cluster 1", "cluster 2", "cluster 3", "cluster 4")
    assert not matched.labelled


def test_types_that_are_given_stay(make: Any, own_of: Any) -> None:
    subject = make()
    assert with_matched_clusters(subject, own_of(subject)) is subject
