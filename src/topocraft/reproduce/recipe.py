"""What a recipe is: data that says which grid stands for a result of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from topocraft.reproduce.sources import Source

NUMBERS = {1: "one", 2: "two", 3: "three", 10: "ten"}
Shown = Literal["ranking", "halves", "types", "growth", "variants", "sweeps"]


@dataclass(frozen=True)
class Size:
    """One size of a recipe: where its cells come from, in words, and with how many seeds."""

    words: str
    sources: tuple[Source, ...]
    seeds: int

    def told(self, seeds: int | None = None) -> str:
        """Say all of it, with so many seeds instead of its own where any are named.

        Examples
        --------
        >>> from topocraft.reproduce import Size
        >>> Size("two scenarios", (), 3).told(), Size("two scenarios", (), 3).told(1)
        ('two scenarios, three seeds', 'two scenarios, one seed')
        """
        count = self.seeds if seeds is None else seeds
        return f"{self.words}, {NUMBERS.get(count, f'{count:,}')} {'seed' if count == 1 else 'seeds'}"


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
