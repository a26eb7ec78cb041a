"""What is asked of a benchmark: which methods, on which datasets, with which seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft import baselines
from topocraft.baselines.limits import require_limits, require_seed
from topocraft.baselines.method import Method
from topocraft.errors import ConfigError, list_names

if TYPE_CHECKING:
    from anndata import AnnData

MOST_SEEDS = 1000


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Cells to integrate, read when their turn comes.

    Parameters
    ----------
    name
        As it stands in tables.
    read
        Returns the cells, given a seed, which only matters where they are ``drawn``.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined.
    label_key
        Column of ``obs`` with the cell types, for scores; ``None`` leaves only the scores that need none.
    layer
        Layer with the values, instead of ``X``.
    drawn
        Whether the cells are drawn anew for every seed, as simulated ones are.
    identity
        Text that changes whenever the cells may have changed, so that they need not be read to find out; empty if
        there is none, and then they are read.
    umap
        Whether UMAP panels are drawn.
    """

    name: str
    read: Callable[[int], AnnData]
    batch_key: str | Sequence[str] = "batch"
    label_key: str | None = "celltype"
    layer: str | None = None
    drawn: bool = False
    identity: str = ""
    umap: bool = True

    def seeds(self, asked: Sequence[int]) -> tuple[int, ...]:
        """Return the seeds for which the cells are read: all that are asked where they are drawn, else one."""
        return tuple(asked) if self.drawn else tuple(asked[:1])


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A method in a grid, with settings of its own where it takes any.

    Parameters
    ----------
    method
        Which method.
    name
        As it stands in tables; left out, the method's own.
    settings
        Fields of the method's configuration.
    """

    method: Method
    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.method.name)


@dataclass(frozen=True, eq=False, kw_only=True)
class Grid:
    """Every contender on every dataset with every seed, under the same limits.

    All contenders run with every seed, those that make no use of it too: then time and memory are measured as often
    for all, and a spread of 0 is seen rather than believed.

    Parameters
    ----------
    datasets, contenders
        At least one of each, with names of their own.
    seeds
        At least one and at most 1,000, none twice, each 0 … 2³² − 1. Pictures show the first.
    controls
        Whether to score the controls of ``topocraft.evaluation`` on every dataset as well.
    scored
        Whether embeddings are scored; if not, only time and memory are of interest.
    time_limit
        Seconds that one run may take.
    memory_limit
        Bytes that one run may hold; left out, nine tenths of what there is.
    threads
        Processor threads of a run; left out, the cores granted.
    title, note
        What heads the page of the table.

    Raises
    ------
    ConfigError
        Something is missing or named twice, or a seed or limit is outside its range.
    """

    datasets: Sequence[Dataset]
    contenders: Sequence[Contender]
    seeds: Sequence[int] = (0,)
    controls: bool = True
    scored: bool = True
    time_limit: float | None = None
    memory_limit: float | None = None
    threads: int | None = None
    title: str = "Benchmark"
    note: str = ""

    def __post_init__(self) -> None:
        _require_own("datasets", [dataset.name for dataset in self.datasets])
        _require_own("contenders", [contender.name for contender in self.contenders])
        if self.seeds[MOST_SEEDS:]:
            raise ConfigError(f"seeds must be at most {MOST_SEEDS:,}; more were asked for. Ask for fewer (--seeds).")
        _require_own("seeds", list(self.seeds))
        for seed in self.seeds:
            require_seed(seed)
        require_limits(self.time_limit, self.memory_limit, self.threads)


def contenders(names: Iterable[str]) -> tuple[Contender, ...]:
    """Return contenders with the defaults of their methods, by name.

    Raises
    ------
    ConfigError
        There is no method of that name; the nearest one is named.

    Examples
    --------
    >>> from topocraft.benchmark import contenders
    >>> [contender.name for contender in contenders(["topocraft", "harmony"])]
    ['topocraft', 'harmony']
    """
    return tuple(Contender(method=baselines.method(name)) for name in names)


def datasets_of(
    paths: Sequence[Path],
    batch_key: str | Sequence[str] = "batch",
    label_key: str | None = "celltype",
    *,
    layer: str | None = None,
    umap: bool = True,
) -> tuple[Dataset, ...]:
    """Return a dataset for every file, named like the file.

    Parameters
    ----------
    paths
        Files that ``topocraft integrate`` reads; every one is a dataset by itself.
    batch_key, label_key, layer, umap
        As for ``Dataset``, the same for all files.

    Raises
    ------
    FileError
        A file is missing or of another kind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from topocraft.benchmark import datasets_of
    >>> from topocraft.simulate.demo import demo_cells
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     demo_cells(n_cells=60, n_genes=50).write_h5ad(Path(folder, "mine.h5ad"))
    ...     datasets_of([Path(folder, "mine.h5ad")])[0].name
    'mine'
    """
    from topocraft.data.files import check_input
    from topocraft.data.joining import file_names

    found = [Path(path) for path in paths]
    for path in found:
        check_input(path)
    shared: dict[str, Any] = {"batch_key": batch_key, "label_key": label_key, "layer": layer, "umap": umap}
    return tuple(
        Dataset(name=name, read=partial(_read_file, path), identity=file_identity(path), **shared)
        for name, path in zip(file_names(found), found, strict=True)
    )


def _read_file(path: Path, _seed: int) -> AnnData:
    from topocraft.data.files import read_cells_file

    return read_cells_file(path).adata


def file_identity(path: Path) -> str:
    """Return text that changes with a file or folder: where it is, how large, and when it was last changed."""
    parts = sorted(path.rglob("*")) if path.is_dir() else [path]
    return "\n".join(f"{part.resolve()} {part.stat().st_size} {part.stat().st_mtime_ns}" for part in parts)


def _require_own(parameter: str, names: Sequence[object]) -> None:
    if not names:
        raise ConfigError(f"{parameter} must hold at least one; got none.")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise ConfigError(f"{parameter} must have names of their own; more than once: {list_names(repeated)}.")


def draws(grid: Grid) -> Iterator[tuple[Dataset, int, tuple[int, ...]]]:
    """Yield every dataset with each seed that it is read with, and the seeds with which methods run on that."""
    for dataset in grid.datasets:
        for seed in dataset.seeds(grid.seeds):
            yield dataset, seed, (seed,) if dataset.drawn else tuple(grid.seeds)
