"""A group that a batch lacks: kept to itself it is not absorbed; laid among others it is, and only then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from topocraft.audit.absence import ALONE, PLANTED, alone_table, run_planted
from topocraft.audit.absence_statements import absence_statements, risk_statement
from topocraft.audit.risk import risk_table
from topocraft.data.cells import Cells
from topocraft.progress import Silent


def _truth(names: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return codes[[int(name.split()[1]) for name in names]]


def _planted(make: Any, own_of: Any, again: Any, n_removals: int = 1, points: Any = None) -> pd.DataFrame:
    subject = make(points)
    risks = risk_table(subject, np.random.default_rng(0))
    return run_planted(subject, own_of(subject), risks, again, n_removals, np.random.default_rng(0), 199, Silent())


def test_a_group_that_stays_apart_is_not_absorbed(heaps: Any, make: Any, own_of: Any, codes: np.ndarray) -> None:
    seen: list[Cells] = []

    def again(cells: Cells, seed: int) -> np.ndarray:
        seen.append(cells)
        return heaps(_truth(cells.cell_names, codes), seed)

    table = _planted(make, own_of, again, n_removals=3)
    assert table["how"].tolist() == [PLANTED] * 3
    assert sorted(table["group"]) == ["a", "b", "c"], "no group twice before every other"
    assert (table["absorbed"] == 0).all()
    assert (table["judged"] == 40).all()
    assert [cells.n_cells for cells in seen] == [260] * 3
    for cells, row in zip(seen, table.itertuples(), strict=True):
        kinds = np.array(list("abcd"))[_truth(cells.cell_names, codes)]
        batch = np.array(cells.batch_names)[cells.batch]
        assert not ((kinds == row.group) & (batch == row.batch)).any()
    assert {one.verdict for one in absence_statements(table, "type")} == {"ok"}


def test_a_group_that_falls_onto_another_is_absorbed(heaps: Any, make: Any, own_of: Any, codes: np.ndarray) -> None:
    target: dict[str, int] = {}

    def again(cells: Cells, seed: int) -> np.ndarray:
        """Lay what is left of a type that is missing from one batch onto the next type."""
        kinds = _truth(cells.cell_names, codes)
        few = next(code for code in range(3) if (kinds == code).sum() == 40)
        target["into"] = (few + 1) % 3
        return heaps(np.where(kinds == few, target["into"], kinds), seed)

    (row,) = _planted(make, own_of, again).to_dict(orient="records")
    # 40 cells of the type among 40 of the other in that batch: half of the neighbours on average, so half the cells.
    assert 0.3 < row["absorbed"] < 0.7
    assert (row["before"], row["p_value"]) == (0, 0.005)
    assert row["into"] == "abc"[target["into"]]
    (said,) = absence_statements(pd.DataFrame([row]), "type")
    assert said.verdict == "bad"
    assert f"mostly '{row['into']}'" in said.sentence


def test_cells_that_their_own_batch_puts_elsewhere_are_not_judged(
    heaps: Any, make: Any, own_of: Any, codes: np.ndarray
) -> None:
    subject = make()
    subject.groups[:10] = 1  # ten cells of type a, batch x, with the wrong label
    risks = pd.DataFrame([{"group": "b", "batch": "y", "risk": 0.0}])
    again = lambda cells, seed: heaps(_truth(cells.cell_names, codes), seed)  # noqa: E731
    table = run_planted(subject, own_of(subject), risks, again, 1, np.random.default_rng(0), 19, Silent())
    assert table["judged"].tolist() == [40]


@pytest.mark.parametrize(("points", "share", "verdict"), [(None, 0, "ok"), ("onto a", 1, "bad")])
def test_a_group_in_one_batch_is_looked_for_among_cells_of_others(
    heaps: Any, make: Any, own_of: Any, codes: np.ndarray, points: str | None, share: float, verdict: str
) -> None:
    placed = heaps(codes)
    if points:
        # Each cell of type d is laid beside a cell of type a in batch x, further from its own kind than from that.
        placed[codes == 3] = 1000 + 50 * np.arange(60)[:, None]
        placed[:40] = 1000 + 50 * np.arange(40)[:, None] + 1
        placed[40:80] = 1000 + 50 * np.arange(40)[:, None] + 2
    subject = make(placed)
    (row,) = alone_table(subject, own_of(subject)).to_dict(orient="records")
    assert (row["group"], row["batch"], row["how"], row["cells"]) == ("d", "y", ALONE, 60)
    assert row["absorbed"] == pytest.approx(share, abs=0.35)
    (said,) = absence_statements(pd.DataFrame([row]), "type")
    assert said.verdict == verdict


def test_risk_is_the_ratio_of_distances(make: Any, codes: np.ndarray) -> None:
    points = np.zeros((300, 1), dtype=np.float32)
    x = np.arange(300) < 120
    points[:, 0] = np.select(
        [(codes == 0) & x, (codes == 0) & ~x, codes == 1, codes == 2], [0.0, 1.0, 3.0, 100.0], 1000.0
    )
    table = risk_table(make(points), np.random.default_rng(0)).set_index(["group", "batch"])["risk"]
    assert table["a", "x"] == pytest.approx(1 / 2)
    assert table["a", "y"] == pytest.approx(1 / 3)
    assert table["b", "x"] == 0
    assert ("d", "y") not in table.index
    assert table.index[0] == ("a", "x")


def test_what_was_not_tried_is_said(make: Any) -> None:
    risks = risk_table(make(), np.random.default_rng(0))
    said = risk_statement(risks, risks.head(0), "type")
    assert said.verdict == "ok"
    assert "Tried: 0." in said.sentence
    assert risk_statement(risks.head(0), risks.head(0), "type").verdict == "unknown"
