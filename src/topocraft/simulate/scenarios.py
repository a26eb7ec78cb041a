"""Scenarios by name, made to the size that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from topocraft.errors import ConfigError, list_names, nearest_name
from topocraft.simulate.ranges import COUNT, checked_number
from topocraft.simulate.registry import DATA_PARAMETERS, SCENARIOS, Scenario, Size
from topocraft.simulate.splat import require_seed, simulate_cells
from topocraft.simulate.splat_cells import Cells, draw_cells
from topocraft.simulate.splat_genes import draw_genes

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress
    from topocraft.simulate.parameters import SplatParams

FEWEST_GENES, FEWEST_CELLS_PER_BATCH = 50, 20


def find_scenario(name: str) -> Scenario:
    """Return a scenario by name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in SCENARIOS:
        guess = nearest_name(name, SCENARIOS)
        raise ConfigError(f"There is no scenario '{name}'.{guess} There are {list_names(SCENARIOS, len(SCENARIOS))}.")
    return SCENARIOS[name]


def plan_scenario(
    name: str,
    *,
    n_cells: int | None = None,
    n_batches: int | None = None,
    n_genes: int | None = None,
    seed: int = 0,
    base: SplatParams | None = None,
) -> tuple[SplatParams, Cells]:
    """Return a scenario's parameters, and its cells without their counts.

    Parameters and errors are those of ``simulate_scenario``.
    """
    require_seed(seed)
    scenario = find_scenario(name)
    size = _size(scenario, base, (n_cells, n_batches, n_genes))
    _require_sensible(name, size, scenario)
    each, more = divmod(size.cells, size.batches)
    batch_cells = tuple(each + (batch < more) for batch in range(size.batches))
    params = scenario.design(replace(base or DATA_PARAMETERS, n_genes=size.genes), batch_cells)
    return params, scenario.arrange(draw_cells(params, seed), seed)


def simulate_scenario(
    name: str,
    *,
    n_cells: int | None = None,
    n_batches: int | None = None,
    n_genes: int | None = None,
    seed: int = 0,
    base: SplatParams | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> AnnData:
    """Simulate a scenario by name; those of the paper by its parameters and rules.

    Scenarios of the paper with the same seed and size share their genes, libraries and factors; each takes its cells
    from those of "baseline", by whose names they go.

    Parameters
    ----------
    name
        One of ``SCENARIOS``.
    n_cells
        Cells before the scenario takes some away, at least 20 for each batch; dealt out evenly.
    n_batches
        At least 2 ("trajectory": 1); some scenarios set further limits.
    n_genes
        At least 50.
    seed
        0 or more. The same seed gives the same cells.
    base
        Parameters of genes, libraries, dispersion and dropout instead of the paper's, as ``estimate_splat`` finds
        them in data; batches and groups come from the scenario.
    threads
        At least 1; None for the cores granted.
    progress
        Told of every block of cells.

    Returns
    -------
    anndata.AnnData
        As ``simulate_splat``; ``uns["splat"]["scenario"]`` is the name. ``obs`` also holds, in "nested", technology;
        in "confounded", condition; in "species", species.

    Raises
    ------
    ConfigError
        The name is unknown, or the size is impossible.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0. He et al. 2025 (scCRAFT).

    Examples
    --------
    >>> adata = simulate_scenario("common-3", n_cells=200, n_genes=100, seed=1)
    >>> adata.obs.groupby("batch", observed=True)["celltype"].nunique().to_dict()
    {'Batch1': 5, 'Batch2': 5}
    """
    params, cells = plan_scenario(name, n_cells=n_cells, n_batches=n_batches, n_genes=n_genes, seed=seed, base=base)
    effects, columns = find_scenario(name).further(params, cells, seed)
    genes = draw_genes(params, seed)
    adata = simulate_cells(params, genes, cells, effects, seed, threads=threads, progress=progress)
    for column, values in columns.obs.items():
        adata.obs[column] = values
    for column, values in columns.var.items():
        adata.var[column] = values
    adata.uns["splat"]["scenario"] = name
    return adata


def _size(scenario: Scenario, base: SplatParams | None, asked: tuple[int | None, int | None, int | None]) -> Size:
    known = scenario.size if base is None else scenario.size._replace(genes=base.n_genes)
    chosen = (own if value is None else value for own, value in zip(known, asked, strict=True))
    names = ("n_cells", "n_batches", "n_genes")
    return Size(*(int(checked_number(name, value, COUNT)) for name, value in zip(names, chosen, strict=True)))


def _require_sensible(name: str, size: Size, scenario: Scenario) -> None:
    fewest, most, multiple = scenario.batches
    if not fewest <= size.batches <= most or size.batches % multiple:
        even = f", a multiple of {multiple}" if multiple > 1 else ""
        allowed = f"{fewest}" if fewest == most else f"between {fewest} and {most:,}{even}"
        raise ConfigError(f"n_batches of '{name}' must be {allowed}; got {size.batches:,}. Choose that, or 'baseline'.")
    if size.genes < FEWEST_GENES:
        raise ConfigError(f"n_genes must be at least {FEWEST_GENES}; got {size.genes}. Ask for more genes.")
    if size.cells < FEWEST_CELLS_PER_BATCH * size.batches:
        raise ConfigError(
            f"n_cells must be at least {FEWEST_CELLS_PER_BATCH} for each of {size.batches:,} batches; "
            f"got {size.cells:,}. Ask for more cells or fewer batches."
        )
