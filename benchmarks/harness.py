"""The benchmark itself: does it survive being killed, and what does it cost beside the methods?"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import process

SETS = ("pancreas_baron_human_mouse", "pancreas_cepo_3batch", "rnamix_gradient")
SEEDS = 3
KILLS = 10
SHORT = {"epochs": 3, "warmup_epochs": 1}


def run_once(folder: Path, scored: bool, settings: Mapping[str, int]) -> None:
    """Run four methods on three sets with three seeds, ours with some settings, and score them or not."""
    from topocraft.baselines import METHODS
    from topocraft.benchmark import Contender, Grid, contenders, datasets_of, run_grid
    from topocraft.progress import Silent

    ours = METHODS["topocraft"]
    every = [
        *contenders(["unintegrated", "harmony"]),
        Contender(method=ours, name="ours", settings=settings),
        Contender(method=ours, name="ours, λ_T = 0", settings={**settings, "lambda_triplet": 0}),
    ]
    files = [process.DATA / f"{name}.h5ad" for name in SETS]
    grid = Grid(
        datasets=datasets_of(files, umap=False),
        contenders=every,
        seeds=range(SEEDS),
        controls=scored,
        scored=scored,
        threads=1,
    )
    run_grid(grid, folder, progress=Silent())


def print_survival(folder: Path, seed: int = 0) -> None:
    """Run the grid undisturbed, then killed ten times at random moments; say whether the tables are the same."""
    shutil.rmtree(folder, ignore_errors=True)
    whole, killed = folder / "whole", folder / "killed"
    seconds = _finish(whole)
    draws, between = random.Random(seed), []
    for kill in range(KILLS):
        before = _rows(killed)
        child = _start(killed)
        # Past the start, so that most kills hit runs; the last ones find little left to do.
        time.sleep(4 + draws.random() * seconds / KILLS)
        child.send_signal(signal.SIGKILL)
        if child.wait() != -signal.SIGKILL:
            print(f"  kill {kill + 1} came too late")
        between.append(_rows(killed) - before)
    last = _finish(killed)
    same = (whole / "table.csv").read_bytes() == (killed / "table.csv").read_bytes()
    print(f"  undisturbed: {seconds:.0f} s, {_rows(whole)} rows; rows between kills: {between}, then {last:.0f} s")
    print(f"  table.csv after {KILLS} kills is {'the same' if same else 'ANOTHER'}")


def print_overhead(folder: Path) -> None:
    """Run the grid without scores and say what it takes beyond the processes of the methods."""
    import pandas as pd

    place = folder / "overhead"
    shutil.rmtree(place, ignore_errors=True)
    seconds = _finish(place, "unscored")
    runs = pd.read_csv(place / "rows.csv")
    beside = seconds - runs["wall_seconds"].sum()
    print(f"  {len(runs)} runs: {seconds:.1f} s in all, {runs['wall_seconds'].sum():.1f} s in processes of methods, of")
    print(f"  which {runs['seconds'].sum():.1f} s inside the methods")
    print(f"  beside the processes: {beside:.1f} s, {beside / runs['wall_seconds'].sum():.1%} of theirs")


def _finish(folder: Path, scored: str = "scored") -> float:
    began = time.perf_counter()
    if _start(folder, scored).wait():
        raise RuntimeError(f"The grid in '{folder}' did not end well.")
    return time.perf_counter() - began


def _start(folder: Path, scored: str = "scored") -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen([sys.executable, str(Path(__file__)), str(folder), scored])


def _rows(folder: Path) -> int:
    return len(list((folder / "rows").glob("*.json"))) if (folder / "rows").is_dir() else 0


if __name__ == "__main__":
    is_scored = sys.argv[2] == "scored"
    run_once(Path(sys.argv[1]), is_scored, SHORT if is_scored else {})
