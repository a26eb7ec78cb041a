"""What a recipe is: data that says which grid stands for a result of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from topocraft.reproduce.sources import Source

Shown = Literal["ranking", "halves", "types", "growth", "variants", "sweeps"]


@dataclass(frozen=True)
class Size:
    """One size of a recipe: where its cells come from, with how many seeds, and that in words."""

    words: str
    sources: tuple[Source, ...]
    seeds: int


@dataclass(frozen=True)
class Variant:
    """topocraft with settings of its own; ``sweep`` names the parameter that it is one ``value`` of."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    sweep: str = ""
    value: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """One result of the paper.

    Parameters
    ----------
    name
        What the command calls it.
    figure
        Where it stands in the paper.
    asks
        What it asks, in one sentence.
    full
        As in the paper; run where its data can be had.
    smaller
        What is run instead.
    variants
        Of topocraft; none where methods are compared.
    shown
        Which table and picture make the result.
    scored
        Whether embeddings are scored, or only time and memory taken.
    controls
        Whether controls are scored.
    umaps
        Datasets whose UMAP panels are drawn.
    """

    name: str
    figure: str
    asks: str
    full: Size
    smaller: Size
    variants: tuple[Variant, ...] = ()
    shown: Shown = "ranking"
    scored: bool = True
    controls: bool = True
    umaps: tuple[str, ...] = ()
