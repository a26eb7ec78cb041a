"""Scores of embeddings in an AnnData, beside controls whose quality is known."""

from topocraft.evaluation.records import as_json
from topocraft.evaluation.scoring import CONTROLS, evaluate, mixing_of_cells

__all__ = ["CONTROLS", "as_json", "evaluate", "mixing_of_cells"]
