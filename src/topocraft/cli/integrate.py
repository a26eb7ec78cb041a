"""``topocraft integrate``: what is asked, checked before any long work, done, written and told."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from topocraft.cli import options, targets
from topocraft.cli.blocks import in_blocks, integrate_in_blocks
from topocraft.cli.outcome import ERR, OUT, explained, tell
from topocraft.cli.processes import in_job
from topocraft.cli.settings import batch_columns, configured
from topocraft.config import IntegrationConfig
from topocraft.display import choose_progress
from topocraft.errors import InputError
from topocraft.memory import IN_BLOCKS
from topocraft.tables import plan_table

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.checkpoints import Checkpoints
    from topocraft.integration import Reading
    from topocraft.integrator import Integrator
    from topocraft.plan import Plan
    from topocraft.progress import Progress
    from topocraft.report import Report

EXAMPLES = """[bold]Examples[/bold]

topocraft integrate cells.h5ad -b batch -o integrated.h5ad

topocraft integrate cells.h5ad -b batch --label-key celltype -o integrated.h5ad --report report.html

topocraft integrate cells.h5ad -b batch --auto -o integrated.h5ad

topocraft integrate donor1.h5ad donor2.h5ad -o integrated.h5ad

topocraft integrate human.h5ad mouse.h5ad --orthologs orthologs.csv -o integrated.h5ad

