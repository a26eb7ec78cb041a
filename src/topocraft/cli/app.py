"""The commands, joined."""

from __future__ import annotations

from typing import Annotated

import typer

from topocraft._version import __version__
from topocraft.cli import (
    audit,
    baselines,
    benchmark,
    datasets,
    demo,
    embed,
    evaluate,
    integrate,
    report,
    reproduce,
    simulate,
    tune,
)
from topocraft.cli.outcome import OUT

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
for command in (integrate, embed, tune, report, evaluate, audit, benchmark, reproduce, simulate, demo):
    name = command.__name__.rpartition(".")[2]
    app.command(epilog=command.EXAMPLES)(getattr(command, name))

app.add_typer(baselines.app, name="baselines")
app.add_typer(datasets.app, name="datasets")


def _show_version(wanted: bool) -> None:
    if wanted:
        OUT.print(f"topocraft {__version__}", highlight=False)
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")]


@app.callback()
def main(version: Version = False) -> None:
    """One map out of many single-cell experiments: batches mix, cell types stay apart."""
