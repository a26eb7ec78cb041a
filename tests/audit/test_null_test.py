"""A random split: what leaves the cells alone passes, what reacts to the split does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from topocraft.audit.harmony import harmony_embedding
from topocraft.audit.null_statements import null_statements
from topocraft.audit.null_test import GIVEN, HARMONY, PCA, SPLIT, half_mixing, run_null_tests, split_batch
from topocraft.audit.records import Statement
from topocraft.baselines.environments import Place
from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells
from topocraft.data.preprocess import prepare
from topocraft.progress import Silent
from topocraft.topology.components import principal_components

Again = Callable[[Cells, int], np.ndarray]


def _components(cells: Cells, seed: int) -> np.ndarray:
    return principal_components(prepare(cells, PreprocessConfig(min_genes=0)).expression, 50)


def _apart(cells: Cells, seed: int) -> np.ndarray:
    return _components(cells, seed) + 1000 * cells.batch[:, None]


def _noise(cells: Cells, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(cells.n_cells, 5))


@pytest.fixture
def judge(make: Any, own_of: Any) -> Callable[..., tuple[pd.DataFrame, dict[str, Statement]]]:
    def call(again: Again, n_splits: int = 1) -> tuple[pd.DataFrame, dict[str, Statement]]:
        subject = make()
        table, chances, reason = run_null_tests(subject, own_of(subject), again, n_splits, 0, 99, Silent())
        return table, {one.name: one for one in null_statements(table, chances, reason)}

    return call


def test_what_leaves_the_cells_alone_keeps_everything(judge: Any, no_harmony: str) -> None:
    table, said = judge(_components, n_splits=2)
    assert table.groupby("what").size().to_dict() == {GIVEN: 2, PCA: 2, SPLIT: 2}
    assert table[table["draw"] == 0]["batch"].unique().tolist() == ["y"], "the largest first"
    assert table[table["draw"] == 1]["batch"].unique().tolist() == ["x"]
    assert {one.verdict for one in said.values()} == {"ok"}
    assert said["neighbours kept"].value == 1
    assert said["neighbours kept"].p_value == 0.01
    assert said["neighbours kept"].null_mean == pytest.approx((15 / 179 + 15 / 119) / 2, abs=0.01)
    assert no_harmony.rstrip(".") in said["neighbours kept"].sentence
    assert said["neighbours kept"].sentence.endswith("is the number of the unsplit embedding.")


def test_what_sets_the_halves_apart_is_found(judge: Any, no_harmony: str) -> None:
    _, said = judge(_apart)
    assert said["halves mixed"].value == 0
    assert (said["halves mixed"].verdict, said["halves mixed"].p_value) == ("bad", 0.01)


def test_what_scrambles_the_cells_is_no_better_than_chance(judge: Any, no_harmony: str) -> None:
    _, said = judge(_noise)
    assert said["neighbours kept"].verdict == "bad"
    assert said["neighbours kept"].value == pytest.approx(15 / 179, abs=0.03)
    assert said["neighbours kept"].p_value > 0.01
    assert "left as they are" not in said["neighbours kept"].sentence
    assert said["clusters kept"].value == pytest.approx(0, abs=0.05)


def test_harmony_is_what_it_is_held_against_where_there_is_one(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topocraft.audit.null_test.harmony_embedding", lambda cells, *_: (_noise(cells, 1), ""))
    table, said = judge(_components)
    assert said["neighbours kept"].reference_name == HARMONY
    assert said["neighbours kept"].reference == table.set_index("what").loc[HARMONY, "knn_overlap"] < 0.2
    monkeypatch.setattr("topocraft.audit.null_test.harmony_embedding", lambda cells, *_: (_components(cells, 1), ""))
    assert judge(_noise)[1]["neighbours kept"].verdict == "bad"


def test_without_harmony_the_reason_is_told(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topocraft.baselines.environments.find_place", lambda _: Place("nowhere", None, "no Harmony"))
    found, reason = harmony_embedding(make().cells, PreprocessConfig(), 0)
    assert found is None
    assert reason.startswith("Harmony is not installed")


def test_halves_are_random_whole_and_of_one_batch(make: Any, own_of: Any) -> None:
    subject = make()
    one = own_of(subject)[0]
    split, other = (split_batch(subject, one, draw, 0) for draw in (0, 1))
    assert np.bincount(split.halves).tolist() == [90, 90]
    assert (split.cells.cell_names == subject.cells.cell_names[one.cells]).all()
    assert (split.halves != other.halves).any()
    assert (split.halves == split_batch(subject, one, 0, 0).halves).all()
    small = replace(one, cells=one.cells[:31])
    assert sorted(np.bincount(split_batch(subject, small, 0, 0).halves).tolist()) == [15, 16]


def test_halves_are_mixed_at_one_in_random_order(generator: np.random.Generator) -> None:
    halves = generator.permutation(400) % 2
    indices = np.array([generator.choice(np.delete(np.arange(400), cell), 15, replace=False) for cell in range(400)])
    assert half_mixing(indices, halves) == pytest.approx(1, abs=0.03)
