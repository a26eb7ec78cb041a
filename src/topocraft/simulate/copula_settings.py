"""The ten settings of the paper's simulation study, drawn from a model that is fitted already."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np

from topocraft.errors import ConfigError, InputError, nearest_name
from topocraft.simulate.copula import CopulaModel
from topocraft.simulate.ranges import COUNT, checked_number

if TYPE_CHECKING:
    from anndata import AnnData

MOST_TYPES = 7
COPULA_SETTINGS = (
    "baseline",
    "batch1-0.5",
    "batch1-0.25",
    "batch1-0.125",
    "common-5",
    "common-3",
    "common-1",
    "rare1-0.5",
    "rare1-0.2",
    "rare1-0.1",
)


def copula_scenario(model: CopulaModel, name: str, n_cells: int = 4000, seed: int = 0) -> AnnData:
    """Simulate one of the paper's ten settings with the types and batches of fitted data.

    The two batches are those that share most types, and among equals most cells. The types are the seven that are
    largest in these two together, of those that both hold; fewer if both hold fewer. Each type has an equal part
    of each batch, and then, with types in descending size as in the data:

    * ``batch1-f``: of the first batch, the share f is kept.
    * ``common-k``: types 1 … k stay in both, the next ⌊(T − k) / 2⌋ in the first batch only, the rest in the second.
    * ``rare1-f``: of type 1, the share f is kept in both batches.

    Parameters
    ----------
    model
        As ``fit_copula`` returns it.
    name
        One of ``COPULA_SETTINGS``.
    n_cells
        Cells of the two batches together before any are taken away, at least 4 for each type.
    seed
        The same seed gives the same bytes.

    Returns
    -------
    anndata.AnnData
        ``X`` raw counts, CSR, float32; ``obs["batch"]`` and ``obs["celltype"]`` by the names of the data;
        ``uns["copula"]``: scenario, seed, and the types in order, as JSON.

    Raises
    ------
    ConfigError
        Unknown name, too few cells, or ``common-k`` with k or fewer types to choose from.
    InputError
        No two batches share two types.

    References
    ----------
    Song et al. 2024 (scDesign3), doi:10.1038/s41587-023-01772-1.

    Examples
    --------
    >>> from topocraft.simulate.copula import fit_copula
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = demo_cells(n_cells=400, n_genes=100, seed=1)
    >>> model = fit_copula(cells.X, cells.obs["batch"], cells.obs["celltype"], n_correlated=20)
    >>> copula_scenario(model, "rare1-0.1", n_cells=200).obs["celltype"].value_counts()["common 1"]
    np.int64(4)
    """
    sizes = scenario_sizes(model, name, n_cells)
    counts, batch, label = model.sample(sizes, seed)
    import anndata
    import pandas as pd

    obs = pd.DataFrame(
        {"batch": pd.Categorical(batch), "celltype": pd.Categorical(label)},
        index=[f"Cell{number + 1}" for number in range(len(batch))],
    )
    var = pd.DataFrame(index=[f"Gene{number + 1}" for number in range(model.n_genes)])
    adata = anndata.AnnData(counts, obs=obs, var=var)
    types = list(choose_types(model)[1])
    adata.uns["copula"] = json.dumps({"scenario": name, "seed": seed, "n_cells": n_cells, "types": types})
    return adata


def scenario_sizes(model: CopulaModel, name: str, n_cells: int) -> dict[tuple[str, str], int]:
    """Return how many cells of each batch and type a scenario holds; parameters as for ``copula_scenario``."""
    if name not in COPULA_SETTINGS:
        raise ConfigError(
            f"name must be one of {', '.join(COPULA_SETTINGS)}; got {name!r}.{nearest_name(name, COPULA_SETTINGS)}"
        )
    checked_number("n_cells", n_cells, COUNT)
    batches, types = choose_types(model)
    if n_cells < 4 * len(types):
        raise ConfigError(f"n_cells must be at least {4 * len(types)} for {len(types)} types; got {n_cells!r}.")
    parts = _equal_parts(n_cells, len(types))
    kind, _, value = name.partition("-")
    if kind == "batch1":
        parts[0] = np.maximum(1, np.round(parts[0] * float(value)))
    elif kind == "rare1":
        parts[:, 0] = np.maximum(1, np.round(parts[:, 0] * float(value)))
    elif kind == "common":
        _split_types(parts, int(value))
    cells = {(b, t): int(parts[i, j]) for i, b in enumerate(batches) for j, t in enumerate(types)}
    return {pair: size for pair, size in cells.items() if size}


def choose_types(model: CopulaModel) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Return the two batches that share most, and their shared types in descending size, seven at most."""
    seen = model.n_observed

    def shared(pair: tuple[int, int]) -> tuple[int, int]:
        both = (seen[pair[0]] > 0) & (seen[pair[1]] > 0)
        return int(both.sum()), int((seen[pair[0]] + seen[pair[1]])[both].sum())

    pairs = list(itertools.combinations(range(len(model.batches)), 2))
    if not pairs or shared(max(pairs, key=shared))[0] < 2:
        raise InputError("The cells must have two batches that share at least two types. Fit the model to other cells.")
    first, second = max(pairs, key=shared)
    sizes = np.where((seen[first] > 0) & (seen[second] > 0), seen[first] + seen[second], 0)
    order = [code for code in np.argsort(-sizes, kind="stable")[:MOST_TYPES] if sizes[code]]
    return (model.batches[first], model.batches[second]), tuple(model.types[code] for code in order)


def _equal_parts(n_cells: int, n_types: int) -> np.ndarray:
    """Cells of two batches and the types, as equal as whole numbers are."""
    parts: np.ndarray = np.full(2 * n_types, n_cells // (2 * n_types))
    parts[: n_cells - parts.sum()] += 1
    return parts.reshape(2, n_types)


def _split_types(parts: np.ndarray, shared: int) -> None:
    n_types = parts.shape[1]
    if shared >= n_types:
        raise ConfigError(
            f"common-{shared} needs more than {shared} types in two batches; the fitted cells have {n_types}."
        )
    own = shared + (n_types - shared) // 2
    parts[0, own:] = 0
    parts[1, shared:own] = 0
