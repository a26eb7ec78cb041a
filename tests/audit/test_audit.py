"""The whole audit: every part with its number, the same twice, nothing changed that was not asked for."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft import IntegrationConfig
from topocraft.audit import Audit, as_json, audit
from topocraft.audit.folder import save_audit
from topocraft.audit.picture import losses_figure, statements_figure
from topocraft.audit.reading import audit_table, audit_words
from topocraft.audit.records import Verdict
from topocraft.audit.subject import recorded_config
from topocraft.data.cells import Cells
from topocraft.errors import ConfigError, FileError, InputError
from topocraft.progress import Silent

PARTS = ["design", "null test", "absence", "over-correction", "structure", "confidence"]
Call = Callable[..., Audit]


@pytest.fixture
def again(heaps: Any, codes: np.ndarray) -> Callable[[Cells, int], np.ndarray]:
    return lambda cells, seed: heaps(codes[[int(name.split()[1]) for name in cells.cell_names]], seed)


@pytest.fixture
def call(cells: AnnData, no_harmony: str) -> Call:
    def run(adata: AnnData = cells, label_key: str | None = "celltype", **options: Any) -> Audit:
        settings = {"embedding": "X_good", "permutations": 19, "progress": Silent()}
        return audit(adata, "batch", label_key, **{**settings, **options})

    return run


def test_every_part_speaks_and_every_number_has_a_meaning(call: Call, again: Any, cells: AnnData) -> None:
    before = cells.copy()
    found = call(again=again, budget=3)
    frame = found.to_frame()
    assert frame["part"].drop_duplicates().tolist() == PARTS
    assert set(frame["verdict"]) <= set(get_args(Verdict))
    assert (frame["value"].notna() | (frame["verdict"] == "unknown")).all()
    assert frame["value"].notna().sum() >= len(frame) - 1, "inside these types there is no structure to keep"
    frame = frame[frame["value"].notna()]
    assert (frame["sentence"].str.endswith(".") & (frame["sentence"].str.len() > 30)).all()
    assert ((frame["reference_name"] != "") | (frame["null_name"] != "")).all(), "each is held against something"
    assert (frame["p_value"].isna() | (frame["null_name"] != "")).all()
    assert (found.facts["splits"], found.facts["removals"]) == (1, 2)
    assert list(cells.obs) == list(before.obs)
    assert (cells.X != before.X).nnz == 0


def test_columns_are_written_into_a_view_too(call: Call, cells: AnnData) -> None:
    view = cells[:]
    call(budget=0).annotate(view)
    assert view.obs["topocraft_kept"].notna().any()
    assert "topocraft_kept" not in cells.obs


@pytest.mark.parametrize(("asked", "taken"), [("best", "latent"), ("best", "components"), ("components", "components")])
def test_what_was_chosen_once_is_not_chosen_anew(asked: str, taken: str, cells: AnnData) -> None:
    integrated, config = cells.copy(), IntegrationConfig(seed=5).with_values(coordinates=asked)
    integrated.uns["topocraft"] = {"config": config.to_json(), "coordinates": taken}
    assert recorded_config(integrated) == config.with_values(coordinates=taken)
    assert recorded_config(cells) == IntegrationConfig()


def test_the_same_seed_gives_the_same_audit(call: Call, again: Any) -> None:
    one, other = (json.loads(as_json(call(again=again, seed=3))) for _ in range(2))
    assert one["statements"] == other["statements"]
    assert one["tables"] == other["tables"]
    assert json.loads(as_json(call(again=again, seed=4)))["tables"] != one["tables"]


def test_without_types_matched_clusters_take_their_place(call: Call, again: Any) -> None:
    found = call(label_key=None, again=again)
    assert set(found.tables["structure"]["group"]) == {"cluster 1", "cluster 2", "cluster 3", "cluster 4"}
    assert (found.tables["absence"]["how"] == "taken out").all()


def test_embeddings_of_others_are_not_made_again(call: Call) -> None:
    said = call().to_frame().set_index("name")
    assert said.loc["neighbours kept", "verdict"] == "unknown"
    assert "again=" in said.loc["neighbours kept", "sentence"]
    assert "absorbed, in one batch only" in said.index


def test_what_is_out_of_range_or_missing_is_refused(call: Call, cells: AnnData) -> None:
    for name, value in (("budget", -1), ("permutations", 5), ("seed", -1)):
        with pytest.raises(ConfigError, match=f"{name} must be .* got {value}"):
            call(**{name: value})
    with pytest.raises(InputError, match="no 'X_none'"):
        call(embedding="X_none")
    with pytest.raises(InputError, match="conditions must name a column"):
        call(conditions="nothing")
    alone = cells.copy()
    alone.obs["topocraft_set_aside"] = (alone.obs["batch"] == "x").to_numpy()
    with pytest.raises(InputError, match="at least two batches of integrated cells"):
        call(alone)


def test_numbers_that_are_not_there_are_null(call: Call) -> None:
    text = as_json(call())
    assert "NaN" not in text
    assert json.loads(text)["facts"]["integration_seconds"] is None


def test_the_folder_holds_cells_pictures_and_tables(call: Call, again: Any, cells: AnnData, tmp_path: Any) -> None:
    import anndata

    found, adata, folder = call(again=again), cells.copy(), tmp_path / "audit"
    written = save_audit(found, adata, folder, json=True, csv=True)
    tables = {f"{name}.csv" for name in found.tables}
    assert {path.name for path in written} == tables | {
        *("audited.h5ad", "audit.json", "statements.csv", "statements.png", "losses.png"),
    }
    read = anndata.read_h5ad(folder / "audited.h5ad")
    np.testing.assert_allclose(read.obs["topocraft_kept"], found.cells["topocraft_kept"])
    assert read.obs["topocraft_flagged"].tolist() == found.cells["topocraft_flagged"].tolist()
    assert (folder / "audit.json").read_text() == as_json(found) == read.uns["topocraft_audit"]
    assert len(pd.read_csv(folder / "statements.csv")) == len(found.statements)
    assert (folder / "losses.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FileError, match="must not exist yet"):
        save_audit(found, adata, folder)


def test_every_table_is_a_csv_that_can_be_read(call: Call, cells: AnnData, tmp_path: Any) -> None:
    found = call()
    assert found.tables["covariates"].empty
    bare = dataclasses.replace(found, tables=found.tables | {"nothing": pd.DataFrame()})
    written = save_audit(bare, cells.copy(), tmp_path / "audit", csv=True)
    tables = {path.name: pd.read_csv(path) for path in written if path.suffix == ".csv"}
    assert tables["covariates.csv"].columns[:3].tolist() == ["covariate", "batch", "cells"]
    assert "nothing.csv" not in tables


@pytest.mark.parametrize("junk", ["junk", {"annotation": "x", "seconds": 3}])
def test_a_record_that_no_integration_writes_is_none(call: Call, cells: AnnData, junk: object) -> None:
    other = cells.copy()
    other.uns["topocraft"] = junk
    assert call(other).facts["integration_seconds"] is None


def test_names_are_drawn_as_they_are_and_never_as_formulas(call: Call, again: Any, cells: AnnData) -> None:
    named = cells.copy()
    for column in ("batch", "celltype"):
        named.obs[column] = r"$\bad{$" + named.obs[column].astype(str)
    found = call(named, again=again, budget=3)
    for figure in (statements_figure(found), losses_figure(found)):
        figure.savefig(io.BytesIO())
    labels = [text.get_text() for text in losses_figure(found).axes[1].texts if "taken out" in text.get_text()]
    assert labels
    assert all(label.startswith(r"\$\bad{\$") for label in labels)


def test_pictures_and_tables_show_what_is_there(call: Call, again: Any) -> None:
    found = call(again=again, budget=3)
    labels = [text.get_text() for text in statements_figure(found).axes[0].get_yticklabels()]
    assert len(labels) == found.to_frame()["value"].notna().sum()
    assert labels[0] == "design: small batches"
    left, right = losses_figure(found).axes
    tried = found.tables["absence"].query("judged > 0")
    assert [bar.get_width() for bar in right.patches] == pytest.approx(tried["absorbed"].tolist())
    assert [text.get_text().split(",")[0] for text in right.texts[1::2]] == tried["group"].tolist()
    assert left.get_xlabel() == "share before integration"
    assert audit_table(found).row_count == len(found.statements) + len(PARTS)
    words = list(audit_words(found))
    assert any("splits 1, removals 2" in line for line in words)
    assert sum(found.counts().values()) == len(found.statements)
