"""Figures for a paper: what is drawn is what the AnnData holds."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft.plot
from topocraft.errors import InputError
from topocraft.plot import MISSING
from topocraft.plot.words import as_drawn


@pytest.fixture(scope="module")
def adata() -> AnnData:
    obs = pd.DataFrame(
        {"batch": list("ab" * 20), "celltype": ["t", "t", "u", None] * 10}, index=[str(place) for place in range(40)]
    )
    adata = AnnData(np.ones((40, 2), dtype=np.float32), obs=obs)
    adata.obsm["X_umap"] = np.random.default_rng(0).normal(size=(40, 2))
    adata.obsm["X_umap"][:4] = np.nan
    adata.obsm["X_other"] = np.random.default_rng(1).normal(size=(40, 5))
    adata.uns["topocraft"] = {
        "batches": np.array(["a", "b"]),
        "losses": {name: np.linspace(1, 0, 5) for name in topocraft.plot.paper.CURVES},
    }
    return adata


def test_a_row_per_basis_a_column_per_colour_and_the_same_cells_everywhere(adata: AnnData) -> None:
    figure = topocraft.plot.umap(adata, ["batch", "celltype"], basis=["X_umap", "X_other"])
    assert [panel.get_ylabel() for panel in figure.axes[::2]] == ["X_umap", "X_other"]
    assert [panel.get_title(loc="left") for panel in figure.axes[:2]] == ["batch", "celltype"]
    assert [len(panel.collections[0].get_offsets()) for panel in figure.axes] == [36] * 4
    drawn = figure.axes[0].collections[0].get_offsets()
    assert sorted(map(tuple, np.asarray(drawn))) == sorted(map(tuple, adata.obsm["X_umap"][4:].astype(np.float32)))
    with pytest.raises(InputError, match="basis must name keys of obsm; there is no 'X_pca'"):
        topocraft.plot.umap(adata, "batch", basis="X_pca")
    with pytest.raises(InputError, match=r"color must name a column of obs; there is no 'bach'\. Did you mean 'batch'"):
        topocraft.plot.umap(adata, "bach", basis="X_umap")


def test_bars_are_as_long_as_the_shares(adata: AnnData) -> None:
    panel = topocraft.plot.composition(adata, "batch", "celltype").axes[0]
    widths = {container.get_label(): [bar.get_width() for bar in container] for container in panel.containers}
    assert widths == {"t": [0.5, 0.5], "u": [0.5, 0.0], "no type": [0.0, 0.5]}
    last = panel.containers[-1][0].get_facecolor()
    assert tuple(round(255 * part) for part in last[:3]) == tuple(bytes.fromhex(MISSING[1:]))


FORMULA = r"$\bad{$ \$ $x_1$"
"""Drawn as a formula, it is none."""


def test_words_of_others_are_drawn_as_they_are_and_never_as_formulas(adata: AnnData) -> None:
    named = adata.copy()
    named.obs[FORMULA] = [f"{FORMULA} {kind}" for kind in named.obs["celltype"]]
    named.obs["batch"] = FORMULA + named.obs["batch"].astype(str)
    named.obsm[FORMULA] = named.obsm["X_umap"]
    by_cell = topocraft.plot.umap(named, FORMULA, basis=FORMULA)
    by_batch = topocraft.plot.composition(named, "batch", FORMULA)
    table = topocraft.evaluate(named[4:], "batch", embeddings=[FORMULA], controls=False)
    for figure in (by_cell, by_batch, topocraft.plot.scores(table)):
        figure.savefig(io.BytesIO())
    assert as_drawn(FORMULA) == r"\$\bad{\$ \\$ \$x_1\$"
    texts = [by_cell.axes[0].title, *by_cell.axes[0].get_legend().texts, *by_batch.axes[0].get_yticklabels()]
    assert not any(text._preprocess_math(text.get_text())[1] for text in texts)
    drawn = by_batch.axes[0].get_yticklabels()[0]
    assert drawn._preprocess_math(drawn.get_text())[0] == f"{FORMULA}a"


@pytest.mark.parametrize("values", [[[1], [2]], [(1, "x"), (2, "y")], [{"a": 1}, {"b": 2}]])
def test_lists_and_dictionaries_are_drawn_by_how_they_read(adata: AnnData, values: list[Any]) -> None:
    named = adata.copy()
    named.obs["odd"] = pd.Series(values * 20, index=named.obs_names)
    panel = topocraft.plot.umap(named, "odd", basis="X_umap").axes[0]
    assert [text.get_text() for text in panel.get_legend().texts] == [str(value) for value in values]


@pytest.mark.parametrize("junk", ["junk", {"losses": "x"}])
def test_a_record_that_no_integration_writes_is_none(adata: AnnData, junk: object) -> None:
    other = adata.copy()
    other.uns["topocraft"] = junk
    with pytest.raises(InputError, match=r"adata must hold a training in uns\['topocraft'\]"):
        topocraft.plot.losses(other)


def test_curves_hold_the_losses_and_chance_is_one_of_the_batches(adata: AnnData) -> None:
    figure = topocraft.plot.losses(adata)
    for panel in figure.axes:
        assert panel.lines[0].get_ydata().tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert figure.axes[-1].lines[1].get_ydata()[0] == 0.5
    with pytest.raises(InputError, match=r"adata must hold a training in uns\['topocraft'\]"):
        topocraft.plot.losses(AnnData(np.ones((2, 2), dtype=np.float32)))
