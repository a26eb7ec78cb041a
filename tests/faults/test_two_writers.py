"""Two processes that write one result at the same moment: one of them wins, whole, and the other says so."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

RACE = """
from pathlib import Path
from topocraft.data.atomic import atomic_file, atomic_folder
from topocraft.errors import FileError

for number in range(rounds):
    path = Path(folder, f"{kind}-{number}")
    try:
        with (atomic_file(path, force=False) if kind == "file" else atomic_folder(path)) as partial:
            for part in [partial] if kind == "file" else [partial / "one", partial / "other"]:
                part.write_text(name * 1000)
            barrier.wait(60)
        outcome = "won"
    except FileError as error:
        outcome = str(error)
    Path(folder, f"{name}.{number}").write_text(outcome)
"""
ROUNDS = 30


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_of_two_at_once_one_wins_whole_and_the_other_says_so(tmp_path: Path, kind: str) -> None:
    context = multiprocessing.get_context("forkserver")
    barrier = context.Barrier(2)
    names = {"folder": str(tmp_path), "kind": kind, "rounds": ROUNDS, "barrier": barrier}
    processes = [context.Process(target=exec, args=(RACE, names | {"name": name})) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    for number in range(ROUNDS):
        said = {name: (tmp_path / f"{name}.{number}").read_text() for name in "ab"}
        winner = next(name for name in "ab" if said[name] == "won")
        loser = "ab".replace(winner, "")
        assert "must not exist yet" in said[loser]
        path = tmp_path / f"{kind}-{number}"
        for part in [path] if kind == "file" else list(path.iterdir()):
            assert part.read_text() == winner * 1000
    assert not list(tmp_path.glob(".*"))
