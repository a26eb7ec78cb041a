"""topocraft on all genes, in its default configuration, changed by the JSON in ``uns["settings"]``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from topocraft._version import __version__
from topocraft.config import InputKind, IntegrationConfig
from topocraft.data.cells import from_anndata
from topocraft.integrator import Integrator

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return topocraft's embedding of cells that have all their genes in ``X``, (n_cells, n_components)."""
    config = configured(json.loads(adata.uns["settings"])).with_values(seed=seed, threads=int(adata.uns["threads"]))
    kind: InputKind = "log1p" if adata.uns["prepared"]["kind"] == "log1p" else "counts"
    cells = from_anndata(adata, "batch", input_kind=kind)
    return Integrator(config).fit(cells).embed(cells)


def version() -> str:
    """Return the version of this package."""
    return f"topocraft {__version__}"


def configured(settings: Mapping[str, Any]) -> IntegrationConfig:
    """Return the default configuration, changed by sections ({"training": {"epochs": 20}}) and by fields (epochs)."""
    sections = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    fields = {name: value for name, value in settings.items() if name not in sections}
    return IntegrationConfig.from_dict(sections).with_values(**fields)
