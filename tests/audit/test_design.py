"""What the design hides from every method is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from anndata import AnnData
from scipy.stats.contingency import association

from topocraft.audit.design import cramers_v, design_statements, design_tables, expected_v
from topocraft.audit.records import Statement


def _said(subject: Any) -> dict[str, Statement]:
    statements = design_statements(subject, design_tables(subject))
    return {one.subject or one.name: one for one in statements}


def test_types_in_one_batch_and_pairs_that_share_nothing_are_counted(make: Any, cells: AnnData) -> None:
    said = _said(make())
    assert said["in one batch only"].value == 1 / 4
    assert "'d'" in said["in one batch only"].sentence
    assert said["in one batch only"].verdict == "warning"
    assert (said["batches that share nothing"].value, said["batches that share nothing"].verdict) == (0, "ok")
    assert said["small batches"].verdict == "ok"
    table = design_tables(make())["design_groups"].set_index(["group", "batch"])["cells"]
    assert (table["d", "x"], table["d", "y"], table["a", "x"]) == (0, 60, 40)


def test_a_condition_that_is_the_batch_cannot_be_told_from_it(make: Any, cells: AnnData) -> None:
    batch = cells.obs["batch"].to_numpy(dtype=str)
    alternating = np.where(np.arange(300) % 2 == 0, "sick", "well")
    said = _said(make(state=np.where(batch == "x", "sick", "well"), crossed=alternating, same=np.repeat("one", 300)))
    assert (said["state"].verdict, said["state"].value) == ("bad", pytest.approx(1))
    assert "no method" in said["state"].sentence
    assert (said["crossed"].verdict, said["crossed"].value) == ("ok", pytest.approx(0, abs=0.02))
    assert said["same"].verdict == "unknown"


def test_a_condition_of_several_batches_is_a_warning(make: Any) -> None:
    batches = np.resize([f"b{number}" for number in range(4)], 300)
    adata = AnnData(np.random.default_rng(0).poisson(3.0, size=(300, 40)).astype(np.float32))
    adata.obs["batch"], adata.obs["state"] = batches, np.where(np.isin(batches, ["b0", "b1"]), "sick", "well")
    adata.obsm["X_mine"] = np.random.default_rng(0).normal(size=(300, 3))
    from topocraft.audit.subject import read_subject

    subject = read_subject(
        adata, "batch", None, embedding="X_mine", layer=None, continuous=(), conditions="state", config=None
    )
    assert _said(subject)["state"].verdict == "warning"


def test_small_batches_are_named(make: Any, cells: AnnData) -> None:
    subject = make()
    subject.cells.batch[:] = np.where(np.arange(300) < 29, 0, 1)
    said = _said(subject)["small batches"]
    assert (said.verdict, said.value) == ("warning", 1 / 2)
    assert "'x'" in said.sentence


def test_cramers_v_is_that_of_scipy(generator: np.random.Generator) -> None:
    counts = generator.integers(1, 50, size=(3, 5))
    assert cramers_v(counts) == pytest.approx(association(counts, method="cramer"))
    drawn = [cramers_v(generator.multinomial(400, np.full(12, 1 / 12)).reshape(3, 4)) for _ in range(300)]
    assert expected_v(np.full((3, 4), 400 / 12)) == pytest.approx(np.sqrt(np.mean(np.square(drawn))), rel=0.1)
