"""What embeddings are judged by without cell types: planted types are found, small batches are left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from topocraft.metrics.yardstick import label_free, make_yardstick


def test_clusters_are_matched_across_batches_by_what_is_in_them() -> None:
    types, batch = np.tile([0, 1, 2], 60), np.repeat([0, 1], 90)
    values = np.random.default_rng(0).normal(size=(180, 12)) + 9 * np.eye(12)[types] + 20 * np.eye(12)[9 + batch]
    matched = make_yardstick(sparse.csr_matrix(values), batch).matched
    assert len(set(zip(types.tolist(), matched.tolist(), strict=True))) == len(set(matched.tolist())) == 3


def test_batches_of_few_cells_have_no_clusters_and_are_left_out() -> None:
    values = np.random.default_rng(0).normal(size=(170, 8)) + 9 * np.eye(8)[np.tile([0, 1], 85)]
    batch = np.repeat([0, 1, 2], [80, 80, 10])
    yardstick = make_yardstick(sparse.csr_matrix(values), batch)
    assert ((yardstick.matched == -1) == (batch == 2)).all()
    assert label_free(values, yardstick).structure == pytest.approx(1.0)
