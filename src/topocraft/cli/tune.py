"""``topocraft tune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from topocraft.cli import options, tune_options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.cli.settings import configured
from topocraft.display import choose_progress

if TYPE_CHECKING:
    from pathlib import Path

    from topocraft.tuning import Tuning

EXAMPLES = """[bold]Examples[/bold]

topocraft tune cells.h5ad -b batch --minutes 10 -o runs

topocraft tune cells.h5ad -b batch --label-key celltype --minutes 60 --also scope -o runs

topocraft integrate cells.h5ad -b batch --config runs/config.json -o integrated.h5ad"""


def tune(
    file: tune_options.Cells,
    batch_key: options.BatchKeys,
    label_key: tune_options.TrueTypes = None,
    layer: options.Layer = None,
    gene_mask: options.GeneMask = None,
    make_unique: options.MakeUnique = False,
    output: tune_options.SearchFolder = None,
    minutes: tune_options.Minutes = None,
    settings: tune_options.MostSettings = None,
    also: tune_options.Also = None,
    rule: tune_options.Choice = "no-worse",
    config: options.ConfigFile = None,
    sets: options.Settings = None,
    seed: options.Seed = None,
    device: options.Where = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Search the balance of the losses without cell types, and write a configuration for integrate --config.

    Broken off, it leaves what is finished; the same command goes on.
    """
    if output is None:
        raise typer.BadParameter("a folder to write into is due.", param_hint="--output")
    with explained() as written:
        from topocraft.tuning.folder import Folder
        from topocraft.tuning.schedule import Limits
        from topocraft.tuning.search import require_limits
        from topocraft.tuning.space import make_space
        from topocraft.tuning.tune import MINUTES, carry_out, prepare_search

        fields = {"seed": seed, "device": device, "threads": threads}
        space = make_space(configured(config, sets or [], fields), also or [])
        limits, place = Limits(MINUTES if minutes is None else minutes, settings), Folder(output)
        require_limits(limits)
        place.require_usable()
        with choose_progress(quiet, ERR) as progress:
            from topocraft.data.files import read_many

            progress.phase("read")
            loaded = read_many([file], make_unique=make_unique)
            for note in loaded.notes:
                progress.say(note)
            with place.held():
                search = prepare_search(
                    loaded.adata,
                    batch_key,
                    label_key,
                    place,
                    space,
                    rule,
                    layer=layer,
                    gene_mask=gene_mask,
                    progress=progress,
                )
                found = carry_out(search, limits, place, written, progress)
        if not quiet:
            _tell(found, written)


def _tell(found: Tuning, written: list[Path]) -> None:
    from topocraft.tuning.reading import trials_table, tuning_words

    OUT.print(trials_table(found))
    for line in (*tuning_words(found), *(f"Written: {path}" for path in written)):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)
    OUT.print(f"Next: topocraft integrate … --config {written[-1]}", markup=False, highlight=False, soft_wrap=True)
