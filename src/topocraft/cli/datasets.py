"""``topocraft datasets``: what there is, what is known of it, and how to have it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.display import byte_size, choose_progress, duration
from topocraft.errors import FileError

if TYPE_CHECKING:
    from rich.table import Table

    from topocraft.data.datasets import Dataset

EXAMPLES = """[bold]Examples[/bold]

topocraft datasets list

topocraft datasets info pancreas

topocraft datasets get pancreas

topocraft datasets list --from my-sets --json"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EXAMPLES)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Dataset; 'list' shows them.", show_default=False)]
From = Annotated[
    Path | None,
    typer.Option("--from", help="Folder of your own h5ad files. [dim]\\[default: TOPOCRAFT_DATA][/dim]", metavar="DIR"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Anew = Annotated[bool, typer.Option("--force", help="Fetch and prepare it anew.")]


@app.callback()
def main() -> None:
    """List, describe and fetch datasets: the nine of the scCRAFT paper, and your own.

    They are kept in the cache folder, which the environment variable TOPOCRAFT_CACHE names.
    """


@app.command(name="list", epilog=EXAMPLES)
def show(folder: From = None, as_json: AsJson = False) -> None:
    """List every dataset, and whether it is here."""
    from topocraft.data import datasets
    from topocraft.data.datasets.local import sized

    with explained(computes=False):
        every, problems = [], []
        for dataset in datasets.known(folder).values():
            try:
                every.append(sized(dataset))
            except FileError as error:  # one damaged file of the user's hides no other
                every.append(dataset)
                problems.append(str(error))
        here = {dataset.name: datasets.is_here(dataset.name, folder) for dataset in every}
        for problem in problems:
            ERR.print(f"Note: {problem}", markup=False, highlight=False, soft_wrap=True)
        if as_json:
            _print_json([_facts(dataset, here[dataset.name]) for dataset in every])
        else:
            OUT.print(_table(every, here))


@app.command(epilog=EXAMPLES)
def info(name: Name, folder: From = None, as_json: AsJson = False) -> None:
    """Tell what is known of a dataset: source, licence, checksums, columns."""
    from topocraft.data import datasets
    from topocraft.data.datasets.local import sized

    with explained(computes=False):
        dataset = sized(datasets.find(name, folder))
        here = datasets.is_here(name, folder)
        if as_json:
            _print_json(_facts(dataset, here))
        else:
            OUT.print(_description(dataset, here))


@app.command(epilog=EXAMPLES)
def get(name: Name, folder: From = None, force: Anew = False, quiet: options.Quiet = False) -> None:
    """Fetch a dataset, verify it, and prepare it: counts, batch and cell type.

    An interrupted download goes on where it was.
    """
    from topocraft.data import datasets

    started = time.monotonic()
    with explained(computes=False) as written:
        with choose_progress(quiet, ERR) as progress:
            path = datasets.get(name, folder=folder, force=force, progress=progress)
            written.append(path)
        if not quiet:
            for line in (
                f"Ready after {duration(time.monotonic() - started)}: {path}",
                "Next:",
                f"  topocraft integrate {path} {_columns(datasets.find(name, folder))} -o integrated.h5ad",
            ):
                OUT.print(line, markup=False, highlight=False, soft_wrap=True)


def _columns(dataset: Dataset) -> str:
    """Return the options that name the columns: a file of the user's stays as it is, the others were prepared."""
    if dataset.local is None:
        return "-b batch --label-key celltype"
    layer = "" if dataset.layer is None else f" --layer {dataset.layer}"
    return f"-b {dataset.batch_key[0]} --label-key {dataset.label_key[0]}{layer}"


def _table(every: list[Dataset], here: dict[str, bool]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("dataset", no_wrap=True)
    for column in ("cells", "batches", "types"):
        table.add_column(column, justify="right")
    table.add_column("licence")
    table.add_column("here", no_wrap=True)
    for dataset in every:
        numbers = (_number(value) for value in (dataset.cells, dataset.batches, dataset.types))
        table.add_row(dataset.name, *numbers, dataset.licence, _where(dataset, here[dataset.name]))
    return table


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _where(dataset: Dataset, here: bool) -> str:
    if dataset.local is not None:
        return "yours"
    if here:
        return "yes"
    return "no" if any(file.can_be_fetched for file in dataset.files) else "no; by hand"


def _description(dataset: Dataset, here: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(dataset, here):
        if value:
            table.add_row(name, Text(value))
    return table


def _lines(dataset: Dataset, here: bool) -> list[tuple[str, str]]:
    numbers = zip(("cells", "batches", "types"), (dataset.cells, dataset.batches, dataset.types), strict=True)
    return [
        ("dataset", dataset.name),
        ("what", dataset.title),
        ("size", ", ".join(f"{_number(value)} {name}" for name, value in numbers)),
        ("licence", dataset.licence),
        ("citation", dataset.citation),
        ("page", dataset.url or ""),
        ("from", dataset.origin),
        ("counts", "X" if dataset.layer is None else f"layer '{dataset.layer}'"),
        ("batch", " or ".join(f"obs '{key}'" for key in dataset.batch_key)),
        ("cell type", " or ".join(f"obs '{key}'" for key in dataset.label_key)),
        *(("file", line) for line in _files(dataset)),
        ("note", dataset.note),
        ("by hand", dataset.by_hand),
        ("here", _place(dataset, here)),
    ]


def _files(dataset: Dataset) -> list[str]:
    from topocraft.data.datasets.access import prepared_path

    lines = []
    for file in dataset.files:
        size = "" if file.size is None else f", {byte_size(file.size)}"
        published = "the one that the listing publishes" if file.listings else "that of the first download"
        by_hand = prepared_path(dataset.name).with_name(file.name)
        where = " or ".join(file.addresses or file.listings) or f"no address is known: to be put at '{by_hand}' by hand"
        lines.append(f"{file.name}{size}; {where}; checksum: {file.checksum or published}")
    return lines


def _place(dataset: Dataset, here: bool) -> str:
    from topocraft.data.datasets.access import prepared_path

    path = str(dataset.local or prepared_path(dataset.name))
    return f"yes, {path}" if here else f"no; it would be {path}"


def _facts(dataset: Dataset, here: bool) -> dict[str, Any]:
    from topocraft.data.datasets.access import prepared_path

    path = dataset.local or prepared_path(dataset.name)
    return asdict(dataset) | {"local": dataset.local is not None, "here": here, "path": str(path)}


def _print_json(value: Any) -> None:
    OUT.print(json.dumps(value, indent=2), markup=False, highlight=False, soft_wrap=True)
