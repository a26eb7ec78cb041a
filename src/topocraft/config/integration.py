"""The configuration: everything that decides a result, in a frozen dataclass that travels as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Literal, get_type_hints

from topocraft.config.checked import Checked, distinct_keys, shown_value
from topocraft.config.sections import EmbeddingConfig, ModelConfig, PreprocessConfig, TopologyConfig, TrainingConfig
from topocraft.errors import ConfigError, nearest_name

Device = Literal["auto", "cpu", "cuda", "mps"]
MOST_THREADS = 1024
"""More cost memory before they do any work, and end the process where there is none."""


@dataclass(frozen=True, kw_only=True)
class IntegrationConfig(Checked):
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

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {"seed": (0, 2**32 - 1), "threads": (1, MOST_THREADS)}

    @classmethod
    def published(cls, **values: Any) -> IntegrationConfig:
        """Return the published configuration (Methods), with fields changed by name.

        The embedding is the posterior mean all the same; the published program returns a random draw.
        """
        topology = {"nesting": "graph", "separation": "full"}
        triplets = {"distance": "euclidean", "triplets_per_cluster": 15, "pairs_from": "low"}
        balance = {"lambda_adversary": 0.2, "final_rate": 1.0}
        embedding = {"alignment_rounds": 0, "coordinates": "latent"}
        published = {"head": "published"} | topology | triplets | balance | embedding
        return cls().with_values(**published | values)

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
            values = json.loads(text, object_pairs_hook=distinct_keys)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"config must be JSON; it is not: {error}. Write it with to_json().") from error
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
                raise ConfigError(_not_one_field(self, name, owners))
        return changed


def _not_one_field(config: IntegrationConfig, name: str, owners: list[str]) -> str:
    """Say what is wrong with a name that is of no field, of a section, or of fields in several sections."""
    if owners:
        ways = " or ".join(f"{section}.{name}" for section in owners)
        return (
            f"'{name}' stands in {' and '.join(owners)}. Say which: --set {ways.replace(' or ', '=… or --set ')}=…, or "
            "in Python IntegrationConfig.from_dict."
        )
    if name in _sections(config):
        return f"'{name}' is a section of the configuration. Give its fields by their own names, as in epochs=100."
    known = [known for section in _sections(config) for known in _field_names(getattr(config, section))]
    return f"'{name}' is no field of the configuration.{nearest_name(name, [*known, *_field_names(config)])}"


def _field_names(config: Any) -> list[str]:
    return [item.name for item in fields(config)]


def _sections(config: Any) -> list[str]:
    return [item.name for item in fields(config) if is_dataclass(getattr(config, item.name))]


def _build(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be an object with named fields; got {shown_value(values)}.")
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind)]
    for name in values:
        if name not in known:
            raise ConfigError(f"{where} has no field {name!r:.60}.{_where_it_stands(kind, str(name), known)}")
    built = {
        name: _build(hints[name], value, f"{where}.{name}") if is_dataclass(hints[name]) else value
        for name, value in values.items()
    }
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in built.items()})


def _where_it_stands(kind: Any, name: str, known: list[str]) -> str:
    """Name the sections that have such a field, or the nearest of the ``known`` ones."""
    sections = {part: hint for part, hint in get_type_hints(kind).items() if is_dataclass(hint)}
    owners = [part for part, hint in sections.items() if name in {item.name for item in fields(hint)}]
    if owners:
        return f" It stands in {' and '.join(owners)}: {{{json.dumps(owners[0])}: {{{json.dumps(name)}: …}}}}."
    return nearest_name(name, known)
