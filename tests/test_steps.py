"""Steps that are kept give what steps done anew give, once per configuration of theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from anndata import AnnData

from topocraft import IntegrationConfig, Integrator
from topocraft.data.cells import Cells, from_anndata
from topocraft.simulate.demo import demo_cells
from topocraft.steps import KeptSteps

QUICK: dict[str, Any] = {
    "n_latent": 8,
    "encoder_widths": (16,),
    "decoder_widths": (16,),
    "classifier_widths": (8,),
    "epochs": 2,
}
QUICK |= {"warmup_epochs": 1}


@pytest.fixture(scope="module")
def cells() -> Cells:
    adata: AnnData = demo_cells(n_cells=200, n_genes=200)
    return from_anndata(adata, "batch")


def test_fits_that_share_steps_give_the_same_bytes(cells: Cells) -> None:
    steps = KeptSteps()
    for changes in ({}, {"lambda_triplet": 3.0}):
        config = IntegrationConfig(threads=1).with_values(**QUICK, **changes)
        shared = Integrator(config).fit(cells, steps=steps).embed(cells)
        assert np.array_equal(shared, Integrator(config).fit(cells).embed(cells))


def test_each_step_is_done_once_per_configuration_of_it(cells: Cells) -> None:
    steps, config = KeptSteps(), IntegrationConfig()
    prepared = steps.prepare(cells, config)
    assert steps.prepare(cells, config.with_values(margin=1.0)) is prepared
    fewer = config.with_values(n_top_genes=100)
    assert steps.prepare(cells, fewer) is not prepared
    components = steps.fit_components(prepared, config)
    assert steps.fit_components(prepared, config.with_values(low_resolution=0.1)) is components
    assert steps.fit_components(prepared, config.with_values(seed=1)) is not components
    found = steps.find_topology(prepared, components, cells, cells.batch, config)
    assert steps.find_topology(prepared, components, cells, cells.batch, config.with_values(margin=1.0)) is found
    for changed in (fewer, config.with_values(low_resolution=0.1), config.with_values(seed=1)):
        given = steps.prepare(cells, changed)
        assert steps.find_topology(given, components, cells, cells.batch, changed) is not found
