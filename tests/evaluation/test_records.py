"""Scores as JSON: everything of the table, no NaN, and read back as it was."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from topocraft.evaluation import as_json


def _refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is no JSON")


def test_json_holds_every_row_and_how_it_came_about(scores: pd.DataFrame) -> None:
    read = json.loads(as_json(scores), parse_constant=_refuse)
    assert list(read) == ["cautions", "versions", "scored", "seed", "n_cells", "n_left_out", "scores"]
    assert {name: read[name] for name in scores.attrs} == scores.attrs
    back = pd.DataFrame(read["scores"])
    assert back.columns.tolist() == scores.columns.tolist()
    numbers = ["value", "spread", "scaled"]
    back[numbers] = back[numbers].astype(float)
    pd.testing.assert_frame_equal(back, scores, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null_beside_its_reason(value: float) -> None:
    made = pd.DataFrame({"score": ["pcr", "nmi"], "value": [value, 0.0], "reason": ["Größe 0.", ""]})
    made.attrs = {"seed": 1}
    text = as_json(made)
    assert json.loads(text, parse_constant=_refuse) == {
        "seed": 1,
        "scores": [
            {"score": "pcr", "value": None, "reason": "Größe 0."},
            {"score": "nmi", "value": 0.0, "reason": ""},
        ],
    }
    assert "Größe" in text, "letters stay readable"
