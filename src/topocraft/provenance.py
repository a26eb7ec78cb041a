"""What a result says of itself: written to AnnData in forms that h5ad can hold."""

from __future__ import annotations

import importlib.metadata
import platform
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topocraft._version import __version__
from topocraft.data.columns import listed

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.topology.clusters import Topology
    from topocraft.training.checkpoint import Fitted

KEY = "topocraft"
EMBEDDING = "X_topocraft"
SECTIONS = ("annotation", "losses", "read", "seconds")
"""Of the record of an integration, those that hold names and values themselves."""
SET_ASIDE = "topocraft_set_aside"
AUDIT = "topocraft_audit"
LIBRARIES = ("numpy", "scipy", "scikit-learn", "scanpy", "anndata", "igraph", "torch")


class Stopwatch:
    """Seconds of each phase, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End the phase ``name`` now."""
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a result."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in LIBRARIES}


@contextmanager
def views_becoming_whole() -> Iterator[None]:
    """Let what is written first turn a view into an AnnData of its own, without anndata's warning: it was asked for."""
    from anndata import ImplicitModificationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImplicitModificationWarning)
        yield


def annotate(adata: AnnData, embedding: np.ndarray, fitted: Fitted, kept: np.ndarray, topology: Topology) -> None:
    """Write embedding, clusters and provenance into ``adata``; drop the cells set aside only where asked to."""
    policy = fitted.config.embedding.set_aside
    names = adata.obs_names.to_numpy()[~kept]
    if policy == "nan":
        embedding[~kept] = np.nan
    with views_becoming_whole():
        adata.obsm[EMBEDDING] = embedding
    for level in ("low", "high"):
        codes, categories = getattr(topology, level), getattr(topology, f"{level}_names")
        adata.obs[f"topocraft_{level}"] = pd.Categorical.from_codes(codes, categories)
    adata.obs[SET_ASIDE] = ~kept
    adata.uns[KEY] = describe(fitted) | {"set_aside": names.astype(str)}
    if policy == "drop" and not kept.all():
        adata._inplace_subset_obs(kept)


def recorded(adata: AnnData) -> dict[str, Any]:
    """Return what ``uns`` records of an integration; empty where there is nothing, or what no integration writes.

    Examples
    --------
    >>> from topocraft.provenance import recorded
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=60, n_genes=50)
    >>> adata.uns["topocraft"] = {"seed": 1, "read": "by hand"}
    >>> recorded(adata)
    {'seed': 1}
    """
    held = adata.uns.get(KEY, {})
    if not isinstance(held, Mapping):
        return {}
    return {name: value for name, value in held.items() if name not in SECTIONS or isinstance(value, Mapping)}


def describe(fitted: Fitted) -> dict[str, Any]:
    """Return the provenance of a fit: version, config as JSON, seed, libraries, fingerprint, times, losses."""
    return {
        "version": __version__,
        "config": fitted.config.to_json(),
        "seed": fitted.config.seed,
        "batches": np.asarray(fitted.batch_names, dtype=str),
        "genes": np.asarray(fitted.genes.selected, dtype=str),
        "losses": {name: np.asarray(values) for name, values in fitted.history.items()},
        "reference": "doi:10.1038/s42003-025-07988-y",
        **fitted.facts,
    }


def describe_read(batch_key: str | Sequence[str], layer: str | None, gene_mask: str | None) -> dict[str, Any]:
    """Return what of an AnnData was read: batch columns, and layer and mask where they were given."""
    keys = listed(batch_key)
    given = {"layer": layer, "gene_mask": gene_mask}
    return {"batch_key": np.array(keys, dtype=str)} | {name: key for name, key in given.items() if key is not None}
