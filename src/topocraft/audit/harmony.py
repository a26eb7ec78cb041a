"""Harmony on the same cells, where it is installed: what another method does to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells
from topocraft.errors import MethodError


def harmony_embedding(cells: Cells, config: PreprocessConfig, seed: int) -> tuple[np.ndarray | None, str]:
    """Return the cells corrected by Harmony, (n_cells, d), and nothing; or ``None`` and why there is none.

    Harmony runs in a process of its own, on the same components.
    """
    from topocraft.baselines import METHODS, integrate
    from topocraft.baselines.environments import find_place

    if find_place(METHODS["harmony"]).python is None:
        return None, "Harmony is not installed (topocraft baselines install harmony)."
    try:
        return integrate("harmony", cells, seed, config=replace(config, min_genes=0)).embedding, ""
    except MethodError as error:
        return None, f"Harmony did not come to a result: {error}"
