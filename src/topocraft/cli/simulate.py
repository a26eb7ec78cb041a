"""``topocraft simulate``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.display import choose_progress, duration
from topocraft.errors import InputError, nearest_name

if TYPE_CHECKING:
    from anndata import AnnData
    from rich.table import Table

    from topocraft.progress import Progress

EXAMPLES = """[bold]Examples[/bold]

topocraft simulate --list

topocraft simulate common-3 --seed 1 -o sim.h5ad

topocraft simulate baseline --cells 20000 --batches 4 --genes 2000 -o sim.h5ad

topocraft simulate rare1-0.1 --like cells.h5ad -o sim.h5ad

topocraft simulate baseline --model copula --like cells.h5ad -b batch --label-key celltype -o sim.h5ad"""

SHOWN_BATCHES = 12


def simulate(
    name: options.ScenarioName = None,
    show_list: options.ShowList = False,
    n_cells: options.SimulatedCells = None,
    n_batches: options.SimulatedBatches = None,
    n_genes: options.SimulatedGenes = None,
    like: options.Like = None,
    model: options.SimulationModel = "splat",
    batch_key: options.BatchKey = None,
    label_key: options.TypeKey = None,
    layer: options.Layer = None,
    output: options.Output = None,
    force: options.Force = False,
    seed: options.Seed = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Make cells whose truth is known: the scenarios of the scCRAFT paper, and others.

    Batches are in obs batch, cell types in obs celltype; all factors that were drawn are in var.
    """
    if show_list:
        _show_scenarios()
        return
    if name is None:
        raise typer.BadParameter("a scenario is due; --list shows them.", param_hint="NAME")
    if output is None:
        raise typer.BadParameter("a file to write is due.", param_hint="--output")
    started = time.monotonic()
    asked = _Asked(
        name,
        {"n_cells": n_cells, "n_batches": n_batches, "n_genes": n_genes},
        options.DEFAULT.seed if seed is None else seed,
    )
    _require_data(model, like, batch_key, label_key, asked.size)
    with explained() as written:
        _require_target(asked, output, force, like)
        with choose_progress(quiet, ERR) as progress:
            data = None if like is None else _read(like, layer, batch_key, label_key, progress)
            if model == "copula" and data is not None:
                adata = _copula(asked, data, progress)
            else:
                adata = _splat(asked, data, threads, progress)
            progress.phase("write")
            _write(adata, output, force)
            written.append(output)
        if not quiet:
            _tell(adata, output, time.monotonic() - started)


@dataclass(frozen=True)
class _Asked:
    name: str
    size: dict[str, int | None]
    seed: int


@dataclass(frozen=True)
class _Data:
    counts: Any
    batch: Any
    labels: Any
    gene_names: Any


def _show_scenarios() -> None:
    from rich import box
    from rich.table import Table

    from topocraft.simulate.registry import SCENARIOS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("scenario", "what it is"):
        table.add_column(column, no_wrap=column == "scenario")
    for column in ("cells", "batches", "genes"):
        table.add_column(column, justify="right")
    for name, scenario in SCENARIOS.items():
        table.add_row(name, scenario.summary, *(f"{number:,}" for number in scenario.size))
    OUT.print(table)


def _require_data(
    model: str, like: Path | None, batch_key: list[str] | None, label_key: str | None, size: dict[str, int | None]
) -> None:
    if model != "copula":
        return
    if like is None:
        raise typer.BadParameter("the copula is fitted to cells: name their file.", param_hint="--like")
    if not batch_key or label_key is None:
        raise typer.BadParameter("the copula needs both columns of obs.", param_hint="--batch-key and --label-key")
    for name in ("genes", "batches"):
        if size[f"n_{name}"] is not None:
            raise typer.BadParameter(f"the copula has the {name} of its data; leave it out.", param_hint=f"--{name}")


def _require_target(asked: _Asked, output: Path, force: bool, like: Path | None) -> None:
    from topocraft.data.outputs import check_output
    from topocraft.simulate.scenarios import find_scenario

    find_scenario(asked.name)
    check_output(output, force=force, inputs=[] if like is None else [like])


def _read(
    like: Path, layer: str | None, batch_key: list[str] | None, label_key: str | None, progress: Progress
) -> _Data:
    from topocraft.data.columns import batch_labels, column
    from topocraft.data.files import read_many

    progress.phase("read")
    loaded = read_many([like])
    for note in loaded.notes:
        progress.say(note)
    adata = loaded.adata
    if layer is not None and layer not in adata.layers:
        raise InputError(f"layer must be one of the file's; there is no '{layer}'.{nearest_name(layer, adata.layers)}")
    return _Data(
        counts=adata.X if layer is None else adata.layers[layer],
        batch=None if not batch_key else batch_labels(adata.obs, batch_key),
        labels=None if label_key is None else column(adata.obs, label_key, "label_key").astype(object).to_numpy(),
        gene_names=adata.var_names,
    )


def _splat(asked: _Asked, data: _Data | None, threads: int | None, progress: Progress) -> AnnData:
    from topocraft.simulate.scenarios import simulate_scenario

    base = None
    if data is not None:
        from topocraft.simulate.estimate import estimate_splat
        from topocraft.simulate.population import largest_population

        progress.phase("estimate")
        base = estimate_splat(largest_population(data.counts, data.batch, data.labels), asked.seed)
    return simulate_scenario(asked.name, **asked.size, seed=asked.seed, base=base, threads=threads, progress=progress)


def _copula(asked: _Asked, data: _Data, progress: Progress) -> AnnData:
    from topocraft.simulate.copula import fit_copula
    from topocraft.simulate.copula_settings import copula_scenario
    from topocraft.simulate.population import as_csr

    progress.phase("fit")
    model = fit_copula(as_csr(data.counts), data.batch, data.labels)
    progress.phase("simulate")
    size = {} if asked.size["n_cells"] is None else {"n_cells": asked.size["n_cells"]}
    adata = copula_scenario(model, asked.name, **size, seed=asked.seed)
    adata.var_names = data.gene_names
    return adata


def _write(adata: AnnData, output: Path, force: bool) -> None:
    from topocraft.data.outputs import write_result

    write_result(adata, output, force=force)


def _tell(adata: AnnData, output: Path, seconds: float) -> None:
    OUT.print(_table(adata))
    share = adata.X.nnz / (adata.n_obs * adata.n_vars)
    for line in (
        f"{adata.n_obs:,} cells × {adata.n_vars:,} genes, {share:.1%} of the counts above zero; {duration(seconds)}.",
        f"Written: {output}",
        "Next:",
        f"  topocraft integrate {output} -b batch --label-key celltype -o integrated.h5ad",
    ):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(adata: AnnData) -> Table:
    from rich import box
    from rich.table import Table

    sizes = adata.obs.groupby(["batch", "celltype"], observed=False).size().unstack()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("batch")
    for name in (*sizes.columns, "all"):
        table.add_column(str(name), justify="right", overflow="fold")
    for batch, row in sizes.head(SHOWN_BATCHES).iterrows():
        table.add_row(str(batch), *(f"{size:,}" for size in (*row, row.sum())))
    rest = sizes.iloc[SHOWN_BATCHES:]
    if len(rest):
        table.add_row(f"{len(rest):,} more", *(f"{size:,}" for size in (*rest.sum(), rest.to_numpy().sum())))
    table.add_row("all", *(f"{size:,}" for size in (*sizes.sum(), adata.n_obs)))
    return table
