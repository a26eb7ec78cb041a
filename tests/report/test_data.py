"""What the browser gets: genes that tell, columns in few bytes, places, and nothing dropped in silence."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.report.colouring import MOST_CATEGORIES, Colouring, colourings, left_out, pack, pack_text
from topocraft.report.genes import top_genes
from topocraft.report.maps import MOST_BYTES, MOST_POINTS, map_data
from topocraft.report.subject import Subject, read_subject
from topocraft.report.training import training


def _unpacked(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), dtype)


@pytest.fixture(scope="module")
def subject(cells: AnnData) -> Subject:
    adata = cells.copy()
    adata.obs["many"] = [f"value {place}" for place in range(300)]
    adata.obs["number"] = np.arange(300) % 12
    return read_subject(adata, None, "celltype", None)


def test_genes_stand_out_as_far_as_a_slow_loop_says() -> None:
    draws = np.random.default_rng(1)
    groups = np.array(list("aab" * 20), dtype=object)
    groups[:3] = None
    values = draws.poisson(2, (60, 8)).astype(float)
    values[groups == "b", 5] += 4
    known = np.flatnonzero(groups != None)  # noqa: E711
    due = []
    for name in ("a", "b"):
        inside = groups[known] == name
        matrix = values[known]
        above = (matrix[inside].mean(axis=0) - matrix[~inside].mean(axis=0)) / matrix.std(axis=0)
        due.append(np.argsort(-above))
    found = top_genes(sparse.csr_matrix(values), groups)
    assert found == list(dict.fromkeys([due[0][0], due[1][0], due[0][1], due[1][1]]))
    assert due[1][0] == 5
    assert top_genes(sparse.csr_matrix(values), np.full(60, "one")) == []


def test_every_column_is_offered_once_in_order(subject: Subject) -> None:
    found = list(colourings(subject, np.linspace(0, 1, 300), [3]))
    assert [column.group for column in found] == [
        "design",
        "design",
        "mixing",
        "columns",
        "columns",
        "columns",
        "columns",
        "genes",
    ]
    assert [column.title for column in found][:3] == ["batch", "celltype", "mixing per cell"]
    assert {column.title for column in found} >= {"dose", "number", "donor"}
    assert left_out(subject) == ["many"]


def test_codes_mean_what_the_column_held(subject: Subject) -> None:
    by_title = {column.title: column for column in colourings(subject, np.linspace(0, 1, 300), [3])}
    kinds = by_title["celltype"]
    assert [kinds.names[code] for code in kinds.codes] == subject.adata.obs["celltype"].tolist()
    dose, held = by_title["dose"], subject.adata.obs["dose"].to_numpy()
    assert ((dose.codes == 255) == np.isnan(held)).all()
    known = ~np.isnan(held)
    back = dose.low + dose.codes[known] / 254 * (dose.high - dose.low)
    assert back == pytest.approx(np.clip(held[known], dose.low, dose.high), abs=(dose.high - dose.low) / 254)


def test_more_categories_than_can_be_told_apart_are_joined_and_counted() -> None:
    names = [f"batch {place:03}" for place in range(MOST_CATEGORIES + 40)]
    obs = pd.DataFrame({"batch": np.repeat(names, 2)}, index=[str(place) for place in range(2 * len(names))])
    adata = AnnData(np.ones((len(obs), 1), dtype=np.float32), obs=obs)
    made = Subject(adata, *[None] * 10, provenance={})  # type: ignore[arg-type]
    object.__setattr__(made, "batch", obs["batch"].to_numpy())
    (column,) = colourings(made, np.full(len(obs), np.nan), [])
    assert column.names[-1] == "40 others"
    assert (column.codes == MOST_CATEGORIES).sum() == 80
    assert len(column.colours) == len(column.names) == MOST_CATEGORIES + 1


def test_places_fit_the_unit_square_with_both_axes_alike() -> None:
    layout = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]])
    data, refused = map_data([("one", layout)], [], list("abcd"), np.array([0, 1, 5, 9]))
    assert refused == []
    x, y = (_unpacked(data["maps"][0][axis], "<u2") / 65_535 for axis in "xy")
    assert x == pytest.approx([0, 1, 1, 0], abs=1e-4)
    assert y == pytest.approx([0.25, 0.25, 0.75, 0.75], abs=1e-4)
    assert np.cumsum(_unpacked(data["rows"], "<u4")).tolist() == [0, 1, 5, 9]
    assert json.loads(_unpacked(data["names"], "u1").tobytes()) == list("abcd")


def test_above_the_limit_cells_are_in_squares_and_have_no_names() -> None:
    n_cells = MOST_POINTS + 1
    draws = np.random.default_rng(0)
    data, _ = map_data([("one", draws.random((n_cells, 2)))], [], [""] * n_cells, np.arange(n_cells))
    assert (data["squares"], data["names"]) == (256, None)
    assert len(_unpacked(data["maps"][0]["x"], "u1")) == n_cells


def test_colourings_that_have_no_room_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [Colouring(name, "columns", np.arange(4, dtype=np.uint8)) for name in ("first", "second")]
    monkeypatch.setattr("topocraft.report.maps.MOST_BYTES", len(columns[0].packed))
    data, refused = map_data([("one", np.eye(4, 2))], columns, list("abcd"), np.arange(4))
    assert [column["title"] for column in data["columns"]] == ["first"]
    assert refused == ["second"]
    assert MOST_BYTES > 10**6


def test_the_same_array_is_the_same_text() -> None:
    assert pack(np.arange(9, dtype=">u2")) == pack(np.arange(9, dtype="<u2"))
    assert pack_text(["é"]) == pack_text(["é"])


def test_curves_run_from_the_first_epoch_to_the_last(cells: AnnData) -> None:
    told = training(cells.uns["topocraft"])
    assert told is not None
    assert [chart.title for chart in told.charts][-1] == "classifier's accuracy"
    accuracy, loss = told.charts[-1], told.charts[0]
    assert accuracy.chance == 30.0
    assert loss.points.split()[0] == "0.0,0.0"
    assert loss.points.split()[-1] == "100.0,60.0"
    assert (loss.first, loss.last, loss.epochs) == ("1", "0.2", 12)
    assert told.warmup == pytest.approx(100 * 4 / 12)
    assert dict(told.facts)["classifier's accuracy at the end"] == "0.20; chance is 0.50"
    assert dict(told.facts)["time"] == "1 min 42 s in all"
    assert training({}) is None
