"""What Splat draws of cells before any count: batch, group, place on a path, library size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from topocraft.errors import ConfigError
from topocraft.randomness import numpy_stream
from topocraft.simulate.paths import depths, first_steps

if TYPE_CHECKING:
    import pandas as pd

    from topocraft.simulate.parameters import SplatParams

LARGEST_LIBRARY = 2**24
"""The largest whole number up to which float32 holds every count exactly."""


@dataclass(frozen=True)
class Cells:
    """The truth about cells; every array is (n_cells,).

    Parameters
    ----------
    number
        Place among the cells that were drawn, from 0; names and dropout go by it.
    batch, group
        Codes from 0.
    step
        Step on the path, from 0; 0 without paths.
    library
        Expected library size.
    """

    number: np.ndarray
    batch: np.ndarray
    group: np.ndarray
    step: np.ndarray
    library: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def take(self, which: np.ndarray) -> Cells:
        """Return some of the cells, by mask or by place."""
        return Cells(self.number[which], self.batch[which], self.group[which], self.step[which], self.library[which])

    def with_groups(self, group: np.ndarray) -> Cells:
        """Return the cells with other groups."""
        return replace(self, group=group)


def draw_cells(params: SplatParams, seed: int) -> Cells:
    """Draw the cells, batch by batch; groups with the probabilities of ``group_prob``.

    Raises
    ------
    ConfigError
        A library exceeds 2²⁴ counts.
    """
    n_cells = params.n_cells
    probabilities = np.array(params.vector("group_prob"))
    group = numpy_stream(seed, "splat groups").choice(params.n_groups, n_cells, p=probabilities / probabilities.sum())
    return Cells(
        number=np.arange(n_cells),
        batch=np.repeat(np.arange(params.n_batches), params.vector("batch_cells", int)),
        group=group,
        step=_steps(params, group, seed),
        library=_libraries(params, seed),
    )


def _libraries(params: SplatParams, seed: int) -> np.ndarray:
    generator = numpy_stream(seed, "splat libraries")
    if params.lib_norm:
        library = generator.normal(params.lib_loc, params.lib_scale, params.n_cells)
        if not (library > 0).any():
            raise ConfigError(f"lib_loc must be positive if lib_norm is set; got {params.lib_loc:g}.")
        library[library <= 0] = library[library > 0].min() / 2
    else:
        with np.errstate(over="ignore"):
            library = generator.lognormal(params.lib_loc, params.lib_scale, params.n_cells)
    if not library.max() <= LARGEST_LIBRARY:
        raise ConfigError(
            f"lib_loc and lib_scale must give at most {LARGEST_LIBRARY:,} counts to a cell; "
            f"{params.lib_loc:g} and {params.lib_scale:g} gave {library.max():,.0f}. Without lib_norm, lib_loc is "
            "a natural logarithm."
        )
    return library


def _steps(params: SplatParams, group: np.ndarray, seed: int) -> np.ndarray:
    steps = np.zeros(len(group), dtype=np.int64)
    if params.method != "paths":
        return steps
    generator = numpy_stream(seed, "splat steps")
    shapes = zip(params.vector("path_n_steps", int), params.vector("path_skew"), strict=True)
    for path, (n_steps, skew) in enumerate(shapes):
        weights = np.linspace(skew, 1 - skew, n_steps)
        members = np.flatnonzero(group == path)
        steps[members] = generator.choice(n_steps, len(members), p=weights / weights.sum())
    return steps


def profile_codes(params: SplatParams, cells: Cells) -> np.ndarray:
    """Return, of every cell, its row in ``Genes.group_factors``."""
    return first_steps(params)[cells.group] + cells.step if params.method == "paths" else cells.group


def obs_table(params: SplatParams, cells: Cells) -> pd.DataFrame:
    """Return the truth about cells as a table: batch, celltype, ExpLibSize, and of paths path to pseudotime.

    ``position`` is the place on the path, ``pseudotime`` that on the way from the origin to the farthest end;
    both are between 0 and 1.
    """
    import pandas as pd

    kind = "Path" if params.method == "paths" else "Group"
    group = pd.Categorical.from_codes(cells.group, [f"{kind}{code + 1}" for code in range(params.n_groups)])
    batch = pd.Categorical.from_codes(cells.batch, [f"Batch{code + 1}" for code in range(params.n_batches)])
    table = {"batch": batch, "celltype": group, "ExpLibSize": cells.library}
    if params.method == "paths":
        position = cells.step / (np.array(params.vector("path_n_steps", int))[cells.group] - 1)
        before = depths(params)
        pseudotime = (before[cells.group] + position) / (before.max() + 1)
        table |= {"path": group, "step": cells.step + 1, "position": position, "pseudotime": pseudotime}
    return pd.DataFrame(table, index=[f"Cell{number + 1}" for number in cells.number])
