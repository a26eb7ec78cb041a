"""What is kept on disk comes back as it was."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from topocraft.baselines.method import Output
from topocraft.benchmark.folder import Entry, Folder, Plan, stem_of
from topocraft.benchmark.records import Record, read_output, write_output
from topocraft.errors import FileError
from topocraft.metrics.suite import Score

SCORES = (Score("nmi", 0.5, spread=0.1), Score("kbet", math.nan, reason="Too few."), Score("kbet", 0.25, "T cell"))


def _record(**values: object) -> Record:
    return Record(**{"dataset": "demo", "method": "λ = 0", "seed": 3, "scores": SCORES, "seconds": 1.5, **values})


def test_a_record_survives_json_and_json_knows_no_nan() -> None:
    record = _record(settings={"a": [1, None]}, versions={"numpy": "2"}, peak_bytes=math.nan)
    text = record.to_json()
    assert json.loads(text, parse_constant=pytest.fail)["scores"][1]["value"] is None
    again = Record.from_json(text)
    assert math.isnan(again.peak_bytes)
    assert math.isnan(again.scores[1].value)
    assert again.to_json() == text
    assert (again.method, again.seconds, again.scores[0], again.scores[2].part) == ("λ = 0", 1.5, SCORES[0], "T cell")


def test_outputs_survive_with_their_record(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    graph = sparse.random(5, 5, density=0.4, format="csr", dtype=np.float32, random_state=0)
    write_output(tmp_path / "a.npz", _record(), Output(embedding=points))
    write_output(tmp_path / "b.npz", _record(seed=4), Output(graph=graph))
    record, output = read_output(tmp_path / "a.npz")
    assert (record.seed, output.graph) == (3, None)
    assert (output.embedding == points).all()
    record, output = read_output(tmp_path / "b.npz")
    assert (record.seed, output.embedding) == (4, None)
    assert (output.graph != graph).nnz == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_plan_survives_and_says_what_is_missing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.create()
    here = Entry(dataset="demo", method="good", seed=0, stem="demo.good.0.abc", output="o", prepared="p")
    gone = Entry(dataset="gone", method="good", seed=0, kind="labelled", program="good", reason="Moved.")
    plan = Plan(entries=(here, gone), title="T", note="N", facts={"time limit": "none"}, umaps=("demo",))
    folder.write_plan(plan)
    assert folder.read_plan() == plan
    records = folder.records(plan.entries)
    assert [(one.dataset, one.status, one.reason, one.kind) for one in records] == [
        ("demo", "not run yet", "Not run yet.", "method"),
        ("gone", "no data", "Moved.", "labelled"),
    ]
    folder.row(here.stem).write_text(_record(dataset="demo").to_json())
    assert folder.record(here).seconds == 1.5


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.create()
    (tmp_path / "rows" / ".a.json.12.partial").write_text("half")
    (tmp_path / "datasets" / ".b.12.old").mkdir()
    for name in (".mine.partial", "rows/a.json", "rows/.hidden"):
        (tmp_path / name).write_text("whole")
    with folder.locked():
        pass
    assert {path.name for path in tmp_path.glob("*/.*")} == {".hidden"}
    assert (tmp_path / ".mine.partial").exists()
    assert (tmp_path / "rows" / "a.json").exists()


def test_only_pictures_of_ours_are_removed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for name in ("scores.png", "costs.png", "scores-mine.png"):
        (tmp_path / name).write_text("")
    folder.replace_pictures(["scores.png", "costs.png"])
    folder.replace_pictures(["costs.png"])
    assert {path.name for path in tmp_path.glob("*.png")} == {"costs.png", "scores-mine.png"}


@pytest.mark.parametrize(
    ("parts", "stem"),
    [
        (("a b", "c.d", 1), "a_b.c_d.1"),
        (("../x", "λ_T = 0"), "x.λ_T_0"),
        (("///",), "_"),
        (("λ_D=0.2", 7), "λ_D_0_2.7"),
    ],
)
def test_names_of_files_hold_no_path(parts: tuple[object, ...], stem: str) -> None:
    assert stem_of(*parts) == stem


def test_what_is_no_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text('{"entries": [{"dataset": 1}]}')
    with pytest.raises(FileError, match=r"holds grid.json; .* has none that can be read"):
        Folder(tmp_path).read_plan()
