"""``topocraft baselines``: the compared methods, which of them are here, and how to have the others."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.display import choose_progress, duration

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from topocraft.baselines import Method
    from topocraft.baselines.environments import Place

EXAMPLES = """[bold]Examples[/bold]

topocraft baselines list

topocraft baselines install scvi scanorama

topocraft baselines remove scvi"""

WHERE = {"here": "here", "own": "own env.", "nowhere": "no"}

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EXAMPLES)

Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Methods; 'list' shows them.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def main() -> None:
    """List, install and remove the methods that topocraft is compared with.

    Each is installed into an environment of its own in the cache folder, which the environment variable
    TOPOCRAFT_CACHE names.
    """


@app.command(name="list", epilog=EXAMPLES)
def show(as_json: AsJson = False) -> None:
    """List every method: what it gives, whether it is installed, its licence, how to get it."""
    from topocraft.baselines import METHODS
    from topocraft.baselines.environments import find_place

    with explained(computes=False):
        places = {name: find_place(method) for name, method in METHODS.items()}
        if as_json:
            facts = [_facts(method, places[name]) for name, method in METHODS.items()]
            OUT.print(json.dumps(facts, indent=2), markup=False, highlight=False, soft_wrap=True)
        else:
            OUT.print(_table(METHODS, places))


@app.command(epilog=EXAMPLES)
def install(names: Names, quiet: options.Quiet = False) -> None:
    """Install methods by pip, each into an environment of its own; one that is there is made anew."""
    from topocraft.baselines.environments import environment_name
    from topocraft.baselines.installing import install, require_installable

    with explained(computes=False) as written:
        asked = {environment_name(method): method for method in _asked(names)}
        for method in asked.values():
            require_installable(method)
        for method in asked.values():
            started = time.monotonic()
            with choose_progress(quiet, ERR) as progress:
                folder = install(method, progress)
                written.append(folder)
            if not quiet:
                _say(f"{method.title} installed into {folder} in {duration(time.monotonic() - started)}.")


@app.command(epilog=EXAMPLES)
def remove(names: Names, quiet: options.Quiet = False) -> None:
    """Remove the environments of methods; scVI and scANVI share one."""
    from topocraft.baselines.environments import environment_name
    from topocraft.baselines.installing import remove, require_installable

    with explained(computes=False):
        asked = {environment_name(method): method for method in _asked(names)}
        for method in asked.values():
            require_installable(method)
        for environment, method in asked.items():
            removed = remove(method)
            if not quiet:
                _say(f"Environment '{environment}' {'removed' if removed else 'is not there'}.")


def _asked(names: list[str]) -> list[Method]:
    from topocraft.baselines import method

    return [method(name) for name in names]


def _table(methods: dict[str, Method], places: dict[str, Place]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=_caption(methods, places), caption_justify="left")
    for column in ("method", "gives", "installed", "licence", "topocraft baselines"):
        table.add_column(column, no_wrap=True)
    for name, method in methods.items():
        marked = f"{name} *" if method.labelled else name
        get = f"install {name}" if method.requirements else ""
        table.add_row(*map(Text, (marked, method.gives, WHERE[places[name].where], method.licence, get)))
    return table


def _caption(methods: dict[str, Method], places: dict[str, Place]) -> Text:
    from rich.text import Text

    from topocraft.baselines.environments import environment_folder

    needs = {text: [name for name in methods if methods[name].needs == text] for text in _needs(methods)}
    broken = {name: place.lacks for name, place in places.items() if place.python is None}
    lines = [
        "* sees the cell types. here: in this Python or R. own env.: in an environment of its own.",
        *(f"{', '.join(names)}: {text}" for text, names in needs.items()),
        *(f"{name}: {lacks}" for name, lacks in broken.items() if environment_folder(methods[name]).exists()),
    ]
    return Text("\n".join(lines))


def _needs(methods: dict[str, Method]) -> list[str]:
    return [method.needs for method in methods.values() if method.needs]


def _facts(method: Method, place: Place) -> dict[str, Any]:
    python = None if place.python is None else str(place.python)
    get = f"topocraft baselines install {method.name}" if method.requirements else ""
    found = {"installed": python is not None, "where": place.where, "python": python, "lacks": place.lacks}
    return asdict(method) | found | {"how_to_get": get or method.needs}


def _say(line: str) -> None:
    OUT.print(line, markup=False, highlight=False, soft_wrap=True)
