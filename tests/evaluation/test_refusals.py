"""Every input that cannot be scored: one message, with what is allowed, what came, and the cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft
from topocraft.errors import ConfigError, InputError

KEYS = {"batch_key": "batch", "label_key": "celltype"}


def _score(adata: AnnData, **how: Any) -> pd.DataFrame:
    given = {**KEYS, "embeddings": ["X_types"], "unintegrated": "X_before", "controls": False, **how}
    return topocraft.evaluate(adata, **given)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20])
def test_any_other_cell_without_coordinates_is_named(value: float, copy: AnnData) -> None:
    copy.obs["topocraft_set_aside"] = np.arange(copy.n_obs) == 3
    copy.obsm["X_types"][[3, 17, 200], [0, 1, 2]] = value
    told = r"obsm 'X_types' must be finite.*; 2 of 240 cells are not: 'Cell18', 'Cell201'\. Leave those cells out"
    with pytest.raises(InputError, match=told):
        _score(copy)


def test_many_cells_without_coordinates_are_named_in_short(copy: AnnData) -> None:
    copy.obsm["X_types"][:100] = np.nan
    with pytest.raises(InputError, match=r"100 of 240 cells are not: 'Cell1', .*'Cell5' and 95 more"):
        _score(copy)


MISSPELT = {
    "embedding": ({"embeddings": ["X_type"]}, r"no 'X_type'\. Did you mean 'X_types'\? Keys: 'X_.*'X_before'"),
    "default": ({"embeddings": None}, r"embeddings must name keys of obsm; there is no 'X_topocraft'\..* Keys: "),
    "unintegrated": ({"unintegrated": "X_befor"}, r"unintegrated must.*no 'X_befor'\. Did you mean 'X_before'\? Keys"),
    "batch": ({"batch_key": "bach"}, r"batch_key.*no 'bach'\. Did you mean 'batch'\? Columns: 'batch', 'celltype', 'E"),
    "second batch": ({"batch_key": ["batch", "plac"]}, r"no 'plac'\. Did you mean 'place'\?"),
    "label": ({"label_key": "cell_type"}, r"label_key.*no 'cell_type'\. Did you mean 'celltype'\? Columns: 'batch'"),
    "continuous": ({"continuous": "plaice"}, r"continuous must name.*no 'plaice'\. Did you mean 'place'\? Columns"),
    "layer": ({"unintegrated": None, "layer": "count"}, r"no 'count'\. Did you mean 'counts'\? Layers: 'counts'\."),
}


@pytest.mark.parametrize("case", MISSPELT)
def test_a_name_that_is_not_there_is_told_with_those_that_are(case: str, cells: AnnData) -> None:
    how, message = MISSPELT[case]
    with pytest.raises(InputError, match=message):
        _score(cells, **how)


Spoil = Callable[[AnnData], None]


def _obs(**columns: Any) -> Spoil:
    def spoil(adata: AnnData) -> None:
        for name, value in columns.items():
            adata.obs[name] = value

    return spoil


def _obsm(value: Callable[[AnnData], Any]) -> Spoil:
    def spoil(adata: AnnData) -> None:
        adata.obsm["X_types"] = value(adata)

    return spoil


REFUSED: dict[str, tuple[Spoil, dict[str, Any], str]] = {
    "one batch": (_obs(b="x"), {"batch_key": "b"}, "batch_key must tell at least two.*; 'b' has only 'x'. Name"),
    "one batch of two columns": (_obs(b="x", c="y"), {"batch_key": ["b", "c"]}, r"'b', 'c' has only 'x\|y'"),
    "one label": (_obs(t="x"), {"label_key": "t"}, "label_key must tell at least two groups.*; 't' has only 'x'"),
    "no label": (_obs(t=np.nan), {"label_key": "t"}, "label_key 't' must label at least some cells; all 240 are"),
    "no batch": (_obs(b=["x"] * 239 + [None]), {"batch_key": "b"}, "'b' must be set for every cell; 1 have none"),
    "no batch key": (_obs(), {"batch_key": []}, "batch_key must name at least one column"),
    "text": (_obs(t="x"), {"continuous": "t"}, "continuous 't' must be a column of numbers.* and 240 values. Convert"),
    "nothing": (_obs(t=np.nan), {"continuous": ["t"]}, "continuous 't' must .*set for some cells; .* and 0 values"),
    "infinity": (
        _obs(t=[np.inf, -np.inf, *range(238)]),
        {"continuous": "t"},
        "continuous 't' must be finite or missing; 2 cells hold infinity: 'Cell1', 'Cell2'. Leave",
    ),
    "text in obsm": (
        _obsm(lambda adata: pd.DataFrame({"a": "x"}, index=adata.obs_names)), {}, "must be .*of numbers; .*dtype"
    ),
    "mixed frame": (
        _obsm(lambda adata: pd.DataFrame({"a": "x", "b": 1.0}, index=adata.obs_names)), {}, "of numbers; .*dtype object"
    ),
    "three axes": (_obsm(lambda adata: np.zeros((240, 2, 2))), {}, r"cells × dimensions.*has shape \(240, 2, 2\)"),
    "no axis": (_obsm(lambda adata: np.zeros((240, 0))), {}, r"'X_types' must be cells × dimensions.*shape \(240, 0\)"),
    "a control's name": (
        lambda adata: adata.obsm.update({"type oracle": adata.obsm["X_types"]}),
        {"embeddings": ["type oracle"]},
        "embeddings must not be named like a control; got 'type oracle'. Rename it in obsm",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scored_is_refused_with_the_cure(case: str, copy: AnnData) -> None:
    spoil, how, message = REFUSED[case]
    spoil(copy)
    with pytest.raises(InputError, match=message):
        _score(copy, **how)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_cannot_be_is_refused(seed: int, cells: AnnData) -> None:
    with pytest.raises(ConfigError, match=rf"seed must be a whole number of at least 0.*got {seed}"):
        _score(cells, seed=seed)


def test_nine_cells_are_refused_and_ten_are_scored(cells: AnnData) -> None:
    wanted = [np.flatnonzero(cells.obs["celltype"] == name)[:5] for name in ("common 1", "common 2")]
    ten = cells[np.concatenate(wanted)].copy()
    ten.obs["half"] = ["a", "b"] * 5
    assert set(_score(ten, batch_key="half")["score"]) > {"nmi", "composite"}
    ten.obs.loc[ten.obs_names[0], "celltype"] = np.nan
    with pytest.raises(InputError, match="At least 10 cells must be there to score; 9 are"):
        _score(ten, batch_key="half")


def test_scaled_values_lead_to_unintegrated_components(copy: AnnData) -> None:
    copy.X = np.asarray(copy.X.toarray() - 1.0)
    with pytest.raises(InputError, match=r"must not be negative.*unintegrated='X_pca' \(--unintegrated\)"):
        _score(copy, unintegrated=None)
    assert _score(copy)["value"].notna().any()
