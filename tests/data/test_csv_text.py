"""CSV in which no spreadsheet finds a formula, and numbers and plain text are as pandas writes them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from topocraft.data.csv_text import csv_text


def _cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


BLANKS = (" =1+1", " -A1", "\n=1+1", "\n \t+1+1", "\u00a0@SUM(A1)", "\ufeff=1", "\u200b=1")
FULL_WIDTH = ("\uff1d1+1", " \uff0b1", "\uff20A1", "\uff0d1")
PLAIN = ("=1+1", "+1+1", "@SUM(A1)", "-1+cmd|' /C calc'!A0", "\tx", "=", "-A1", "--1")


@pytest.mark.parametrize("name", [*PLAIN, *BLANKS, *FULL_WIDTH])
def test_a_formula_gets_an_apostrophe_wherever_it_stands(name: str) -> None:
    table = pd.DataFrame({name: ["a", name], "category": pd.Categorical([name, "b"])}, index=[name, "row"])
    table[f"{name}2"] = pd.array([name, None], dtype="string")
    header, first, second = _cells(csv_text(table, index_label="cell"))
    assert header == ["cell", f"'{name}", "category", f"'{name}2"]
    assert first == [f"'{name}", "a", f"'{name}", f"'{name}"]
    assert second == ["row", f"'{name}", "b", ""]


def test_what_is_no_formula_is_as_pandas_writes_it() -> None:
    table = pd.DataFrame(
        {
            "number": [-1.5, np.nan, 1e-7],
            "whole": [-1, 0, 3],
            "told": [True, False, True],
            "text": [" -1 ", "-.5e-3", 'a=b, "c"'],
            "held": pd.Series([-1, "B cells", None], dtype=object),
        }
    )
    assert csv_text(table) == table.to_csv(index=False)
    assert csv_text(table, index_label="cell") == table.to_csv(index_label="cell")
    assert csv_text(table.iloc[:0]) == table.iloc[:0].to_csv(index=False)


def test_a_name_begins_no_row_of_its_own() -> None:
    assert _cells(csv_text(pd.DataFrame({"type": ["a\r=1+1", "b\n=1+1"]}))) == [["type"], [r"a\r=1+1"], ["b\n=1+1"]]


def test_an_index_may_be_called_like_a_column() -> None:
    table = pd.DataFrame({"cell": [1.0]}, index=["=x"])
    assert csv_text(table, index_label="cell") == "cell,cell\n'=x,1.0\n"
