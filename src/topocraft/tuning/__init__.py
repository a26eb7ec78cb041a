"""Choosing the balance of the losses without cell types."""

from topocraft.tuning.records import Tuning
from topocraft.tuning.tune import tune

__all__ = ["Tuning", "tune"]
