"""The same seed gives the same bytes, the first time in a process too."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from topocraft import IntegrationConfig, Integrator
from topocraft.data.cells import from_anndata
from topocraft.simulate.demo import demo_cells

cells = from_anndata(demo_cells(n_cells=400, n_genes=300), "batch")
config = IntegrationConfig().with_values(epochs=6, warmup_epochs=2, precision="float32", threads=2)
first, second = (Integrator(config).fit(cells).embed(cells) for _ in range(2))
assert (first == second).all(), abs(first - second).max()
"""


def test_the_first_fit_of_a_process_is_like_the_second() -> None:
    # Elsewhere numba starts as many threads as there are cores; here one, which is fewer than torch is to have.
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
