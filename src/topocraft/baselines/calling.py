"""Any compared method by one call."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.baselines.method import Output
from topocraft.baselines.registry import method
from topocraft.errors import InputError, MethodError

if TYPE_CHECKING:
    import numpy as np

    from topocraft.config import PreprocessConfig
    from topocraft.data.cells import Cells


def integrate(
    name: str,
    cells: Cells,
    seed: int = 0,
    labels: np.ndarray | None = None,
    *,
    config: PreprocessConfig | None = None,
) -> Output:
    """Integrate cells by any of the compared methods, in a process of its own.

    Parameters
    ----------
    name
        A name in ``METHODS``.
    cells
        The cells; they are not changed.
    seed
        Of the method's random numbers, 0 … 2³² − 1.
    labels
        Cell types, (n_cells,), ``None`` where a cell has none; seen by labelled methods alone.
    config
        Of quality control, normalisation and the choice of genes.

    Returns
    -------
    Output
        An embedding (n_cells, n_dims) or a graph (n_cells, n_cells), in the order of the cells.

    Raises
    ------
    ConfigError
        The name is unknown.
    InputError
        Some cells do not pass quality control.
    MethodError
        The method is not installed, does not fit the cells, or failed; the message says why.

    References
    ----------
    Each method's own: ``METHODS[name].doi``.

    Examples
    --------
    >>> from topocraft.baselines import integrate
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = from_anndata(demo_cells(n_cells=100, n_genes=60), "batch")
    >>> integrate("unintegrated", cells).embedding.shape
    (100, 50)
    """
    from topocraft.baselines.execution import execute
    from topocraft.baselines.preparation import write_preparation

    asked = method(name)
    with tempfile.TemporaryDirectory(prefix="topocraft-") as folder:
        prepared = write_preparation(cells, Path(folder, "cells"), labels=labels, config=config)
        if prepared.n_set_aside:
            raise InputError(
                f"cells must all pass quality control, so that each gets its row; {prepared.n_set_aside:,} of "
                f"{cells.n_cells:,} do not. Leave them out, or pass config=PreprocessConfig(min_genes=0)."
            )
        run = execute(asked, prepared.folder, seed)
    if run.output is None:
        raise MethodError(f"{asked.title}: {run.status}. {run.reason}")
    return run.output
