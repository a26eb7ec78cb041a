"""``topocraft audit``: the audit of the call in a folder, and one message for what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import anndata
import pytest
from typer.testing import Result

from topocraft.audit import audit

Run = Callable[..., Result]


@pytest.fixture
def integrated(quickly: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write ``integrated.h5ad``, and leave Harmony out, which runs in a process of its own."""
    monkeypatch.setattr("topocraft.audit.null_test.harmony_embedding", lambda *_: (None, "Harmony is not installed."))
    quickly("cells.h5ad", "-b", "batch", "-o", "integrated.h5ad", "-q")


def test_the_folder_holds_the_audit_of_the_call(run: Run, folder: Path, integrated: None) -> None:
    asked = ("integrated.h5ad", "-b", "batch", "--label-key", "celltype", "--permutations", "19", "--threads", "1")
    result = run("audit", *asked, "-o", "audit", "--json", "--csv")
    found = audit(anndata.read_h5ad(folder / "integrated.h5ad"), "batch", "celltype", permutations=19)
    stored = json.loads((folder / "audit" / "audit.json").read_text())
    assert [one["name"] for one in stored["statements"]] == [one.name for one in found.statements]
    assert stored["facts"]["splits"] >= 1
    assert stored["facts"]["removals"] == 1
    assert "neighbours kept" in result.stdout
    assert "Written: audit/audited.h5ad" in result.stdout
    assert {"topocraft_kept", "topocraft_flagged"} <= set(anndata.read_h5ad(folder / "audit" / "audited.h5ad").obs)
    error = run("audit", *asked, "-o", "audit", code=1).stderr
    assert "must not exist yet" in error


def test_a_folder_is_due_and_a_budget_of_zero_integrates_nothing(run: Run, folder: Path, integrated: None) -> None:
    assert "--output" in run("audit", "integrated.h5ad", "-b", "batch", code=2).stderr
    result = run(
        "audit", "integrated.h5ad", "-b", "batch", "-o", "audit", "--budget", "0", "--permutations", "19", "-q"
    )
    assert result.output == ""
    assert sorted(path.name for path in (folder / "audit").iterdir()) == [
        "audited.h5ad",
        "losses.png",
        "statements.png",
    ]
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine")
    error = run("audit", "integrated.h5ad", "-b", "batch", "-o", "mine", "--force", code=1).stderr
    assert "Only a folder with audited.h5ad is replaced" in error


def test_an_audit_is_replaced_and_nothing_with_it(run: Run, folder: Path, integrated: None) -> None:
    asked = ("-b", "batch", "--budget", "0", "--permutations", "19", "--json", "--csv", "-q", "-o", "audit", "--force")
    run("audit", "integrated.h5ad", *asked)
    written = sorted((folder / "audit").iterdir())
    assert {item.name for item in written} >= {"absence_risk.csv", "audit.json", "statements.csv"}
    run("audit", "integrated.h5ad", *asked)
    assert sorted((folder / "audit").iterdir()) == written
    error = run("audit", "audit/audited.h5ad", *asked, code=1).stderr
    assert "No input may lie in an output; 'audit/audited.h5ad' lies in output 'audit'" in error
    (folder / "audit" / "table.csv").write_text("mine")
    error = run("audit", "integrated.h5ad", *asked, code=1).stderr
    assert "nothing but an audit is replaced; 'audit' holds 'table.csv' besides" in error
    assert (folder / "audit" / "table.csv").read_text() == "mine"
