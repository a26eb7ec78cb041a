"""``topocraft demo``."""

from __future__ import annotations

import time
from pathlib import Path

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained, tell
from topocraft.display import choose_progress

EXAMPLES = """[bold]Examples[/bold]

topocraft demo

topocraft demo -o somewhere --seed 1 --force"""


def demo(
    output: options.Folder = Path("topocraft-demo"),
    seed: options.Seed = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Integrate simulated cells in under a minute; needs no file and no network.

    Three unequal batches hold a rare type, a type in one batch only and two siblings.

    Prints what became of each, and writes demo.h5ad, umap.png and report.html.
    """
    from topocraft.demo import require_demo_folder, run_demo, save_demo

    started = time.monotonic()
    with explained() as written:
        require_demo_folder(output, force=force)
        with choose_progress(quiet, ERR) as progress:
            done = run_demo(options.DEFAULT.seed if seed is None else seed, progress)
            written.extend(save_demo(done, output, force=force, progress=progress))
        if not quiet:
            tell(done.adata, done.model, done.report, written, time.monotonic() - started)
            OUT.print(f"Open in a browser: {written[-1]}", markup=False, highlight=False, soft_wrap=True)
