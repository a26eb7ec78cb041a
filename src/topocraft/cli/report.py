"""``topocraft report``."""

from __future__ import annotations

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.display import choose_progress

EXAMPLES = """[bold]Examples[/bold]

topocraft report integrated.h5ad -o report.html

topocraft report integrated.h5ad -b batch --label-key celltype -o report.html"""


def report(
    file: options.OneFile,
    output: options.Page,
    batch_key: options.BatchKey = None,
    label_key: options.CellTypes = None,
    layer: options.Layer = None,
    make_unique: options.MakeUnique = False,
    force: options.Force = False,
    seed: options.Seed = None,
    quiet: options.Quiet = False,
) -> None:
    """Write one page on an integrated file: is it safe to use, what changed, where to look.

    The page is one HTML file that needs no network. Without --batch-key, the batches are those of the integration.
    """
    with explained() as written:
        from topocraft.data.outputs import check_file

        check_file(output, ".html", force=force, inputs=[file])
        with choose_progress(quiet, ERR) as progress:
            from topocraft.data.files import read_many
            from topocraft.report import write_report

            progress.phase("read")
            loaded = read_many([file], make_unique=make_unique)
            for note in loaded.notes:
                progress.say(note)
            write_report(
                loaded.adata,
                output,
                batch_key,
                label_key,
                layer=layer,
                source=file.name,
                command=f"topocraft report {file.name}",
                seed=options.DEFAULT.seed if seed is None else seed,
                force=force,
                progress=progress,
            )
            written.append(output)
        if not quiet:
            OUT.print(f"Written: {output}", markup=False, highlight=False, soft_wrap=True)
