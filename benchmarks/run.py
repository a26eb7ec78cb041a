"""What is timed and scored, one command each: ``python benchmarks/run.py --help``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import process

from topocraft.hardware import granted_cores, let_waiting_threads_sleep


def steps() -> None:
    """Print seconds per training step, with threads that wait as in the program."""
    let_waiting_threads_sleep()
    from speed import print_steps

    print_steps()


def guard() -> None:
    """Print what it costs that a step can be undone."""
    from speed import print_guard

    print_guard()


def jobs(repeats: int = 3) -> None:
    """Print seconds and peak memory of whole jobs."""
    from speed import print_jobs

    print("whole jobs, from file to file:")
    print_jobs(repeats, ("trunk", "published"))


def neighbours() -> None:
    """Print what a second run at the same time costs."""
    from speed import print_side_by_side

    print("two runs side by side:")
    print_side_by_side()


def start_up() -> None:
    """Print the seconds until the package is imported and until help is shown."""
    print("start-up, best of five fresh processes:")
    commands = {"import topocraft": ["-c", "import topocraft"], "topocraft --help": ["-m", "topocraft", "--help"]}
    for name, command in {"python alone": ["-c", "pass"], **commands}.items():
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
        print(f"  {name}: {min(seconds):.2f} s")


def scores(log: Path, seeds: int) -> None:
    """Print the scores of the defaults on every shared set."""
    from quality import SETS, measure, table

    measure({"default": {}}, SETS, seeds, log)
    print(table(log))


def choices(log: Path, seeds: int, only: list[str] | None, chosen: list[str] | None) -> None:
    """Print the scores of the choices that were measured, beside the defaults: on shared sets, or named scenarios."""
    from quality import CHOICES, SETS, measure, simulated, table

    names, variants = only or SETS, {name: CHOICES[name] for name in chosen or CHOICES}
    real = [name for name in names if name in SETS]
    measure(variants, real, seeds, log, workers=granted_cores())
    for name in [name for name in names if name not in SETS]:
        measure(variants, [name], seeds, log, workers=granted_cores(), data=simulated(name, log.parent))
    print(table(log, names))


def suite(repeats: int = 3) -> None:
    """Print what the whole suite of scores takes, beside scib-metrics."""
    from suite import print_times

    print("the suite of scores, fresh processes:")
    print_times(repeats)


def simulate() -> None:
    """Print what the simulator takes."""
    from speed import print_simulations

    print("the simulator, from nothing to a file:")
    print_simulations()


def agreement(folder: Path) -> None:
    """Print how far the suite and scib-metrics agree on the shared sets."""
    from agreement import print_agreement

    print_agreement(folder)


def tables(folder: Path) -> None:
    """Write ``docs/scores.md``: the scores of every shared set, beside controls."""
    from tables import write_scores

    write_scores(folder)


def catalogue() -> None:
    """Write ``docs/metrics.md``: what is known of each score."""
    from tables import write_catalogue

    write_catalogue()


def harness(folder: Path) -> None:
    """Print whether the benchmark survives being killed, and what it costs beside the methods."""
    from harness import print_overhead, print_survival

    print("the benchmark itself, 4 methods × 3 sets × 3 seeds:")
    print_overhead(folder)
    print_survival(folder)


def scenarios(seeds: int, log: Path) -> None:
    """Write ``docs/simulations.md``: the paper's ten scenarios, integrated and scored."""
    from scenarios import write_simulations

    write_simulations(seeds, log)


def pages(folder: Path) -> None:
    """Print what pages of reports take to write and to open."""
    from pages import print_opened, print_written

    print("pages of reports:")
    print_opened()
    print_written(folder)


def results(folder: Path, only: list[str] | None) -> None:
    """Write ``docs/results``: methods side by side, and the experiments of the paper."""
    from results import write_results

    write_results(folder, only)


def audits(log: Path, only: list[str] | None) -> None:
    """Write ``docs/audit-tables.md``: audits of the shared sets and of the ten scenarios."""
    from audit import write_audits

    write_audits(log, only)


def tuning(log: Path, only: list[str] | None, grid: str) -> None:
    """Write ``docs/tuning.md``: how far the score that needs no cell types goes with the true one."""
    from tuning import write_tuning

    write_tuning(log, only, grid)


def difference() -> None:
    """Print whether batches differ, on every shared set, and how small a planted difference is found."""
    from difference import print_differences

    print_differences()


