"""topocraft: one map out of many single-cell experiments.

>>> import topocraft
>>> topocraft.__version__
'0.1.0'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from topocraft._version import __version__
from topocraft.checkpoints import Checkpoints
from topocraft.config import IntegrationConfig

if TYPE_CHECKING:
    from topocraft.embedding import embed
    from topocraft.evaluation import evaluate
    from topocraft.integration import integrate
    from topocraft.integrator import Integrator
    from topocraft.streaming import integrate_files
    from topocraft.tuning import tune

__all__ = [
    "Checkpoints",
    "IntegrationConfig",
    "Integrator",
    "__version__",
    "embed",
    "evaluate",
    "integrate",
    "integrate_files",
    "tune",
]

_LAZY = {
    "Integrator": "topocraft.integrator",
    "embed": "topocraft.embedding",
    "evaluate": "topocraft.evaluation",
    "integrate": "topocraft.integration",
    "tune": "topocraft.tuning",
    "integrate_files": "topocraft.streaming",
}
_ROOMS = ("audit", "baselines", "benchmark", "data", "metrics", "plot", "report", "reproduce", "simulate")
"""Packages that users reach by name, as in ``topocraft.plot.umap``."""


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted([*__all__, *_ROOMS])


def __getattr__(name: str) -> Any:
    """Import what needs the numerical libraries when it is first asked for."""
    if name in _ROOMS:
        return importlib.import_module(f"topocraft.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'topocraft' has no attribute '{name}'")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
