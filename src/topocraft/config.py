"""Every default of the package, in frozen dataclasses that travel as JSON.

References to sections such as "Methods" are to He et al. 2025, doi:10.1038/s42003-025-07988-y.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from topocraft.errors import ConfigError, nearest_name

InputKind = Literal["auto", "counts", "log1p"]
Scope = Literal["global", "batch"]
Nesting = Literal["low", "graph"]
ClusterMethod = Literal["leiden", "louvain"]
Head = Literal["trunk", "published", "per_gene"]
Distance = Literal["euclidean", "squared"]
Precision = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda", "mps"]
SetAside = Literal["embed", "nan", "drop"]


def _require(owner: str, name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ConfigError(f"{owner}.{name} must be {allowed}; got {value!r}.")


class _Checked:
    """Checks the fields that carry a range in ``RANGES`` and those typed as a choice of words."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name, hint in hints.items():
            if get_origin(hint) is ClassVar:
                continue
            value, owner = getattr(self, name), type(self).__name__
            choices = get_args(hint)
            if choices and all(isinstance(choice, str) for choice in choices):
                _require(owner, name, value, value in choices, " or ".join(map(repr, choices)))
            elif name in self.RANGES:
                self._check_number(owner, name, value, hint)

    def _check_number(self, owner: str, name: str, value: Any, hint: Any) -> None:
        if value is None and type(None) in get_args(hint):
            return
        low, high = self.RANGES[name]
        high = min(high, LARGEST)
        whole = hint is int or int in get_args(hint)
        kind = "a whole number" if whole else "a number"
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        upper = "" if high == LARGEST else f" and at most {high:g}"
        _require(owner, name, value, is_number and low <= value <= high, f"{kind} of at least {low:g}{upper}")


_INF = float("inf")
LARGEST = 1e308


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig(_Checked):
    """Quality control, normalisation and choice of genes."""

    input_kind: InputKind = "auto"
    """Raw counts or log1p-normalised values; ``auto`` decides from the values and reports it."""
    min_genes: int | None = None
    """Cells with fewer detected genes are set aside; ``None`` is the published 300, or a twentieth of the genes
    measured where those are fewer than 6,000, as in targeted panels."""
    min_cells: int = 5
    """Genes detected in fewer of the remaining cells are not used."""
    target_sum: float = 1e4
    """Counts per cell after scaling, before log1p."""
    n_top_genes: int = 2000
    """Highly variable genes, chosen per batch and combined; all genes where there are fewer."""
    min_batch_cells: int = 30
    """Batches with fewer cells are pooled for the choice of genes (for nothing else)."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "min_genes": (0, _INF),
        "min_cells": (0, _INF),
        "target_sum": (1, _INF),
        "n_top_genes": (2, _INF),
        "min_batch_cells": (2, _INF),
    }


@dataclass(frozen=True, kw_only=True)
class TopologyConfig(_Checked):
    """The two clusterings between which the method declines to assert anything."""

    n_components: int = 50
    """Principal components of the log-normalised genes."""
    n_neighbors: int = 15
    """Neighbours per cell in the graph that is clustered."""
    method: ClusterMethod = "leiden"
    low_resolution: float = 0.5
    """Cells of one batch in different low clusters are reliably different."""
    high_resolution: float = 7.0
    """Cells of one batch in the same low and high cluster are reliably alike."""
    scope: Scope = "global"
    """Cluster all cells at once, or each batch alone."""
    nesting: Nesting = "graph"
    """High clustering inside each low cluster, or on the whole graph."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "n_components": (2, _INF),
        "n_neighbors": (2, _INF),
        "low_resolution": (1e-6, _INF),
        "high_resolution": (1e-6, _INF),
    }


