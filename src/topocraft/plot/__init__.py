"""Pictures for a paper: matplotlib figures, in scanpy's calling style."""

from topocraft.plot.colours import MANY, MISSING, PALETTE, palette
from topocraft.plot.layouts import graph_layout, in_chance_order, umap_layout
from topocraft.plot.panels import dot_area, hide_scales, layouts_figure, umap_figure
from topocraft.plot.paper import composition, losses, scores, umap
from topocraft.plot.saving import save_figure

__all__ = [
    "MANY",
    "MISSING",
    "PALETTE",
    "composition",
    "dot_area",
    "graph_layout",
    "hide_scales",
    "in_chance_order",
    "layouts_figure",
    "losses",
    "palette",
    "save_figure",
    "scores",
    "umap",
    "umap_figure",
    "umap_layout",
]
