"""A recipe, made into a grid, run, and shown as the paper shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from topocraft.baselines import METHODS
from topocraft.benchmark import Contender, Grid, contenders, run_grid
from topocraft.display import attended
from topocraft.errors import ConfigError, FileError
from topocraft.reproduce.recipe import Recipe, Size
from topocraft.reproduce.recipes import find_recipe
from topocraft.reproduce.shown import write_shown
from topocraft.reproduce.sources import Scale, Source, why_missing

if TYPE_CHECKING:
    import pandas as pd

    from topocraft.progress import Progress

PAPER = "He et al. 2025, doi:10.1038/s42003-025-07988-y"


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What is to be different from a recipe; what is left out stays as the recipe has it.

    Parameters
    ----------
    size
        "full" or "smaller"; left out, full where at least one of its datasets can be had.
    seeds
        Number of seeds instead of the recipe's, at least 1.
    cells
        At most so many cells of each dataset, at least 20; not where datasets are sizes.
    largest
        Datasets of more cells are left out.
    methods
        Methods to compare instead of all that are known; beside the variants where a recipe has any.
    umaps
        Whether UMAP panels are drawn, where the recipe has any.
    data
        Folder of own datasets; left out, the one that ``TOPOCRAFT_DATA`` names.
    time_limit, memory_limit, threads
        As for ``topocraft.benchmark.Grid``.
    retry
        Run anew what did not end well.
    """

    size: Literal["full", "smaller"] | None = None
    seeds: int | None = None
    cells: int | None = None
    largest: int | None = None
    methods: tuple[str, ...] | None = None
    umaps: bool = True
    data: Path | None = None
    time_limit: float | None = None
    memory_limit: float | None = None
    threads: int | None = None
    retry: bool = False


def reproduce(
    name: str,
    folder: Path | str,
    overrides: Overrides | None = None,
    *,
    progress: Progress | None = None,
    run: Callable[..., Any] | None = None,
) -> pd.DataFrame:
    """Run a recipe and write its table and picture; what the folder holds already is not run again.

    Parameters
    ----------
    name
        One of ``RECIPES``.
    folder
        As for ``topocraft.benchmark.run_grid``; ``NAME.md``, ``NAME.csv`` and ``NAME.png`` are written beside the rest.
    overrides
        What is to be different from the recipe.
    progress
        A display of progress; left out, bars on a terminal or in a notebook.
    run
        As for ``run_grid``.

    Returns
    -------
    pandas.DataFrame
        The rows, as ``topocraft.benchmark.tidy`` makes them.

    Raises
    ------
    ConfigError
        There is no such recipe or method, or nothing of the recipe is left.
    InputError
        Not one dataset can be had.
    FileError
        As ``run_grid``, or ``data`` is no folder.

    References
    ----------
    He, Filippidis, Kleinstein, Guan 2025, doi:10.1038/s42003-025-07988-y.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.reproduce import Overrides, reproduce
    >>> small = Overrides(size="smaller", seeds=1, cells=120, methods=("unintegrated",), umaps=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reproduce("nested", folder, small)["status"].unique().tolist()
    ['ok']
    """
    overrides, recipe = overrides or Overrides(), find_recipe(name)
    _require(recipe, overrides)
    with attended(progress) as shown:
        size, missing = _size(recipe, overrides, shown)
        grid = grid_of(recipe, size, overrides, missing)
        rows = run_grid(grid, folder, retry=overrides.retry, progress=shown, run=run)
        write_shown(recipe, Path(folder), rows)
    return rows


