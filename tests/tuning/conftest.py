"""Cells to tune for, and a network so small that it takes no time."""

from __future__ import annotations

import pytest
from anndata import AnnData

from topocraft import IntegrationConfig
from topocraft.simulate.demo import demo_cells

QUICK = {
    "n_latent": 8,
    "encoder_widths": (32, 16),
    "decoder_widths": (16, 32),
    "classifier_widths": (8,),
    "epochs": 6,
    "warmup_epochs": 2,
    "cells_per_batch": 64,
    "cells_per_step": 96,
}


@pytest.fixture(scope="session")
def tiny() -> AnnData:
    return demo_cells(n_cells=240, n_genes=200)


@pytest.fixture(scope="session")
def quick() -> IntegrationConfig:
    return IntegrationConfig(threads=1).with_values(**QUICK)
