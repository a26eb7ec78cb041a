"""Every option of the command line: name, meaning, and the default that the configuration gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from topocraft.config import Device, InputKind, IntegrationConfig, SetAside

DEFAULT = IntegrationConfig()
COLUMNS, SCENARIO, RESULT, METHOD, RUN = "What the cells are", "Scenario", "Result", "Method", "Run"
RECIPE = "Recipe"


def option(names: str, panel: str, text: str, default: object = None, metavar: str | None = None) -> Any:
    """Return an option that shows its default in words."""
    known = "" if default is None else f" [dim]\\[default: {default}][/dim]"
    return typer.Option(*names.split(), help=text + known, metavar=metavar, rich_help_panel=panel, show_default=False)


Name = str | None
Names = list[str] | None
Number = float | None
Count = int | None

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", help="Cells: .h5ad, .zarr, .loom, 10x .h5, 10x mtx folder. Of several, each is a batch."
    ),
]
OneFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="Cells with embeddings in obsm: .h5ad, .zarr, .loom.", show_default=False)
]
BatchKey = Annotated[
    Names, option("--batch-key -b", COLUMNS, "Column of obs with the batch; repeatable.", metavar="<str>")
]
BatchKeys = Annotated[
    list[str], option("--batch-key -b", COLUMNS, "Column of obs with the batch; repeatable.", metavar="<str>")
]
Layer = Annotated[Name, option("--layer", COLUMNS, "Layer to read instead of X.")]
Kind = Annotated[InputKind | None, option("--input-kind", COLUMNS, "What the values are.", "auto")]
GeneMask = Annotated[Name, option("--gene-mask", COLUMNS, "Boolean column of var: the genes to use.")]
LabelsLow = Annotated[Name, option("--labels-low", COLUMNS, "Column of obs: cells that differ in it are unlike.")]
LabelsHigh = Annotated[Name, option("--labels-high", COLUMNS, "Column of obs: cells that agree in it are alike.")]
LabelKey = Annotated[Name, option("--label-key", COLUMNS, "Column of obs with the true types, for scores alone.")]
CellTypes = Annotated[
    Name, option("--label-key", COLUMNS, "Column of obs with the cell types; without it, scores that need none.")
]
Embeddings = Annotated[
    Names,
    option("--embedding -e", COLUMNS, "Key of obsm to score; repeatable.", "X_topocraft", metavar="<str>"),
]
Unintegrated = Annotated[
    Name, option("--unintegrated", COLUMNS, "Key of obsm with unintegrated components, if X has no counts.")
]
Continuous = Annotated[
    Names, option("--continuous", COLUMNS, "Column of obs with numbers to be conserved; repeatable.", metavar="<str>")
]
MakeUnique = Annotated[bool, option("--make-unique", COLUMNS, "Number repeated cell and gene names.")]
Orthologs = Annotated[
    Name,
    option(
        "--orthologs",
        COLUMNS,
        "Table of human and mouse genes: join files of both species over common genes; 'upper': same symbols.",
        metavar="<path>",
    ),
]
OrthologRule = Annotated[
    Literal["one-to-one", "sum"] | None,
    option("--ortholog-rule", COLUMNS, "Genes with several orthologs: leave out, or add the counts.", "one-to-one"),
]

Output = Annotated[Path | None, option("--output -o", RESULT, "File to write: .h5ad or .zarr.")]
SaveModel = Annotated[Path | None, option("--save-model", RESULT, "Folder to write the fitted model into.")]
Poor = Annotated[
    SetAside | None,
    option(
        "--set-aside",
        RESULT,
        "Cells that fail quality control: embed all the same, leave NaN, or drop.",
        DEFAULT.embedding.set_aside,
    ),
]
JsonFile = Annotated[Path | None, option("--json", RESULT, "Write scores, cautions and versions as JSON.")]
CsvFile = Annotated[Path | None, option("--csv", RESULT, "Write the scores as a table, one row each.")]
MixingMap = Annotated[
    Path | None,
    option("--mixing-map", RESULT, "Write how well batches mix around every cell: .csv, or .png on a UMAP."),
]
Page = Annotated[Path, option("--output -o", RESULT, "File to write: .html.")]
PageToo = Annotated[
    Path | None, option("--report", RESULT, "Write a page on the result as well: .html, one file, no network.")
]
AuditFirst = Annotated[bool, option("--audit", RESULT, "Audit the cells first, and show what was found.")]
Picture = Annotated[Path | None, option("--picture", RESULT, "Draw the scores as PNG.")]
Force = Annotated[bool, option("--force", RESULT, "Replace results that are there already.")]
Folder = Annotated[Path, option("--output -o", RESULT, "Folder to write into.", "topocraft-demo")]

ConfigFile = Annotated[Path | None, option("--config", METHOD, "JSON file; the options below change it.")]
Settings = Annotated[
    Names, option("--set", METHOD, "Any field of the configuration; repeatable.", metavar="<name=value>")
]
Auto = Annotated[
    bool,
    option("--auto", METHOD, "Choose among embeddings of one training, by what can be told without cell types."),
]
MinGenes = Annotated[Count, option("--min-genes", METHOD, "Genes a cell must show.", "300; panels fewer")]
MinCells = Annotated[
    Count, option("--min-cells", METHOD, "Cells a gene must be seen in.", DEFAULT.preprocess.min_cells)
]
TopGenes = Annotated[
    Count, option("--n-top-genes", METHOD, "Variable genes to choose.", DEFAULT.preprocess.n_top_genes)
]
Low = Annotated[
    Number,
    option("--low-resolution", METHOD, "Of the coarse clusters.", DEFAULT.topology.low_resolution),
]
High = Annotated[
    Number,
    option("--high-resolution", METHOD, "Of the fine clusters.", DEFAULT.topology.high_resolution),
]
Epochs = Annotated[Count, option("--epochs", METHOD, "Rounds of training.", DEFAULT.training.epochs)]

Seed = Annotated[Count, option("--seed", RUN, "The same seed gives the same result.", DEFAULT.seed)]
Where = Annotated[Device | None, option("--device", RUN, "Where to compute.", DEFAULT.device)]
Threads = Annotated[Count, option("--threads", RUN, "Processor threads.", "the cores granted")]
Memory = Annotated[
    Name,
    option(
        "--memory", RUN, "Memory to work in: 4GB. Larger .h5ad and .zarr are read in blocks.", "three quarters of it"
    ),
]
ScenarioName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Scenario to make; --list shows them.", show_default=False)
]
ShowList = Annotated[bool, option("--list", SCENARIO, "Explain every scenario in a line, and end.")]
SimulatedCells = Annotated[
    Count, option("--cells", SCENARIO, "Cells, before the scenario takes some away.", "the scenario's own")
]
SimulatedBatches = Annotated[Count, option("--batches", SCENARIO, "Batches.", "the scenario's own")]
SimulatedGenes = Annotated[Count, option("--genes", SCENARIO, "Genes.", "the scenario's own")]
Like = Annotated[
    Path | None, option("--like", SCENARIO, "File of real cells: their genes, libraries and dispersion instead.")
]
SimulationModel = Annotated[
    Literal["splat", "copula"],
    option("--model", SCENARIO, "How counts are drawn; the copula is fitted to the cells of --like.", "splat"),
]
TypeKey = Annotated[Name, option("--label-key", COLUMNS, "Column of obs with the cell types of --like.")]

Controls = Annotated[
    bool,
    typer.Option(
        "--controls/--no-controls",
        help="Score the controls as well: floor and ceiling.",
        rich_help_panel=METHOD,
    ),
]
BenchmarkFiles = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="Cells, as for integrate; each file is a dataset.", show_default=False),
]
BenchmarkKeys = Annotated[
    Names, option("--batch-key -b", COLUMNS, "Column of obs with the batch; repeatable.", metavar="<str>")
]
Methods = Annotated[
    Names,
    option("--methods -m", METHOD, "Names with commas between, or 'all'; topocraft baselines list.", metavar="<str>"),
]
Seeds = Annotated[Count, option("--seeds", METHOD, "Runs of every method, with seeds 0, 1, …", 1)]
RunsFolder = Annotated[
    Path | None, option("--output -o", RESULT, "Folder of rows, tables and pictures; one that is there goes on.")
]
TableOnly = Annotated[bool, option("--table-only", RESULT, "Make tables and pictures anew; run nothing.")]
Umaps = Annotated[
    bool,
    typer.Option("--umaps/--no-umaps", help="Draw UMAP panels of every method.", rich_help_panel=RESULT),
]
Retry = Annotated[bool, option("--retry", RUN, "Run anew what did not end well.")]
TimeLimit = Annotated[Name, option("--time-limit", RUN, "Longest time of a run: 90s, 15m, 2h.", "none")]
MemoryLimit = Annotated[
    Name, option("--memory-limit", RUN, "Most memory of a run: 500MB, 30GB.", "nine tenths of what there is")
]
RecipeName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Result to reproduce; --list shows them.", show_default=False)
]
ShowRecipes = Annotated[bool, option("--list", RECIPE, "Explain every recipe, and end.")]
RecipeSize = Annotated[
    Literal["full", "smaller"] | None,
    option("--size", RECIPE, "As in the paper, or smaller.", "full where its data can be had"),
]
RecipeSeeds = Annotated[Count, option("--seeds", RECIPE, "Runs of every method.", "the recipe's own")]
RecipeCells = Annotated[Count, option("--cells", RECIPE, "Most cells of a dataset.", "the recipe's own")]
Largest = Annotated[Count, option("--largest", RECIPE, "Leave larger datasets out: cells.", "none")]
RecipeMethods = Annotated[
    Names,
    option("--methods -m", RECIPE, "Names with commas between.", "all; of variants, none beside", metavar="<str>"),
]
OwnData = Annotated[
    Path | None, option("--data", RECIPE, "Folder of own datasets, NAME.h5ad.", "that of TOPOCRAFT_DATA")
]
DryRun = Annotated[bool, option("--dry-run", RUN, "Tell what would happen; train and write nothing.")]
Quiet = Annotated[bool, option("--quiet -q", RUN, "Say nothing but errors.")]
