"""Counts among neighbours, over as many blocks as it takes."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.metrics import counting
from topocraft.metrics.counting import neighbor_counts


@pytest.mark.parametrize("block", [1, 24, 80, 1 << 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_equal_a_slow_loop_in_blocks_of_any_size(
    block: int, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "BLOCK", block)
    generator = np.random.default_rng(0)
    indices, codes = generator.integers(0, 50, size=(50, 8)), generator.integers(0, 3, size=50)
    weights = generator.random((50, 8)) if weighted else None
    counts, covered = np.zeros((50, 3)), 0
    for rows, part in neighbor_counts(indices, codes, 3, weights):
        counts[rows], covered = part, covered + len(part)
    slow = np.zeros((50, 3))
    for cell in range(50):
        for rank in range(8):
            slow[cell, codes[indices[cell, rank]]] += 1 if weights is None else weights[cell, rank]
    assert covered == 50
    assert counts == pytest.approx(slow)


@pytest.mark.parametrize(("k", "n_codes", "rows"), [(8, 3, 131_072), (2, 1024, 1024)])
def test_a_block_holds_a_million_entries(k: int, n_codes: int, rows: int) -> None:
    indices, codes = np.zeros((rows + 1, k), dtype=np.int64), np.zeros(rows + 1, dtype=np.int64)
    assert [len(part) for _, part in neighbor_counts(indices, codes, n_codes)] == [rows, 1]


def test_a_block_holds_at_least_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "BLOCK", 1)
    indices, codes = np.zeros((3, 8), dtype=np.int64), np.zeros(3, dtype=np.int64)
    assert [len(part) for _, part in neighbor_counts(indices, codes, 1)] == [1, 1, 1]
