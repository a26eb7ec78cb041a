"""``topocraft embed``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.cli.settings import batch_columns
from topocraft.display import choose_progress, duration

EXAMPLES = """[bold]Examples[/bold]

topocraft integrate atlas.h5ad -b donor -o integrated.h5ad --save-model model

topocraft embed new_donor.h5ad --model model -b donor -o placed.h5ad

topocraft embed more1.h5 more2.h5 --model model -o placed.h5ad"""

Model = Annotated[Path, options.option("--model -m", options.METHOD, "Folder of a model, as --save-model wrote it.")]

Threads = Annotated[
    options.Count, options.option("--threads", options.RUN, "Processor threads.", "those of the model's configuration")
]


def embed(
    files: options.Files,
    model: Model,
    output: options.Output = None,
    batch_key: options.BatchKey = None,
    layer: options.Layer = None,
    make_unique: options.MakeUnique = False,
    threads: Threads = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Give further cells their places in the embedding of a saved model; nothing is trained.

    Cells of batches that the model knows, by name, get the places that the fit would give them; those of each other
    batch are carried together to where its batches meet.
    """
    if output is None:
        raise typer.BadParameter("a file to write is due.", param_hint="--output")
    columns = batch_columns(files, batch_key)
    started = time.monotonic()
    with explained() as written:
        from topocraft.data.files import read_many
        from topocraft.data.outputs import check_output, write_result
        from topocraft.embedding import embed as place
        from topocraft.integrator import Integrator

        check_output(output, force=force, inputs=files)
        with choose_progress(quiet, ERR) as progress:
            loaded = Integrator.load(model)
            if threads is not None:
                loaded.config = loaded.config.with_values(threads=threads)
            progress.phase("read")
            cells = read_many(files, make_unique)
            for note in cells.notes:
                progress.say(note)
            place(cells.adata, loaded, columns, layer=layer, progress=progress)
            progress.phase("write")
            write_result(cells.adata, output, force=force)
            written.append(output)
        if not quiet:
            told = f"{cells.adata.n_obs:,} cells placed; {duration(time.monotonic() - started)}."
            for line in (told, f"Written: {output}"):
                OUT.print(line, markup=False, highlight=False, soft_wrap=True)
