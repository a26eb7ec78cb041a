"""Levels of a condition that no method can tell from batches are named, others are not."""

from __future__ import annotations

import pandas as pd
import pytest

from topocraft.audit.crossing import crossing


@pytest.mark.parametrize(
    ("cells", "verdict", "words"),
    [
        ([[50, 50], [50, 50]], "ok", "varies inside"),
        ([[50, 0], [0, 50]], "bad", "'a', 'b' are found in one batch only"),
        ([[50, 0, 40, 0], [0, 50, 0, 40]], "warning", "two groups, 'a' | 'b'"),
        # a and b share a batch, c has one of its own.
        ([[50, 0], [50, 0], [0, 50]], "bad", "'c' is found in one batch only, beside no other level"),
        # One stray cell is no meeting.
        ([[100, 0], [1, 100]], "bad", "'a', 'b' are found"),
        # a meets b, and b meets c.
        ([[50, 0], [50, 50], [0, 50]], "ok", "varies inside"),
        # Two pairs that never meet.
        ([[50, 0], [50, 0], [0, 50], [0, 50]], "warning", "two groups, 'a', 'b' | 'c', 'd'"),
        # A level of few cells in all is held by the batch that has the most of them.
        ([[100, 100], [3, 0]], "ok", "varies inside"),
        ([[4, 0], [0, 4]], "bad", "no method"),
    ],
)
def test_levels_that_meet_nobody_are_named(cells: list[list[int]], verdict: str, words: str) -> None:
    table = pd.DataFrame(cells, list("abcd")[: len(cells)], [f"b{number}" for number in range(len(cells[0]))])
    found, said = crossing(table)
    assert found == verdict
    assert words in said
