"""Every default of the package, in frozen dataclasses that travel as JSON."""

from topocraft.config.integration import Device, IntegrationConfig
from topocraft.config.sections import (
    ClusterMethod,
    Distance,
    EmbeddingConfig,
    Head,
    InputKind,
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
    "Device",
    "Distance",
    "EmbeddingConfig",
    "Head",
    "InputKind",
    "IntegrationConfig",
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
