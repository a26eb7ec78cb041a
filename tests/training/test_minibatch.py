"""Minibatches from rows in memory, on disk and on a card, for which the processor stands in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from topocraft.data.scratch import write_scratch
from topocraft.model.triplets import Triplets
from topocraft.rows import Rows
from topocraft.training import minibatch as module
from topocraft.training.minibatch import CardRows, Minibatch, gather, nearest_rows

NONE = np.zeros(0, dtype=np.int64)
TRIPLETS = Triplets(NONE, NONE, NONE, np.zeros(0, dtype=np.float32))


def _gather(planted: Any, cells: list[int], rows: Rows | CardRows) -> Minibatch:
    return gather(rows, planted.batch, np.array(cells), TRIPLETS, "cpu")


def _on_disk(rows: sparse.csr_matrix) -> Rows:
    return write_scratch([(np.arange(rows.shape[0]), rows)], rows.shape, None, rows.nnz)


@pytest.mark.parametrize("cells", [list(range(0, 240, 3)), [5, 9, 5], [239, 0]])
@pytest.mark.parametrize("where", ["memory", "disk", "card", "card, from disk"])
def test_gather_takes_the_rows_and_their_non_zeros(
    planted: Any, cells: list[int], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 100)
    rows = _on_disk(planted.expression) if "disk" in where else planted.expression
    found = _gather(planted, cells, CardRows(rows, "cpu") if "card" in where else rows)
    dense = planted.expression[cells].toarray()
    assert np.array_equal(found.expression, dense)
    assert np.array_equal(found.where, np.flatnonzero(dense))
    assert np.array_equal(found.values, dense.ravel()[np.flatnonzero(dense)])
    assert np.array_equal(found.batch, planted.batch[cells])


def test_rows_without_values_lie_between_those_with_some() -> None:
    dense = np.zeros((5, 4), dtype=np.float32)
    dense[1, [0, 3]], dense[3, 2] = [1.5, 2.5], 3.5
    positions, values = CardRows(sparse.csr_matrix(dense), "cpu").entries(np.array([4, 1, 0, 1, 3, 2]))
    assert (positions.dtype, values.dtype) == (torch.int64, torch.float32)
    assert positions.tolist() == [4, 7, 12, 15, 18]
    assert values.tolist() == [1.5, 2.5, 1.5, 2.5, 3.5]


@pytest.mark.parametrize(
    ("spare", "processes", "on_card"), [(0, 1, True), (-1, 1, False), (0, 2, True), (0, 3, False), (10**9, 3, True)]
)
def test_rows_go_to_a_card_where_they_fill_up_to_half_of_it(
    planted: Any, spare: int, processes: int, on_card: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (16 * planted.expression.nnz + spare, 0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(module, "CardRows", lambda rows, device: (rows, device))
    placed = nearest_rows(planted.expression, "cuda", processes)
    assert placed == (planted.expression, "cuda") if on_card else placed is planted.expression


def test_rows_stay_where_they_are_if_the_card_is_full_after_all(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10**12, 0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(module, "CardRows", full)
    assert nearest_rows(planted.expression, "cuda") is planted.expression


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_without_a_card_with_memory_of_its_own_rows_stay_where_they_are(planted: Any, device: str) -> None:
    assert nearest_rows(planted.expression, device) is planted.expression
