"""What a scenario sets in Splat's parameters, and what it adds beyond them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.randomness import numpy_stream
from topocraft.simulate.parameters import SplatParams
from topocraft.simulate.splat import Effect
from topocraft.simulate.splat_genes import lognormal_factors

if TYPE_CHECKING:
    from topocraft.simulate.splat_cells import Cells

BATCH_FAC_LOC, BATCH_FAC_SCALE = (0.10, 0.15), (0.50, 1.00)
N_GROUPS = 7
DE_PROB = (0.10, 0.12, 0.08, 0.20, 0.12, 0.10, 0.16)
DE_FAC_LOC = (0.10, 0.08, 0.12, 0.18, 0.06, 0.20, 0.14)
DE_FAC_SCALE = 1.0
SHARED_GENES = 0.7
RESPONDING = 3


@dataclass(frozen=True)
class Columns:
    """Columns that a scenario adds to obs and var."""

    obs: dict[str, Any] = field(default_factory=dict)
    var: dict[str, Any] = field(default_factory=dict)


Further = Callable[[SplatParams, "Cells", int], tuple[tuple[Effect, ...], Columns]]


def seven_groups(base: SplatParams, batch_cells: tuple[int, ...]) -> SplatParams:
    """Set the paper's seven equal groups; its two batch effects, taken in turn by more batches."""
    n_batches = len(batch_cells)
    return replace(
        base,
        method="groups",
        batch_cells=batch_cells,
        batch_fac_loc=[BATCH_FAC_LOC[batch % 2] for batch in range(n_batches)],
        batch_fac_scale=[BATCH_FAC_SCALE[batch % 2] for batch in range(n_batches)],
        group_prob=(1 / N_GROUPS,) * N_GROUPS,
        de_prob=DE_PROB,
        de_down_prob=0.5,
        de_fac_loc=DE_FAC_LOC,
        de_fac_scale=DE_FAC_SCALE,
        path_from=0,
        path_n_steps=100,
        path_skew=0.5,
    )


def without_batch_effect(base: SplatParams, batch_cells: tuple[int, ...]) -> SplatParams:
    """Set the seven groups in batches that do not differ."""
    return replace(seven_groups(base, batch_cells), batch_rm_effect=True)


def small_differences(base: SplatParams, batch_cells: tuple[int, ...]) -> SplatParams:
    """Set the seven groups in batches that differ moderately."""
    return replace(seven_groups(base, batch_cells), batch_fac_loc=0.1, batch_fac_scale=0.3)


def donors(base: SplatParams, batch_cells: tuple[int, ...]) -> SplatParams:
    """Set the seven groups in donors that differ little."""
    return replace(seven_groups(base, batch_cells), batch_fac_loc=0.0, batch_fac_scale=0.2)


def strong_batches(base: SplatParams, batch_cells: tuple[int, ...]) -> SplatParams:
    """Set the seven groups in batches that all differ as the stronger of the paper's two."""
    loc, scale = BATCH_FAC_LOC[1], BATCH_FAC_SCALE[1]
    return replace(seven_groups(base, batch_cells), batch_fac_loc=loc, batch_fac_scale=scale)


def fork(base: SplatParams, batch_cells: tuple[int, ...]) -> SplatParams:
    """Set a path and two that continue it, with the paper's batch effects."""
    return replace(
        seven_groups(base, batch_cells),
        method="paths",
        group_prob=(0.4, 0.3, 0.3),
        de_prob=(0.2,),
        de_down_prob=(0.5,),
        de_fac_loc=(0.2,),
        de_fac_scale=(1.0,),
        path_from=(0, 1, 1),
        path_n_steps=(100,),
        path_skew=(0.5,),
    )


def nothing_further(params: SplatParams, cells: Cells, seed: int) -> tuple[tuple[Effect, ...], Columns]:  # noqa: ARG001
    """Add nothing."""
    return (), Columns()


def technologies(params: SplatParams, cells: Cells, seed: int) -> tuple[tuple[Effect, ...], Columns]:
    """Put the first half of the batches into one technology, the rest into another, with the paper's batch effects."""
    codes = (cells.batch >= params.n_batches // 2).astype(np.int64)
    streams = numpy_stream(seed, "scenario technologies").spawn(2)
    shapes = zip(BATCH_FAC_LOC, BATCH_FAC_SCALE, streams, strict=True)
    factors = np.stack([lognormal_factors(params.n_genes, 1.0, 0.5, *shape) for shape in shapes])
    effect = Effect(("TechFacTech1", "TechFacTech2"), factors, codes)
    return (effect,), Columns(obs={"technology": _named(codes, ["Tech1", "Tech2"])})


def conditions(params: SplatParams, cells: Cells, seed: int) -> tuple[tuple[Effect, ...], Columns]:
    """Stimulate every second batch: Groups 1 to 3 respond to it, each in a tenth of the genes of its own."""
    streams = numpy_stream(seed, "scenario conditions").spawn(RESPONDING)
    responses = [lognormal_factors(params.n_genes, 0.1, 0.5, 0.2, 1.0, stream) for stream in streams]
    stimulated = cells.batch % 2
    codes = np.where((stimulated == 1) & (cells.group < RESPONDING), cells.group + 1, 0)
    names = ("", *(f"ConditionFacGroup{group + 1}" for group in range(RESPONDING)))
    effect = Effect(names, np.stack([np.ones(params.n_genes), *responses]), codes)
    return (effect,), Columns(obs={"condition": _named(stimulated, ["control", "stimulated"])})


def measured_genes(params: SplatParams, cells: Cells, seed: int) -> tuple[tuple[Effect, ...], Columns]:
    """Measure 70 % of the genes in both species, and half of the rest in each; what is not measured is zero."""
    n_shared = round(SHARED_GENES * params.n_genes)
    kind = np.repeat([0, 1, 2], [n_shared, (params.n_genes - n_shared) // 2, (params.n_genes - n_shared + 1) // 2])
    kind = numpy_stream(seed, "scenario species").permutation(kind)
    factors = np.stack([kind != 2, kind != 1]).astype(float)
    species = _named(cells.batch, ["Species1", "Species2"])
    effect = Effect(("MeasuredSpecies1", "MeasuredSpecies2"), factors, cells.batch)
    return (effect,), Columns(obs={"species": species}, var={"shared": kind == 0})


def _named(codes: np.ndarray, names: list[str]) -> Any:
    import pandas as pd

    return pd.Categorical.from_codes(codes, names)
