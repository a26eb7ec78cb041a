"""Write the golden files of the present version: ``python tests/golden/make.py``.

``cells.npz`` and ``embedding.npy`` are written where they are missing, a model where its schema has none yet. To keep
is to compare: a model of a schema that was released is never written again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from anndata import AnnData
from scipy import sparse

from topocraft import IntegrationConfig, Integrator, integrate
from topocraft.data.cells import from_anndata
from topocraft.simulate.demo import demo_cells
from topocraft.training.checkpoint import SCHEMA

HERE = Path(__file__).parent
CONFIG = IntegrationConfig(seed=7, device="cpu", threads=1).with_values(
    n_latent=8,
    encoder_widths=(24, 16),
    decoder_widths=(16, 24),
    classifier_widths=(8,),
    epochs=3,
    warmup_epochs=1,
    cells_per_batch=64,
    cells_per_step=96,
    precision="float32",
)
UNALIGNED = CONFIG.with_values(alignment_rounds=0, coordinates="latent")
"""Of the embedding: the last bits of a sum decide which places shifts are found at."""


def golden_cells() -> AnnData:
    """Return the cells as they were once simulated, whatever the simulator does today."""
    with np.load(HERE / "cells.npz", allow_pickle=False) as held:
        counts = sparse.csr_matrix(held["counts"].astype(np.float32))
        adata = AnnData(counts, obs={"batch": held["batch"]})
    adata.obs_names = [f"cell {number}" for number in range(adata.n_obs)]
    adata.var_names = [f"gene {number}" for number in range(adata.n_vars)]
    return adata


def main() -> None:
    """Write what is missing."""
    if not (HERE / "cells.npz").exists():
        drawn = demo_cells(n_cells=180, n_genes=60, seed=11)
        counts = drawn.X.toarray().astype(np.uint16)
        np.savez_compressed(HERE / "cells.npz", counts=counts, batch=drawn.obs["batch"].to_numpy().astype("U8"))
    adata = golden_cells()
    model = integrate(adata, "batch", config=CONFIG)
    if not (HERE / "embedding.npy").exists():
        integrate(adata, "batch", config=UNALIGNED)
        np.save(HERE / "embedding.npy", adata.obsm["X_topocraft"])
    folder = HERE / f"schema-{SCHEMA}"
    if not folder.exists():
        folder.mkdir()
        model.save(folder / "model")
        np.save(folder / "embedding.npy", Integrator.load(folder / "model").embed(from_anndata(adata, "batch")))


if __name__ == "__main__":
    main()
