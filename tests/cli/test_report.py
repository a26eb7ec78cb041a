"""``topocraft report`` and ``topocraft integrate --report``: a page where it was asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def quick_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: np.asarray(points)[:, :2])


def test_a_page_with_the_integration_and_the_same_page_from_its_file(quickly: Run, run: Run, folder: Path) -> None:
    both = ("--label-key", "celltype", "--seed", "2")
    first = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--report", "page.html", *both)
    assert "Written: page.html" in first.stdout
    second = run("report", "out.h5ad", "-o", "again.html", *both)
    assert second.stdout == "Written: again.html\n"
    one, two = (
        re.sub(r"<th scope=\"row\">command.*", "", (folder / name).read_text()) for name in ("page.html", "again.html")
    )
    assert "240 cells in 3 batches" in one
    assert one == two


def test_refusals_come_before_any_work(quickly: Run, run: Run, folder: Path) -> None:
    (folder / "page.html").touch()
    taken = quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad", "--report", "page.html", code=1)
    assert "must not exist yet" in taken.stderr
    assert not (folder / "out.h5ad").exists()
    ending = run("report", "cells.h5ad", "-o", "page.pdf", code=1)
    assert "must end in .html" in ending.stderr
    bare = run("report", "cells.h5ad", "-o", "new.html", code=1)
    assert "obsm must hold 'X_topocraft'" in " ".join(bare.stderr.split())
    assert not (folder / "new.html").exists()


def test_an_audit_is_made_first_where_it_is_asked_for(quickly: Run, run: Run, folder: Path) -> None:
    quickly("cells.h5ad", "-b", "batch", "-o", "out.h5ad")
    run("report", "out.h5ad", "--label-key", "celltype", "--audit", "-o", "audited.html")
    run("audit", "out.h5ad", "-b", "batch", "--label-key", "celltype", "-o", "audit")
    run("report", "audit/audited.h5ad", "--label-key", "celltype", "-o", "again.html")
    audits = [
        re.search(r'<section id="audit".*?</section>', (folder / name).read_text(), re.DOTALL)
        for name in ("audited.html", "again.html")
    ]
    assert all(found is not None and "<h3>Null test</h3>" in found[0] for found in audits)
    assert len({found[0] for found in audits if found is not None}) == 1