def scale(folder: Path, only: list[str] | None) -> None:
    """Write ``docs/scale.md``: seconds and memory by cells, in memory and in blocks."""
    from scale import write_scale

    write_scale(folder, only)


def preflight(folder: Path, only: list[str] | None) -> None:
    """Print what ``--dry-run`` predicts, and what jobs then take."""
    from preflight import print_preflight

    print_preflight(folder, only)


def readers() -> None:
    """Print what a minibatch of cells on disk takes, also by scDataset (``pip install scDataset``)."""
    from readers import print_readers

    print_readers()


def sketch(seeds: int, folder: Path, only: list[str] | None) -> None:
    """Write ``docs/sketch.md``: scores where a third of the cells is clustered, and where all are."""
    from sketch import write_sketch

    write_sketch(seeds, folder, only)


class Part(NamedTuple):
    """One benchmark: what runs it, whether it is among ``main``, and the page under ``docs/`` that it writes anew."""

    run: Callable[[argparse.Namespace], None]
    is_main: bool = False
    page: str = ""


PARTS = {
    "start-up": Part(lambda _: start_up(), is_main=True),
    "steps": Part(lambda _: steps(), is_main=True),
    "guard": Part(lambda _: guard()),
    "jobs": Part(lambda _: jobs(), is_main=True),
    "neighbours": Part(lambda _: neighbours(), is_main=True),
    "simulate": Part(lambda _: simulate()),
    "suite": Part(lambda _: suite()),
    "scores": Part(lambda chosen: scores(chosen.runs / "scores.jsonl", chosen.seeds), is_main=True),
    "choices": Part(lambda chosen: choices(chosen.runs / "choices.jsonl", chosen.seeds, chosen.only, chosen.choices)),
    "agreement": Part(lambda chosen: agreement(chosen.runs / "integrated")),
    "catalogue": Part(lambda _: catalogue(), page="metrics.md"),
    "tables": Part(lambda chosen: tables(chosen.runs / "integrated"), page="scores.md"),
    "harness": Part(lambda chosen: harness(chosen.runs / "harness")),
    "pages": Part(lambda chosen: pages(chosen.runs / "integrated")),
    "results": Part(lambda chosen: results(chosen.runs / "results", chosen.only), page="results/"),
    "audit": Part(lambda chosen: audits(chosen.runs / "audit.jsonl", chosen.only), page="audit-tables.md"),
    "tuning": Part(lambda chosen: tuning(chosen.runs / "tuning.jsonl", chosen.only, chosen.grid), page="tuning.md"),
    "difference": Part(lambda _: difference()),
    "preflight": Part(lambda chosen: preflight(chosen.runs / "preflight", chosen.only)),
    "readers": Part(lambda _: readers()),
    "sketch": Part(lambda chosen: sketch(chosen.seeds, chosen.runs / "sketch", chosen.only), page="sketch.md"),
    "scale": Part(lambda chosen: scale(chosen.runs / "scale", chosen.only), page="scale.md"),
    "scenarios": Part(lambda chosen: scenarios(chosen.seeds, chosen.runs / "scenarios.jsonl"), page="simulations.md"),
}
MAIN = tuple(name for name, part in PARTS.items() if part.is_main)


def main() -> None:
    """Parse the command line and run one part, or the main ones."""
    written = "; ".join(f"{name}: docs/{part.page}" for name, part in PARTS.items() if part.page)
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"Parts that write pages anew: {written}.")
    parser.add_argument(
        "what",
        nargs="?",
        default="main",
        choices=("main", *PARTS),
        metavar="PART",
        help=f"one of {', '.join(PARTS)}; or main (default), the times and scores of the main job: {', '.join(MAIN)}",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="seeds of scores, choices, scenarios and sketch (default 1)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of rows and results, resumed")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the results, the sets or the sizes (default all)")
    parser.add_argument("--choices", nargs="+", metavar="NAME", help="of the choices, which (default all)")
    parser.add_argument("--grid", choices=("full", "half"), default="full", help="of tuning (default full)")
    chosen = parser.parse_args()
    chosen.runs.mkdir(parents=True, exist_ok=True)
    print(process.machine())
    for name in MAIN if chosen.what == "main" else (chosen.what,):
        PARTS[name].run(chosen)


if __name__ == "__main__":
    main()
