"""``torchrun … -m topocraft integrate``: the first process does the job, the others help it train."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from topocraft.cli.targets import checkpoints_beside, way_on
from topocraft.errors import ProcessLost, TopocraftError
from topocraft.training.place import Place

if TYPE_CHECKING:
    from topocraft.training.job import Job

FAILED = 1


@contextmanager
def in_job(output: Path | None) -> Iterator[None]:
    """Do this process's part of a job that torchrun started: the first goes on, the others help it, and end here.

    Parameters
    ----------
    output
        Where the result goes; rows that are kept on disk lie in the same folder.

    Raises
    ------
    ConfigError
        The environment names a job that cannot be joined.
    typer.Exit
        In every process but the first.
    """
    place = Place.told(os.environ)
    if place is None:
        yield
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # what it warns of is told in our words
    from topocraft.training.job import joined

    if place.rank:
        import topocraft.training.helping  # noqa: F401 – before the first process may wait for it

        for sign in (signal.SIGINT, signal.SIGTERM):  # there is nothing to unwind, and waiting is deaf to handlers
            signal.signal(sign, signal.SIG_DFL)
    with joined(place) as job:
        if place.rank:
            raise typer.Exit(_helped(job, output))
        try:
            yield
        except ProcessLost:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun sends it; what happened is yet to be told
            raise


def _helped(job: Job, output: Path | None) -> int:
    """Help, and return the exit code; what goes wrong is left to the first process to tell."""
    from topocraft.training.helping import help_train

    folder = None if output is None else output.absolute().parent
    try:
        help_train(job, folder if folder is not None and folder.is_dir() else None)
    except ProcessLost as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if job.must_tell():
            further = "" if output is None else f" {way_on(checkpoints_beside(output))}"
            raise ProcessLost(f"{error}{further}") from None
        return FAILED
    except TopocraftError as error:
        job.report(str(error))
        return FAILED
    except MemoryError:
        job.report("Memory ran out.")
        return FAILED
    return 0
