"""Methods × datasets × seeds: run, scored, ranked and drawn; resumable, and a failure is a row."""

from topocraft.benchmark.circles import scores_figure
from topocraft.benchmark.costs import costs_figure, slopes
from topocraft.benchmark.grid import Contender, Dataset, Grid, contenders, datasets_of
from topocraft.benchmark.page import page
from topocraft.benchmark.ranking import ranking
from topocraft.benchmark.results import rebuild
from topocraft.benchmark.rows import tidy
from topocraft.benchmark.runner import run_grid

__all__ = [
    "Contender",
    "Dataset",
    "Grid",
    "contenders",
    "costs_figure",
    "datasets_of",
    "page",
    "ranking",
    "rebuild",
    "run_grid",
    "scores_figure",
    "slopes",
    "tidy",
]
