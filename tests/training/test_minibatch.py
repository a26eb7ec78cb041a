"""Minibatches from rows in memory, on disk and on a card, for which the processor stands in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
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


def test_rows_without_any_value_are_taken_from_a_card() -> None:
    empty = CardRows(sparse.csr_matrix((3, 4), dtype=np.float32), "cpu")
    positions, values = empty.entries(np.array([2, 0]))
    assert len(positions) == len(values) == 0


@pytest.mark.parametrize(("spare", "on_card"), [(0, True), (-1, False)])
def test_rows_go_to_a_card_where_they_fill_up_to_half_of_it(
    planted: Any, spare: int, on_card: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_free_bytes", lambda _: 16 * planted.expression.nnz + spare)
    monkeypatch.setattr(module, "CardRows", lambda rows, device: (rows, device))
    placed = nearest_rows(planted.expression, "cuda")
    assert placed == (planted.expression, "cuda") if on_card else placed is planted.expression


def test_without_a_card_rows_stay_where_they_are(planted: Any) -> None:
    assert nearest_rows(planted.expression, "cpu") is planted.expression
