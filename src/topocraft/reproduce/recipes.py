"""The results of He et al. 2025, doi:10.1038/s42003-025-07988-y, as recipes."""

from __future__ import annotations

from topocraft.errors import ConfigError, list_names, nearest_name
from topocraft.reproduce.recipe import Recipe, Size, Variant
from topocraft.reproduce.sources import Copula, Real, Simulated

SETTINGS = (
    "baseline",
    "batch1-0.5",
    "batch1-0.25",
    "batch1-0.125",
    "common-5",
    "common-3",
    "common-1",
    "rare1-0.5",
    "rare1-0.2",
    "rare1-0.1",
)
SHOWN_SETTINGS = ("baseline", "batch1-0.125", "common-3", "rare1-0.1")
NINE = (
    "bct",
    "bct-del",
    "human-immune",
    "human-immune-part",
    "pancreas",
    "lung-atlas",
    "lung-two-species",
    "macaque-retina",
    "hcl-mca",
)
OWN = (
    "pbmc_10x_6batch",
    "cellline_mixology",
    "malaria_berghei_10x_ss2",
    "kang_pbmc_ifn",
    "pancreas_cepo_3batch",
    "pancreas_baron_human_mouse",
    "rnamix_gradient",
    "pbmc_symphony_3chem",
)
SIZES = (20_000, 50_000, 100_000, 150_000, 200_000, 250_000, 300_000)
LAMBDA_D = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0)
LAMBDA_T = (0.0, 0.5, 1.0, 2.0, 5.0)


def _real(*names: str) -> tuple[Real, ...]:
    return tuple(Real(name) for name in names)


def _sweep(field: str, symbol: str, values: tuple[float, ...]) -> tuple[Variant, ...]:
    return tuple(Variant(f"{symbol} = {value:g}", {field: value}, symbol, value) for value in values)


TUNED = Size("pancreas and lung atlas", _real("pancreas", "lung-atlas"), 1)
TUNED_SMALLER = Size(
    "pbmc_10x_6batch, pancreas_baron_human_mouse and the simulated common-3 (4,000 cells)",
    (*_real("pbmc_10x_6batch", "pancreas_baron_human_mouse"), Simulated("common-3")),
    1,
)
SWEPT_SMALLER = Size(
    "pancreas_baron_human_mouse, kang_pbmc_ifn and the simulated common-3 (4,000 cells)",
    (*_real("pancreas_baron_human_mouse", "kang_pbmc_ifn"), Simulated("common-3")),
    1,
)

