"""``topocraft audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from topocraft.cli import audit_options, options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.cli.settings import configured
from topocraft.display import choose_progress

if TYPE_CHECKING:
    from topocraft.audit import Audit

EXAMPLES = """[bold]Examples[/bold]

topocraft audit integrated.h5ad -b batch --label-key celltype -o audit

topocraft audit integrated.h5ad -b donor --condition disease --continuous pseudotime -o audit --json --csv

topocraft audit all.h5ad -b batch --label-key celltype --embedding X_harmony --budget 0 -o audit-harmony"""


def audit(
    file: options.OneFile,
    batch_key: options.BatchKeys,
    label_key: audit_options.AuditTypes = None,
    embedding: audit_options.AuditedEmbedding = None,
    layer: options.Layer = None,
    continuous: options.Continuous = None,
    condition: audit_options.Conditions = None,
    make_unique: options.MakeUnique = False,
    output: audit_options.AuditFolder = None,
    json: audit_options.WithJson = False,
    csv: audit_options.WithCsv = False,
    force: options.Force = False,
    budget: audit_options.Budget = None,
    permutations: audit_options.Permutations = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    quiet: options.Quiet = False,
) -> None:
    """Find out what an integration destroyed, and write how far each cell can be trusted.

    Integrates some cells again, at about one and a half times the cost of the integration; --budget 0 does not.
    """
    if output is None:
        raise typer.BadParameter("a folder to write into is due.", param_hint="--output")
    with explained() as written:
        _require_folder(output, force, file)
        with choose_progress(quiet, ERR) as progress:
            from topocraft import audit as auditing
            from topocraft.audit.auditing import BUDGET, PERMUTATIONS
            from topocraft.audit.folder import save_audit
            from topocraft.audit.subject import recorded_config
            from topocraft.data.files import read_many

            progress.phase("read")
            loaded = read_many([file], make_unique=make_unique)
            for note in loaded.notes:
                progress.say(note)
            found = auditing.audit(
                loaded.adata,
                batch_key,
                label_key,
                embedding=embedding,
                layer=layer,
                continuous=continuous or (),
                conditions=condition or (),
                budget=BUDGET if budget is None else budget,
                permutations=PERMUTATIONS if permutations is None else permutations,
                config=configured(config, settings or [], {"threads": threads}, recorded_config(loaded.adata)),
                seed=options.DEFAULT.seed if seed is None else seed,
                progress=progress,
            )
            progress.phase("write")
            written += save_audit(found, loaded.adata, output, json=json, csv=csv, force=force)
        if not quiet:
            _tell(found, written)


def _require_folder(folder: Path, force: bool, file: Path) -> None:
    from topocraft.audit.folder import KIND
    from topocraft.data.outputs import check_folder

    check_folder(folder, KIND, force=force, inputs=[file])


def _tell(found: Audit, written: list[Path]) -> None:
    from topocraft.audit.reading import audit_table, audit_words

    OUT.print(audit_table(found))
    for line in (*audit_words(found), *(f"Written: {path}" for path in written)):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)
