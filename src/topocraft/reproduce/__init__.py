"""The paper's results, each by name: what was run, on what, and what came of it."""

from topocraft.reproduce.recipe import Recipe, Size, Variant
from topocraft.reproduce.recipes import RECIPES, find_recipe
from topocraft.reproduce.running import Overrides, grid_of, reproduce

__all__ = ["RECIPES", "Overrides", "Recipe", "Size", "Variant", "find_recipe", "grid_of", "reproduce"]
