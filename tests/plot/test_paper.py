"""Figures for a paper: what is drawn is what the AnnData holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft.plot
from topocraft.errors import InputError
from topocraft.plot import MISSING


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


def test_curves_hold_the_losses_and_chance_is_one_of_the_batches(adata: AnnData) -> None:
    figure = topocraft.plot.losses(adata)
    for panel in figure.axes:
        assert panel.lines[0].get_ydata().tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert figure.axes[-1].lines[1].get_ydata()[0] == 0.5
    with pytest.raises(InputError, match=r"adata must hold a training in uns\['topocraft'\]"):
        topocraft.plot.losses(AnnData(np.ones((2, 2), dtype=np.float32)))