@dataclass(frozen=True, kw_only=True)
class ModelConfig(_Checked):
    """Shapes of the networks."""

    n_latent: int = 256
    encoder_widths: tuple[int, ...] = (1024, 512)
    decoder_widths: tuple[int, ...] = (512, 1024)
    classifier_widths: tuple[int, ...] = (128, 128)
    head: Head = "trunk"
    """From the decoder to the mean and dispersion of every gene: one layer and a dispersion per batch, the two p × p
    layers of the published network, or a slope and an offset per gene."""
    variance_floor: float = 1e-4

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {"n_latent": (2, _INF), "variance_floor": (0, _INF)}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("encoder_widths", "decoder_widths", "classifier_widths"):
            widths = getattr(self, name)
            listed = isinstance(widths, (tuple, list)) and bool(widths)
            whole = listed and all(type(width) is int and width > 0 for width in widths)
            _require("ModelConfig", name, widths, whole, "a list of one or more positive whole numbers")
            object.__setattr__(self, name, tuple(widths))


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(_Checked):
    """Losses, their balance, and the optimisation."""

    epochs: int = 150
    """Rounds of ``cells_per_batch`` cells per batch; more above 100,000 cells (see ``epochs_for``)."""
    warmup_epochs: int = 50
    """First epochs, in which the encoder does not yet hide the batch from the classifier."""
    cells_per_batch: int = 512
    cells_per_step: int = 1024
    min_share: int = 16
    """Fewest cells per batch in a step; with more batches than fit, each step takes some of them."""
    learning_rate: float = 1e-3
    final_rate: float = 0.05
    """Share of the learning rate that is left at the end; it falls by a cosine once the warm-up is over."""
    classifier_steps: int = 10
    """Updates of the batch classifier for one of the rest."""
    lambda_adversary: float = 1.0
    lambda_triplet: float = 1.0
    lambda_cosine: float = 20.0
    kl_coefficient: float = 0.005
    margin: float = 5.0
    distance: Distance = "euclidean"
    triplets_per_cluster: int | None = 15
    """Pairs drawn per batch and low cluster, of which those within a high cluster become triplets; ``None`` draws one
    triplet for every eligible anchor."""
    precision: Precision = "auto"
    """Of matrix products; ``auto`` takes bfloat16 where the processor has instructions for it."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "epochs": (1, _INF),
        "warmup_epochs": (0, _INF),
        "cells_per_batch": (2, _INF),
        "cells_per_step": (4, _INF),
        "min_share": (2, _INF),
        "learning_rate": (1e-12, 1.0),
        "final_rate": (0, 1.0),
        "classifier_steps": (1, _INF),
        "lambda_adversary": (0, _INF),
        "lambda_triplet": (0, _INF),
        "lambda_cosine": (0, _INF),
        "kl_coefficient": (0, _INF),
        "margin": (0, _INF),
        "triplets_per_cluster": (1, _INF),
    }


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig(_Checked):
    """What becomes of the posterior means."""

    n_components: int | None = 50
    """Principal components of the posterior means that are returned; ``None`` returns the means."""
    set_aside: SetAside = "embed"
    """Cells that quality control kept out of training: embed them all the same, give them NaN, or drop them."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {"n_components": (2, _INF)}


@dataclass(frozen=True, kw_only=True)
class IntegrationConfig(_Checked):
    """Everything that decides a result, beside the cells themselves.

    Examples
    --------
    >>> from topocraft import IntegrationConfig
    >>> IntegrationConfig(seed=1).with_values(low_resolution=0.2).topology.low_resolution
    0.2
    """

    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    topology: TopologyConfig = field(default_factory=TopologyConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    seed: int = 0
    device: Device = "auto"
    threads: int | None = None
    """Processor threads; ``None`` takes the cores that this process was really granted."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {"seed": (0, 2**32 - 1), "threads": (1, _INF)}

    @classmethod
    def published(cls, **values: Any) -> IntegrationConfig:
        """Return the published configuration (Methods), with fields changed by name.

        The embedding is the posterior mean all the same; the published program returns a random draw.
        """
        network = {"head": "published", "nesting": "graph", "distance": "euclidean", "triplets_per_cluster": 15}
        balance = {"lambda_adversary": 0.2, "final_rate": 1.0}
        return cls().with_values(**network, **balance, **values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries that JSON can hold."""
        return asdict(self)

    def to_json(self) -> str:
        """Return the configuration as indented JSON."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> IntegrationConfig:
        """Build a configuration from nested dictionaries; what is left out keeps its default.

        Raises
        ------
        ConfigError
            A key is unknown (the nearest known one is named) or a value is outside its range.
        """
        built: IntegrationConfig = _build(cls, values, "config")
        return built

    @classmethod
    def from_json(cls, text: str) -> IntegrationConfig:
        """Build a configuration from JSON text, as ``to_json`` writes it."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"config must be JSON; it is not: {error}.") from error
        return cls.from_dict(values)

    def with_values(self, **values: Any) -> IntegrationConfig:
        """Return a copy with fields changed by name, whichever section they stand in.

        ``n_components`` stands in two sections; change that one with ``dataclasses.replace``.
        """
        changed = self
        for name, value in values.items():
            owners = [section for section in _sections(self) if name in _field_names(getattr(self, section))]
            if name in _field_names(self) and name not in _sections(self):
                changed = replace(changed, **{name: value})
            elif len(owners) == 1:
                section = replace(getattr(changed, owners[0]), **{name: value})
                changed = replace(changed, **{owners[0]: section})
            else:
                known = [known for section in _sections(self) for known in _field_names(getattr(self, section))]
                where = f" stands in {' and '.join(owners)}" if owners else " is no field of the configuration"
                raise ConfigError(f"'{name}'{where}.{nearest_name(name, [*known, *_field_names(self)])}")
        return changed


def _field_names(config: Any) -> list[str]:
    return [item.name for item in fields(config)]


def _sections(config: Any) -> list[str]:
    return [item.name for item in fields(config) if is_dataclass(getattr(config, item.name))]


def _build(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be an object with named fields; got {values!r}.")
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind)]
    for name in values:
        if name not in known:
            raise ConfigError(f"{where} has no field '{name}'.{nearest_name(str(name), known)}")
    built = {
        name: _build(hints[name], value, f"{where}.{name}") if is_dataclass(hints[name]) else value
        for name, value in values.items()
    }
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in built.items()})