def grid_of(recipe: Recipe, size: Size, overrides: Overrides, missing: Mapping[str, str] | None = None) -> Grid:
    """Return the grid that a recipe comes to.

    Parameters
    ----------
    recipe, size, overrides
        Which recipe, at which of its sizes, and what is to be different.
    missing
        Why a dataset cannot be had, by its name: it is not asked for again, and its runs are rows that say so.

    Raises
    ------
    ConfigError
        ``seeds`` or ``cells`` is too small or does not apply, no dataset is left, or a method is unknown.
    """
    _require(recipe, overrides)
    sources = [source for source in size.sources if _fits(source, overrides.largest)]
    if not sources:
        raise ConfigError(
            f"largest must leave a dataset of '{recipe.name}'; {overrides.largest:,} cells leave none. Raise it."
        )
    scale = Scale(overrides.cells, overrides.data, missing or {})
    return Grid(
        datasets=[source.dataset(scale, overrides.umaps and source.name in recipe.umaps) for source in sources],
        contenders=list(_contenders(recipe, overrides.methods)),
        seeds=range(size.seeds if overrides.seeds is None else overrides.seeds),
        controls=recipe.controls,
        scored=recipe.scored,
        time_limit=overrides.time_limit,
        memory_limit=overrides.memory_limit,
        threads=overrides.threads,
        title=recipe.name,
        note=_note(recipe, size, overrides, missing or {}),
    )


def _require(recipe: Recipe, overrides: Overrides) -> None:
    if recipe.shown == "growth" and overrides.cells is not None:
        raise ConfigError(f"cells cannot be set for '{recipe.name}': its datasets are sizes. Set largest (--largest).")
    if overrides.data is not None and not overrides.data.expanduser().is_dir():
        raise FileError(f"data (--data) must be a folder of h5ad files; there is no folder '{overrides.data}'.")
    _ = list(_contenders(recipe, overrides.methods))  # unknown names are refused before anything is fetched
    for name, value, least in (("seeds", overrides.seeds, 1), ("cells", overrides.cells, 20)):
        if value is not None and value < least:
            raise ConfigError(f"{name} must be a whole number of at least {least}; got {value}.")


def _fits(source: Source, largest: int | None) -> bool:
    return largest is None or source.cells is None or source.cells <= largest


def _contenders(recipe: Recipe, methods: Sequence[str] | None) -> Iterator[Contender]:
    for variant in recipe.variants:
        yield Contender(method=METHODS["topocraft"], name=variant.name, settings=variant.settings)
    every = [] if recipe.variants else [name for name, method in METHODS.items() if not method.control]
    yield from contenders(every if methods is None else methods)


def _note(recipe: Recipe, size: Size, overrides: Overrides, missing: Mapping[str, str]) -> str:
    changed = [
        f"{value:,} {words}"
        for value, words in (
            (overrides.cells, "cells of a dataset at most"),
            (overrides.largest, "cells in the largest dataset"),
        )
        if value is not None
    ]
    same = "the same" if overrides.seeds is None else replace(size, words="the same").told(overrides.seeds)
    here = same if size is recipe.full else size.told(overrides.seeds)
    here += f", without {', '.join(missing)}, which cannot be had" if missing else ""
    asked = f", but {', '.join(changed)}" if changed else ""
    return f"{recipe.figure} of {PAPER}. {recipe.asks} In the paper: {recipe.full.told()}. Here: {here}{asked}."


def _size(recipe: Recipe, overrides: Overrides, progress: Progress) -> tuple[Size, dict[str, str]]:
    """Return the size that is asked for, or the full one unless none of its datasets can be had; and what is missing.

    What can be fetched is here afterwards.
    """
    if overrides.size is not None:
        size = recipe.full if overrides.size == "full" else recipe.smaller
        return size, _missing(size, overrides, progress)
    missing = _missing(recipe.full, overrides, progress)
    if not missing or any(source.needs not in missing for source in recipe.full.sources):
        return recipe.full, missing
    progress.warn(f"The data of the paper cannot be had: {next(iter(missing.values()))}")
    progress.warn(f"Instead: {recipe.smaller.told(overrides.seeds)}.")
    return recipe.smaller, _missing(recipe.smaller, overrides, progress)


def _missing(size: Size, overrides: Overrides, progress: Progress) -> dict[str, str]:
    needed = dict.fromkeys(source.needs for source in size.sources if source.needs)
    reasons = {}
    for name in needed:
        progress.phase(f"look for {name}")
        reasons[name] = why_missing(name, Scale(folder=overrides.data), progress)
    return {name: reason for name, reason in reasons.items() if reason}
