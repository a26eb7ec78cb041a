"""Cells as nobody would want them: each example ends in a checked result, or in an error that names the cure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from anndata import AnnData
from hostile_cells import COLUMNS, hostile_cells
from hostile_settings import quick, soak
from hostile_words import require_cure
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import topocraft
from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.data.preprocess import express, prepare
from topocraft.errors import TopocraftError
from topocraft.progress import Silent
from topocraft.topology.clusters import find_topology

LOOSE = IntegrationConfig().with_values(min_cells=1, min_genes=0, n_top_genes=20, n_neighbors=5)
STRICT = IntegrationConfig().with_values(n_top_genes=5, n_neighbors=3, scope="batch", nesting="low")
TINY = LOOSE.with_values(
    n_latent=4, encoder_widths=(6,), decoder_widths=(6,), classifier_widths=(4,), epochs=1, warmup_epochs=0,
    cells_per_batch=32, cells_per_step=64, threads=1,
)  # fmt: skip
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "labels_low": st.just("other"),
        "labels_high": st.just("other"),
        "layer": st.just("counts"),
        "input_kind": st.sampled_from(["counts", "log1p"]),
        "gene_mask": st.just("mask"),
    },
)


def _dense(adata: AnnData, options: dict[str, Any]) -> np.ndarray:
    """Read the values without any code of ours."""
    matrix = adata.layers["counts"] if "layer" in options else adata.X
    dense = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
    if "gene_mask" in options:
        dense = dense[:, adata.var["mask"].to_numpy(dtype=bool)]
    return dense.astype(np.float32)


def _require_nothing_lost(cells: Cells, adata: AnnData, options: dict[str, Any]) -> None:
    assert cells.cell_names.tolist() == adata.obs_names.tolist()
    assert np.array_equal(cells.values.toarray(), _dense(adata, options))
    labels = [str(label) for label in adata.obs["batch"]]
    assert [cells.batch_names[code] for code in cells.batch] == labels
    distinct = {(type(label).__name__ if isinstance(label, str) else "", label) for label in adata.obs["batch"]}
    assert len(cells.batch_names) == len(distinct), "batches were merged"


def carried_through(adata: AnnData, options: dict[str, Any], config: IntegrationConfig) -> str:
    """Read, check, prepare and cluster; return how it ended."""
    try:
        cells = from_anndata(adata, "batch", **options)
        _require_nothing_lost(cells, adata, options)
        assert len(cells.digests()) == cells.n_cells
        prepared = prepare(cells, config.preprocess)
        assert np.isfinite(prepared.expression.data).all()
        assert np.isfinite(express(cells, prepared.genes).data).all()
        kept = cells.take(prepared.kept)
        labels = kept.labels_low, kept.labels_high
        batch = np.unique(kept.batch, return_inverse=True)[1]
        topology = find_topology(prepared.expression, batch, config.topology, 0, *labels)
    except TopocraftError as error:
        require_cure(error)
        return "refused"
    assert len(topology.low) == len(topology.high) == prepared.kept.sum()
    assert np.isfinite(topology.separation).all()
    assert topology.low.max() < len(topology.low_names)
    assert (topology.high >= 0).all()
    return "whole"


@quick(200)
@given(hostile_cells(), OPTIONS, st.sampled_from([LOOSE, LOOSE, STRICT]))
def test_cells_of_any_kind_are_read_whole_or_refused(
    adata: AnnData, options: dict[str, Any], config: IntegrationConfig
) -> None:
    carried_through(adata, options, config)


@pytest.mark.soak
@soak("hostile-cells")
@given(hostile_cells(), OPTIONS, st.sampled_from([LOOSE, LOOSE, STRICT]))
def test_thousands_of_cells_of_any_kind_are_read_whole_or_refused(
    adata: AnnData, options: dict[str, Any], config: IntegrationConfig
) -> None:
    carried_through(adata, options, config)


def integrated(adata: AnnData, options: dict[str, Any]) -> str:
    """Integrate from the first check to the last coordinate; return how it ended."""
    before = adata.obs_names.tolist(), adata.var_names.tolist()
    config = TINY.with_values(input_kind=options.pop("input_kind", "auto"))
    try:
        topocraft.integrate(adata, "batch", config=config, progress=Silent(), **options)
    except TopocraftError as error:
        require_cure(error)
        assert "X_topocraft" not in adata.obsm
        return "refused"
    assert np.isfinite(adata.obsm["X_topocraft"]).all()
    assert (adata.obs_names.tolist(), adata.var_names.tolist()) == before
    return "whole"


@quick(20)
@given(hostile_cells(), OPTIONS)
def test_cells_of_any_kind_are_integrated_or_refused(adata: AnnData, options: dict[str, Any]) -> None:
    integrated(adata, options)


@pytest.mark.soak
@soak("hostile-integrations", per_round=50)
@given(hostile_cells(), OPTIONS)
def test_thousands_of_cells_of_any_kind_are_integrated_or_refused(adata: AnnData, options: dict[str, Any]) -> str:
    return integrated(adata, options)


def test_the_strategy_reaches_both_ends() -> None:
    ends: list[str] = []

    @quick(60)
    @given(hostile_cells())
    def try_them(adata: AnnData) -> None:
        ends.append(carried_through(adata, {}, LOOSE))

    try_them()
    assert ends.count("whole") > 10
    assert ends.count("refused") > 10


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_kind_of_column_is_a_batch_or_refused(kind: str) -> None:
    from hostile_cells import as_column

    counts = np.random.default_rng(0).poisson(3.0, (12, 6)).astype(np.float32)
    adata = AnnData(sparse.csr_matrix(counts))
    adata.obs["batch"] = as_column(kind, np.arange(12) % 3)
    assert carried_through(adata, {}, LOOSE) == ("refused" if kind in REFUSED else "whole")


REFUSED = ("Int64 missing", "float NaN", "lists", "long", "mixed twins", "None", "empty", "NaT")
