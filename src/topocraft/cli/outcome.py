"""How a command ends: what came out on stdout, or one message on stderr, and an exit code."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.text import Text

from topocraft.display import duration, safe_console
from topocraft.errors import TopocraftError, list_names
from topocraft.memory import FEWER, require_addresses, within_memory
from topocraft.tables import score_table

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.integrator import Integrator
    from topocraft.report import Report

OUT, ERR = safe_console(), safe_console(stderr=True)
REFUSED, INTERRUPTED, TERMINATED = 1, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, unwound like Ctrl-C, so that nothing half-written stays behind."""


@contextmanager
def explained(cure: str = FEWER, *, computes: bool = True) -> Iterator[list[Path]]:
    """Turn what may go wrong into one message and an exit code; yields the list of what has been written.

    Exit codes: 1 for data or use, 130 for Ctrl-C, 143 for SIGTERM; 2, for the command line, is typer's own.
    Warnings of the libraries are for programmers and stay silent here. ``cure`` says what helps where memory runs out;
    a command that ``computes`` is not begun where the libraries alone would not fit.
    """
    written: list[Path] = []
    try:
        with warnings.catch_warnings(), _terminating(), within_memory(cure):
            warnings.simplefilter("ignore")
            if computes:
                require_addresses()
            yield written
    except TopocraftError as error:
        _end(REFUSED, "Error: ", str(error), f" Written before that: {list_names(written)}." if written else "")
    except KeyboardInterrupt as error:
        ended, code = ("Terminated", TERMINATED) if isinstance(error, Terminated) else ("Interrupted", INTERRUPTED)
        _end(
            code,
            ended,
            "; ",
            f"written before that: {list_names(written)}." if written else "nothing was written.",
        )


@contextmanager
def _terminating() -> Iterator[None]:
    def unwind(*_: object) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(code: int, kind: str, message: str, written: str) -> NoReturn:
    ERR.print(Text.assemble((kind, "bold red"), message, written), soft_wrap=True)
    raise typer.Exit(code)


def tell(adata: AnnData, model: Integrator, report: Report | None, written: Sequence[Path], seconds: float) -> None:
    """Print the scores, what came out, where it is, and which lines to run next."""
    if report is not None:
        OUT.print(score_table(report))
    facts, batches, result = model.fitted_.facts, model.fitted_.batch_names, written[0]
    for line in (
        f"{facts['n_cells']:,} cells × {adata.n_vars:,} genes, {len(batches):,} batches, "
        f"{facts['input_kind']}; {facts['n_set_aside']:,} cells set aside; {duration(seconds)}.",
        *(f"Written: {path}" for path in written),
        "Next, in Python:",
        f'  adata = anndata.read_{result.suffix[1:].lower()}("{result}")',
        '  scanpy.pp.neighbors(adata, use_rep="X_topocraft"); scanpy.tl.umap(adata)',
    ):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)