topocraft integrate cells.h5ad -b donor -b chemistry --layer counts --dry-run"""


def integrate(
    files: options.Files,
    batch_key: options.BatchKey = None,
    layer: options.Layer = None,
    input_kind: options.Kind = None,
    gene_mask: options.GeneMask = None,
    labels_low: options.LabelsLow = None,
    labels_high: options.LabelsHigh = None,
    label_key: options.LabelKey = None,
    make_unique: options.MakeUnique = False,
    orthologs: options.Orthologs = None,
    ortholog_rule: options.OrthologRule = None,
    output: options.Output = None,
    save_model: options.SaveModel = None,
    report: options.PageToo = None,
    set_aside: options.Poor = None,
    force: options.Force = False,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    auto: options.Auto = False,
    min_genes: options.MinGenes = None,
    min_cells: options.MinCells = None,
    n_top_genes: options.TopGenes = None,
    low_resolution: options.Low = None,
    high_resolution: options.High = None,
    epochs: options.Epochs = None,
    seed: options.Seed = None,
    device: options.Where = None,
    threads: options.Threads = None,
    checkpoint_every: targets.CheckpointEvery = None,
    resume: targets.Resume = False,
    keep_checkpoint: targets.KeepCheckpoint = False,
    memory: options.Memory = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
) -> None:
    """Integrate the batches of raw counts into one embedding, obsm X_topocraft.

    The result keeps every cell, every gene and all counts, in their order.
    """
    if output is None and not dry_run:
        raise typer.BadParameter("a file to write is due; only --dry-run needs none.", param_hint="--output")
    targets.require_checkpoints(keep_checkpoint, checkpoint_every, resume)
    fields = {
        "input_kind": input_kind,
        "set_aside": set_aside,
        "min_genes": min_genes,
        "min_cells": min_cells,
        "n_top_genes": n_top_genes,
        "low_resolution": low_resolution,
        "high_resolution": high_resolution,
        "epochs": epochs,
        "seed": seed,
        "device": device,
        "threads": threads,
        "coordinates": "best" if auto else None,
    }
    columns = _Columns(batch_columns(files, batch_key), layer, gene_mask, labels_low, labels_high, label_key)
    genes = _Genes(make_unique, orthologs, ortholog_rule or "one-to-one")
    started = time.monotonic()
    with explained(IN_BLOCKS) as written, in_job(output):
        settled = configured(config, settings or [], fields)
        large = in_blocks(files, memory, orthologs, label_key, report)
        with choose_progress(quiet, ERR) as progress:
            if output is None or dry_run:
                notes = targets.foreseen(output, save_model, report, force, files)
                plan = (_plan_in_blocks if large else _plan)(files, columns, genes, settled, progress)
            else:
                target = targets.Targets(
                    output=output,
                    model=save_model,
                    page=report,
                    force=force,
                    every=checkpoint_every,
                    resume=resume,
                    keep=keep_checkpoint,
                )
                target.require(files)
                with target.held(progress):
                    if large:
                        adata, model = integrate_in_blocks(
                            files, columns.reading, settled, make_unique, target, progress
                        )
                        scores = None
                        written.append(target.output)
                        written.extend(_save(model, target, target.replaces))
                    else:
                        adata, columns = _read(files, columns, genes, progress)
                        model, scores = _integrate(adata, columns, settled, progress, target.asked)
                        written.extend(_write(adata, model, columns, target, progress))
        if output is None or dry_run:
            OUT.print(plan_table(plan))
            for note in notes:
                OUT.print(note, markup=False, highlight=False, soft_wrap=True)
        elif not quiet:
            tell(adata, model, scores, written, time.monotonic() - started)


@dataclass(frozen=True)
class _Columns:
    batch_key: list[str]
    layer: str | None
    gene_mask: str | None
    labels_low: str | None
    labels_high: str | None
    label_key: str | None

    @property
    def reading(self) -> Reading:
        """What of the cells enters the integration."""
        from topocraft.integration import Reading

        return Reading(self.batch_key, self.layer, self.labels_low, self.labels_high, self.gene_mask)


@dataclass(frozen=True)
class _Genes:
    make_unique: bool
    orthologs: str | None
    rule: Literal["one-to-one", "sum"]


def _read(files: Sequence[Path], columns: _Columns, genes: _Genes, progress: Progress) -> tuple[AnnData, _Columns]:
    from topocraft.data.columns import cell_types
    from topocraft.data.files import read_many
    from topocraft.data.joining import shared_genes

    progress.phase("read")
    loaded = read_many(files, genes.make_unique, orthologs=genes.orthologs, rule=genes.rule)
    for note in loaded.notes:
        progress.say(note)
    if columns.label_key:
        cell_types(loaded.adata.obs, columns.label_key)
    if len(files) > 1:
        columns = replace(columns, gene_mask=shared_genes(loaded.adata, columns.gene_mask))
    return loaded.adata, columns


def _plan(
    files: Sequence[Path], columns: _Columns, genes: _Genes, config: IntegrationConfig, progress: Progress
) -> Plan:
    from topocraft.plan import make_plan

    adata, columns = _read(files, columns, genes, progress)
    return make_plan(columns.reading.cells(adata, config), config)


def _plan_in_blocks(
    files: Sequence[Path], columns: _Columns, genes: _Genes, config: IntegrationConfig, progress: Progress
) -> Plan:
    from topocraft.streaming import plan_files

    progress.phase("read")
    return plan_files(files, columns.reading, config, make_unique=genes.make_unique)


def _integrate(
    adata: AnnData, columns: _Columns, config: IntegrationConfig, progress: Progress, checkpoints: Checkpoints | None
) -> tuple[Integrator, Report | None]:
    from topocraft.integration import integrate
    from topocraft.report import score_result

    keys, layer, gene_mask = columns.batch_key, columns.layer, columns.gene_mask
    model = integrate(adata, **vars(columns.reading), config=config, progress=progress, checkpoints=checkpoints)
    if columns.label_key is None:
        return model, None
    progress.phase("score")
    try:
        return model, score_result(adata, keys, model, columns.label_key, layer=layer, gene_mask=gene_mask)[0]
    except InputError as error:
        # The integration stands all the same, and may have taken hours.
        progress.warn(f"There are no scores. {error}")
        return model, None


def _write(
    adata: AnnData, model: Integrator, columns: _Columns, target: targets.Targets, progress: Progress
) -> Iterator[Path]:
    from topocraft.data.outputs import write_result

    progress.phase("write")
    force = target.replaces
    target.note_ending()
    write_result(adata, target.output, force=force)
    yield target.output
    yield from _save(model, target, force)
    if target.page is not None:
        yield from _report(adata, columns, target.page, target.output, model.config.seed, progress)


def _save(model: Integrator, target: targets.Targets, force: bool) -> Iterator[Path]:
    if target.model is not None:
        model.save(target.model, force=force)
        yield target.model


def _report(
    adata: AnnData, columns: _Columns, page: Path, output: Path, seed: int, progress: Progress
) -> Iterator[Path]:
    from topocraft.report import write_report

    shown = {"source": output.name, "command": shlex.join(["topocraft", *sys.argv[1:]])}
    try:
        yield write_report(adata, page, label_key=columns.label_key, **shown, seed=seed, force=True, progress=progress)
    except InputError as error:
        # The integration stands all the same, and is written.
        progress.warn(f"There is no page. {error}")
