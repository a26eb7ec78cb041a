"""Every default of the package, in frozen dataclasses that travel as JSON."""

from topocraft.config.integration import Device, IntegrationConfig
from topocraft.config.sections import (
    ClusterMethod,
    Coordinates,
    Distance,
    EmbeddingConfig,
    Head,
    InputKind,
    Level,
    ModelConfig,
    Nesting,
    Precision,
    PreprocessConfig,
    Scope,
    Separation,
    SetAside,
    TopologyConfig,
    TrainingConfig,
)

__all__ = [
    "ClusterMethod",
    "Coordinates",
    "Device",
    "Distance",
    "EmbeddingConfig",
    "Head",
    "InputKind",
    "IntegrationConfig",
    "Level",
    "ModelConfig",
    "Nesting",
    "Precision",
    "PreprocessConfig",
    "Scope",
    "Separation",
    "SetAside",
    "TopologyConfig",
    "TrainingConfig",
]
