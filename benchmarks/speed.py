"""Seconds per training step, seconds and memory of whole jobs, two jobs side by side."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import process
import torch
from scipy import sparse

from topocraft import IntegrationConfig
from topocraft.hardware import choose_precision, granted_cores, processor
from topocraft.model.networks import Networks
from topocraft.model.triplets import choose_triplets
from topocraft.simulate.scenarios import simulate_scenario
from topocraft.training import step
from topocraft.training.minibatch import gather
from topocraft.training.step import Step


def training_step(head: str, precision: str, repeats: int) -> list[float]:
    """Return the seconds of single training steps: 2,000 genes, 1,024 cells, 2 batches."""
    draws = np.random.default_rng(0)
    values = sparse.random(4000, 2000, density=0.1, format="csr", dtype=np.float32, random_state=0)
    batch, low = np.arange(4000) % 2, draws.integers(0, 7, 4000)
    high = 10 * low + draws.integers(0, 10, 4000)
    config = IntegrationConfig().with_values(head=head)
    seconds = []
    with processor(None):
        networks = Networks(2000, 2, config.model, torch.Generator().manual_seed(0)).train()
        update = Step(networks, config.training, getattr(torch, precision), torch.Generator().manual_seed(0))
        for _ in range(repeats + 3):
            began = time.perf_counter()
            cells = draws.integers(0, 4000, 1024)
            triplets = choose_triplets(batch[cells], low[cells], high[cells], draws)
            update(gather(values, batch, cells, triplets, "cpu"), warming_up=False)
            seconds.append(time.perf_counter() - began)
    return seconds[3:]


def print_steps(repeats: int = 15) -> None:
    """Print the median step of every head and precision, measured in turn."""
    kinds = [(head, dtype) for head in ("published", "trunk") for dtype in ("float32", "bfloat16")]
    seconds: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    for _ in range(3):
        for kind in kinds:
            seconds[kind] += training_step(*kind, repeats=repeats // 3)
    chosen = choose_precision("auto", "cpu")
    print(f"training step, 2,000 genes, 1,024 cells, 2 batches, {granted_cores()} threads, median (min … max):")
    for (head, dtype), taken in seconds.items():
        mark = "  <- precision='auto' here" if dtype == chosen else ""
        spread = f"({min(taken):.3f} … {max(taken):.3f})"
        print(f"  {head:10s} {dtype:9s} {statistics.median(taken):.3f} s {spread}{mark}")


def print_guard(repeats: int = 20) -> None:
    """Print which share of a step goes into remembering what it may have to undo, and into checking its numbers."""
    spent: list[float] = []

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            began = time.process_time()
            result = call(*arguments)
            spent.append(time.process_time() - began)
            return result

        return wrapped

    copying = mock.patch.object(step, "_copy", timed(step._copy))
    checking = mock.patch.object(Step, "_is_finite", timed(Step._is_finite))
    began = time.process_time()
    with copying, checking:
        training_step("trunk", choose_precision("auto", "cpu"), repeats)
    whole = (time.process_time() - began) / (repeats + 3)
    parts = statistics.median(sum(pair) for pair in zip(spent[::2], spent[1::2], strict=True))
    print(f"guard of a step, processor time: {parts * 1e3:.2f} ms of {whole * 1e3:.0f} ms, {parts / whole:.2%}")


def print_jobs(repeats: int, heads: tuple[str, ...]) -> None:
    """Print wall seconds and peak memory of whole jobs, from file to file."""
    with tempfile.TemporaryDirectory() as folder:
        simulated = Path(folder) / "simulated.h5ad"
        simulate_scenario("baseline").write_h5ad(simulated)
        files = {
            "4,000 simulated cells": simulated,
            "pbmc_10x_6batch": process.DATA / "pbmc_10x_6batch.h5ad",
            "cellline_mixology": process.DATA / "cellline_mixology.h5ad",
        }
        for name, file in files.items():
            for head in heads:
                costs = [process.run(_job(file, Path(folder) / "out.h5ad", head)) for _ in range(repeats)]
                wall = statistics.median(cost.wall for cost in costs)
                peak = max(cost.peak for cost in costs)
                print(f"  {name}, {head} head: {wall:.1f} s (median of {repeats}), peak {peak / 1e9:.2f} GB")
                sys.stdout.flush()


def print_side_by_side() -> None:
    """Print how much longer each of two short jobs takes when both run at once."""
    with tempfile.TemporaryDirectory() as folder:
        file = process.DATA / "cellline_mixology.h5ad"
        jobs = [[*_job(file, Path(folder) / f"{number}.h5ad", "trunk"), "--epochs", "30"] for number in range(3)]
        alone = process.run(jobs[0]).wall
        both = [process.wait_for(started) for started in [process.start(job) for job in jobs[1:]]]
        slower = max(cost.wall for cost in both) / alone
        print(f"  cellline_mixology, 30 epochs, alone {alone:.1f} s; two at once: {slower:.2f} times that")


def print_simulations() -> None:
    """Print wall seconds and peak memory of the baseline scenario, from nothing to a file, at two sizes."""
    with tempfile.TemporaryDirectory() as folder:
        for cells, limit in ((4_000, "4 s"), (300_000, "6 min and 3 GB")):
            output = str(Path(folder) / "simulated.h5ad")
            cost = process.run(["simulate", "baseline", "--cells", str(cells), "-o", output, "--force"])
            print(f"  {cells:,} × 10,000: {cost.wall:.1f} s, peak {cost.peak / 1e9:.2f} GB (at most {limit})")
            sys.stdout.flush()


def _job(file: Path, output: Path, head: str) -> list[str]:
    arguments = ["integrate", str(file), "--batch-key", "batch", "-o", str(output), "--force"]
    return [*arguments, "--set", f"head={head}"]
