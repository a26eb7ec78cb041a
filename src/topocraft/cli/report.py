"""``topocraft report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.display import choose_progress

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress

EXAMPLES = """[bold]Examples[/bold]

topocraft report integrated.h5ad -o report.html

topocraft report integrated.h5ad -b batch --label-key celltype -o report.html

topocraft report integrated.h5ad --label-key celltype --audit -o report.html"""


def report(
    file: options.OneFile,
    output: options.Page,
    batch_key: options.BatchKey = None,
    label_key: options.CellTypes = None,
    layer: options.Layer = None,
    make_unique: options.MakeUnique = False,
    audit_first: options.AuditFirst = False,
    force: options.Force = False,
    seed: options.Seed = None,
    quiet: options.Quiet = False,
) -> None:
    """Write one page on an integrated file: is it safe to use, what changed, where to look.

    The page is one HTML file that needs no network. Without --batch-key, the batches are those of the integration. An
    audit that the file holds is shown; --audit makes one first, at about one and a half times the integration's cost.
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
            seed = options.DEFAULT.seed if seed is None else seed
            if audit_first:
                _audited(loaded.adata, batch_key, label_key, layer, seed, progress)
            write_report(
                loaded.adata,
                output,
                batch_key,
                label_key,
                layer=layer,
                source=file.name,
                command=f"topocraft report {file.name}",
                seed=seed,
                force=force,
                progress=progress,
            )
            written.append(output)
        if not quiet:
            OUT.print(f"Written: {output}", markup=False, highlight=False, soft_wrap=True)


def _audited(
    adata: AnnData, batch_key: list[str] | None, label_key: str | None, layer: str | None, seed: int, progress: Progress
) -> None:
    from topocraft.audit import audit
    from topocraft.report.subject import batch_columns

    audit(adata, batch_columns(adata, batch_key), label_key, layer=layer, seed=seed, progress=progress).annotate(adata)