_ALL = (
    Recipe(
        name="fig2-simulated",
        figure="Fig. 2a, b",
        asks="Unequal batches, types of one batch only, rare types: who keeps what is there and mixes what is shared?",
        full=Size(
            "ten Splatter scenarios of two batches, 4,000 cells × 10,000 genes before cells are taken away",
            tuple(Simulated(name) for name in SETTINGS),
            10,
        ),
        smaller=Size(
            "the ten scenarios with half of the cells, 2,000 × 10,000 genes",
            tuple(Simulated(name, cells=2000) for name in SETTINGS),
            3,
        ),
        umaps=SHOWN_SETTINGS,
    ),
    Recipe(
        name="scdesign3",
        figure="Supplement 6.3",
        asks="Are the answers the same with cells from another simulator, a copula fitted to real ones?",
        full=Size(
            "ten settings drawn from a copula fitted to the pancreas set, 4,000 cells",
            tuple(Copula(name, "pancreas") for name in SETTINGS),
            10,
        ),
        smaller=Size(
            "ten settings drawn from a copula fitted to pbmc_10x_6batch, 2,000 cells",
            tuple(Copula(name, "pbmc_10x_6batch", cells=2000) for name in SETTINGS),
            2,
        ),
    ),
    Recipe(
        name="fig2-real",
        figure="Fig. 2c",
        asks="Who ranks where on real cells?",
        full=Size("nine published datasets, up to 372,789 cells", _real(*NINE), 1),
        smaller=Size("eight small datasets of your own folder, up to 10,500 cells", _real(*OWN), 3),
        umaps=(*NINE, *OWN),
    ),
    Recipe(
        name="rare-types",
        figure="Fig. 3",
        asks="Which cells of rare types are found among their own, and mixed as their type is?",
        full=Size("pancreas, 16,382 cells, 14 types down to 0.04 %", _real("pancreas"), 1),
        smaller=Size(
            "pbmc_10x_6batch (dendritic cells 0.9 %) and the simulated rare1-0.1 (4,000 cells)",
            (*_real("pbmc_10x_6batch"), Simulated("rare1-0.1")),
            2,
        ),
        shown="types",
        umaps=("pancreas", "pbmc_10x_6batch", "rare1-0.1"),
    ),
    Recipe(
        name="nested",
        figure="Fig. 4",
        asks="Donors within technologies: what becomes of small differences within large ones?",
        full=Size("lung atlas, 32,472 cells, 16 donors", _real("lung-atlas"), 1),
        smaller=Size(
            "the simulated nested: 6,000 cells × 10,000 genes, six donors within two technologies",
            (Simulated("nested"),),
            3,
        ),
        shown="halves",
        umaps=("lung-atlas", "nested"),
    ),
    Recipe(
        name="cross-species",
        figure="Fig. 5a–c",
        asks="Two species that share few types: are those matched, and the others left alone?",
        full=Size("HCL–MCA, 372,789 cells, and lung of two species", _real("hcl-mca", "lung-two-species"), 1),
        smaller=Size(
            "pancreas_baron_human_mouse (350 cells) and the simulated species (4,000 cells)",
            (*_real("pancreas_baron_human_mouse"), Simulated("species")),
            3,
        ),
        shown="halves",
        umaps=("hcl-mca", "lung-two-species", "pancreas_baron_human_mouse", "species"),
    ),
    Recipe(
        name="scalability",
        figure="Fig. 5d, e",
        asks="How do time and memory grow with the number of cells?",
        full=Size(
            "samples of HCL–MCA, 20,000 to 300,000 cells in seven sizes",
            tuple(Real("hcl-mca", cells=size, title=f"{size:,} cells") for size in SIZES),
            1,
        ),
        smaller=Size(
            "the simulated baseline, 20,000 to 300,000 cells × 3,000 genes in seven sizes",
            tuple(Simulated("baseline", cells=size, genes=3000, title=f"{size:,} cells") for size in SIZES),
            1,
        ),
        shown="growth",
        scored=False,
    ),
    Recipe(
        name="ablation",
        figure="Supplement 4.3",
        asks="What does the method lose without its adversary (λ_D = 0), and without its triplets (λ_T = 0)?",
        full=TUNED,
        smaller=TUNED_SMALLER,
        variants=(
            Variant("default"),
            Variant("λ_D = 0", {"lambda_adversary": 0.0}),
            Variant("λ_T = 0", {"lambda_triplet": 0.0}),
        ),
        shown="variants",
        umaps=("pancreas", "lung-atlas", "pbmc_10x_6batch", "pancreas_baron_human_mouse", "common-3"),
    ),
    Recipe(
        name="sweeps",
        figure="Fig. S20",
        asks="How far do λ_D and λ_T matter, and do scores that need no cell types tell the same as those that do?",
        full=TUNED,
        smaller=SWEPT_SMALLER,
        variants=(*_sweep("lambda_adversary", "λ_D", LAMBDA_D), *_sweep("lambda_triplet", "λ_T", LAMBDA_T)),
        shown="sweeps",
        controls=False,
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    ConfigError
        There is none of that name; the nearest one is named.

    Examples
    --------
    >>> from topocraft.reproduce import find_recipe
    >>> find_recipe("ablation").figure
    'Supplement 4.3'
    """
    if name not in RECIPES:
        known = list_names(RECIPES, len(RECIPES))
        raise ConfigError(f"name must be one of {known}; there is no recipe '{name}'.{nearest_name(name, RECIPES)}")
    return RECIPES[name]
