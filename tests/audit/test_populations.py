"""What a batch keeps apart and an embedding merges is found, named and measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from topocraft.audit.populations import displaced, population_statements, population_table


def _table(make: Any, own_of: Any, points: np.ndarray, **options: Any) -> pd.DataFrame:
    subject = make(points, **options)
    return population_table(subject, own_of(subject), np.random.default_rng(0), 99)


def test_nothing_is_lost_where_types_stay_apart(heaps: Any, make: Any, own_of: Any, codes: np.ndarray) -> None:
    table = _table(make, own_of, heaps(codes, seed=5))
    assert len(table) == 7
    assert (table["verdict"] == "ok").all()
    assert (table["after"] == 0).all()
    (whole,) = population_statements(table)
    assert (whole.verdict, whole.value) == ("ok", pytest.approx(0, abs=0.03))


def test_two_types_in_one_heap_are_lost_in_both_batches(heaps: Any, make: Any, own_of: Any, codes: np.ndarray) -> None:
    table = _table(make, own_of, heaps(np.where(codes == 1, 0, codes))).set_index(["batch", "named"])
    lost = table[table["verdict"] != "ok"]
    assert sorted(lost.index) == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")]
    assert (lost["verdict"] == "bad").all()
    assert lost["into"].str[0].tolist() == [{"a": "b", "b": "a"}[named] for _, named in lost.index]
    # 39 of a cell's 79 companions are of its own type: half of its neighbours, and 120 − 40 of 119 by chance.
    assert table.loc[("x", "a"), "after"] == pytest.approx(40 / 79, abs=0.1)
    assert table.loc[("x", "a"), "chance"] == pytest.approx(80 / 119)
    assert table.loc[("x", "a"), "p_value"] == 0.01
    whole, *each = population_statements(table.reset_index())
    assert whole.verdict == "bad"
    assert len(each) == 4
    assert "most of b" in each[-2].sentence


def test_all_is_lost_where_cells_are_dealt_out_anew(make: Any, own_of: Any) -> None:
    table = _table(make, own_of, np.random.default_rng(3).normal(size=(300, 4)))
    assert table["lost"].mean() == pytest.approx(1, abs=0.1)
    assert (table["verdict"] == "bad").all()


def test_cells_that_moved_into_another_population_are_displaced(
    heaps: Any, make: Any, own_of: Any, codes: np.ndarray
) -> None:
    moved = codes.copy()
    moved[:5] = 2  # five cells of type a, batch x
    subject = make(heaps(moved))
    found = {one.name: one.cells[displaced(one)] for one in own_of(subject)}
    assert found["x"].tolist() == [0, 1, 2, 3, 4]
    assert found["y"].tolist() == []


def test_without_clusters_nothing_can_be_told() -> None:
    (said,) = population_statements(pd.DataFrame())
    assert said.verdict == "unknown"


def test_what_was_among_others_before_is_not_lost(make: Any, own_of: Any, codes: np.ndarray) -> None:
    """Clusters that cut a type in two have the other half nearby before and after."""
    subject = make()
    cut = [replace(one, clusters=np.where(np.arange(len(one.cells)) % 2 == 0, 0, 1)) for one in own_of(subject)]
    table = population_table(subject, cut, np.random.default_rng(0), 99)
    assert (table["verdict"] == "unknown").all(), "as many others as chance gives leave nothing to lose"
    cut = [replace(one, clusters=np.where((codes[one.cells] == 0) & (one.cells % 2 == 0), 1, 0)) for one in cut]
    row = population_table(subject, cut, np.random.default_rng(0), 99).set_index(["batch", "cluster"]).loc[("x", 1)]
    assert row["before"] == pytest.approx(20 / 39, abs=0.15)
    assert row["lost"] == pytest.approx((row["after"] - row["before"]) / (100 / 119 - row["before"]))
