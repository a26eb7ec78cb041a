"""A grid, run to its end: every run a process of its own, every finished one a row on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft._version import __version__
from topocraft.baselines.execution import execute
from topocraft.baselines.method import Output, Run
from topocraft.baselines.preparation import Preparation
from topocraft.benchmark.folder import Folder, Plan, take_back
from topocraft.benchmark.grid import Contender, Grid
from topocraft.benchmark.jobs import Job, jobs_of
from topocraft.benchmark.records import Record, read_output, write_output
from topocraft.benchmark.results import write_results
from topocraft.benchmark.scorer import Scorer
from topocraft.benchmark.sets import Prepared, prepare_all
from topocraft.benchmark.versions import suite_versions
from topocraft.benchmark.words import facts_of, in_a_line
from topocraft.data.atomic import atomic_text
from topocraft.display import attended
from topocraft.errors import InputError, TopocraftError

if TYPE_CHECKING:
    import pandas as pd

    from topocraft.progress import Progress

Execute = Callable[..., Run]
COSTS = ("status", "reason", "seconds", "wall_seconds", "cpu_seconds", "peak_bytes")


def run_grid(
    grid: Grid,
    folder: Path | str,
    *,
    retry: bool = False,
    progress: Progress | None = None,
    run: Execute | None = None,
) -> pd.DataFrame:
    """Run a grid and write its tables and pictures; what the folder holds already is not run again.

    A run that fails, takes too long, needs too much memory or lacks its library is a row that says so. The process
    may be stopped or killed at any moment: the same call goes on where it was.

    Parameters
    ----------
    grid
        What to run.
    folder
        Where everything is kept; made if it is not there.
    retry
        Run anew what did not end well.
    progress
        A display of progress; left out, bars on a terminal or in a notebook.
    run
        What runs a method, with the parameters of ``topocraft.baselines.execution.execute``; left out, that.

    Returns
    -------
    pandas.DataFrame
        The rows of the grid, as ``topocraft.benchmark.tidy`` makes them.

    Raises
    ------
    InputError
        Not one dataset can be had.
    FileError
        Another process writes into the folder, or it cannot be written.

    References
    ----------
    The comparison of He et al. 2025, doi:10.1038/s42003-025-07988-y, Fig. 2.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft.benchmark import Dataset, Grid, contenders, run_grid
    >>> from topocraft.simulate.demo import demo_cells
    >>> demo = Dataset(name="demo", read=lambda seed: demo_cells(n_cells=120, n_genes=80, seed=1))
    >>> grid = Grid(datasets=[demo], contenders=contenders(["unintegrated"]), controls=False, scored=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = run_grid(grid, folder)
    >>> rows[["dataset", "method", "status"]].values.tolist()
    [['demo', 'unintegrated', 'ok']]
    """
    place = Folder(Path(folder))
    new = place.absent()
    place.create()
    with attended(progress) as shown, place.locked():
        try:
            prepared = prepare_all(grid, place, shown)
        except InputError:
            take_back(new)
            raise
        jobs = jobs_of(grid, prepared)
        place.write_plan(plan_of(grid, jobs))
        pending = [[job for job in some if _is_pending(job, place, retry)] for some in jobs]
        _announce(sum(map(len, jobs)), sum(map(len, pending)), shown)
        for one, some in zip(prepared, pending, strict=True):
            if some:
                _finish_dataset(grid, place, one, some, run or execute, shown)
            if one.dataset.drawn and one.seed != grid.seeds[0]:  # pictures are of the first
                one.discard(place)
        return write_results(place, shown)


def _finish_dataset(
    grid: Grid, folder: Folder, prepared: Prepared, jobs: list[Job], run: Execute, progress: Progress
) -> None:
    try:
        preparation = prepared.ready(folder)
    except TopocraftError as error:
        runs = f"{len(jobs):,} {'run is' if len(jobs) == 1 else 'runs are'}"
        progress.warn(f"{prepared.dataset.name} cannot be had any more, {runs} left out: {error}")
        return
    _Runner(grid, folder, preparation, run).finish(jobs, progress)


def plan_of(grid: Grid, jobs: list[list[Job]]) -> Plan:
    """Return what tables and pictures are made from later."""
    return Plan(
        entries=tuple(job.entry for some in jobs for job in some),
        title=grid.title,
        note=grid.note,
        facts=facts_of(grid),
        umaps=tuple(dataset.name for dataset in grid.datasets if dataset.umap),
    )


def _is_pending(job: Job, folder: Folder, retry: bool) -> bool:
    if not job.entry.stem:
        return False
    found = folder.finished(job.entry)
    return found is None or (retry and found.status != "ok")


def _announce(n_jobs: int, n_pending: int, progress: Progress) -> None:
    if n_pending < n_jobs:
        progress.say(f"{n_jobs - n_pending:,} of {n_jobs:,} rows are there already.")
    if n_pending:
        progress.phase("run", n_pending)


class _Runner:
    """Runs and scores what is pending on one dataset."""

    def __init__(self, grid: Grid, folder: Folder, preparation: Preparation, run: Execute) -> None:
        self.grid, self.folder, self.preparation, self.run = grid, folder, preparation, run
        self.scorer = Scorer(preparation)

    def finish(self, jobs: list[Job], progress: Progress) -> None:
        """Make a row of every job, one after the other."""
        for job in jobs:
            record = self._finish(job)
            atomic_text(self.folder.row(job.entry.stem), record.to_json())
            progress.say(in_a_line(record))
            progress.advance(f"{record.method} on {record.dataset}")

    def _finish(self, job: Job) -> Record:
        if job.contender is None:
            return self._scored(self._record(job), None)
        path = self.folder.output(job.entry.output)
        if path.is_file():
            return self._scored(*read_output(path))
        done = self.run(
            job.contender.method,
            self.preparation.folder,
            job.entry.seed,
            time_limit=self.grid.time_limit,
            memory_limit=self.grid.memory_limit,
            threads=self.grid.threads,
            settings=job.contender.settings or None,
        )
        record = self._ended(job, job.contender, done)
        if done.output is None:
            return record
        write_output(path, record, done.output)
        return self._scored(record, done.output)

    def _record(self, job: Job) -> Record:
        given, entry = self.preparation, job.entry
        return Record(
            dataset=entry.dataset,
            method=entry.method,
            seed=entry.seed,
            program=entry.program,
            kind=entry.kind,
            n_cells=given.n_cells,
            n_genes=given.n_genes,
            n_batches=len(given.batches),
            n_left_out=given.n_set_aside,
            versions={"topocraft": __version__},
        )

    def _ended(self, job: Job, contender: Contender, done: Run) -> Record:
        record = self._record(job)
        return replace(
            record,
            gives=contender.method.gives,
            settings=dict(contender.settings),
            versions={**record.versions, **job.versions},
            log="" if done.status == "ok" else done.log,
            **{name: getattr(done, name) for name in COSTS},
        )

    def _scored(self, record: Record, output: Output | None) -> Record:
        """Return the record with its scores, or with the reason why there are none."""
        if not self.grid.scored:
            return record
        versions = {**record.versions, **suite_versions()}
        try:
            n_types, started = self._ready(), time.perf_counter()
            scores = self.scorer.score_control(record.method) if output is None else self.scorer.score(output)
        except (TopocraftError, MemoryError, ValueError, ArithmeticError) as error:
            status = "out of memory" if isinstance(error, MemoryError) else "failed"
            return replace(record, status=status, reason=f"It ended well and cannot be scored: {error}".strip())
        took = time.perf_counter() - started
        return replace(record, scores=scores, score_seconds=took, n_types=n_types, versions=versions)

    def _ready(self) -> int:
        """Find what all scores of the dataset share, so that no single run is charged with it; return its types."""
        _ = self.scorer.reference
        return self.scorer.n_types
