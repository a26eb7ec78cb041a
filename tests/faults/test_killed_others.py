"""Killed with -9 and begun again, a benchmark, a search and a download lose nothing and end alike."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import works
from hosts import Host, serving
from mortals import die_at_event, finish, killed
from soaking import Soak
from works import Undisturbed

KILLED = -9
Whole = Callable[[str], Undisturbed]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, many_cells: Path, host: Host) -> Whole:
    """Return what a command comes to that nothing disturbs, by its name; each is run once."""
    works_by_name = {"benchmark": works.benchmark(), "tune": works.tune(), "get": works.get(host, many_cells)}
    found: dict[str, Undisturbed] = {}

    def find(name: str) -> Undisturbed:
        if name not in found:
            found[name] = works_by_name[name].undisturbed(tmp_path_factory.mktemp(name), many_cells)
        return found[name]

    return find


@pytest.fixture
def place(tmp_path: Path, many_cells: Path) -> Path:
    shutil.copy(many_cells, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("benchmark", (8, 12, 16)),
        ("tune", (2, 3, 4, 13)),
        ("get", (7, 9, 11, 12)),
    ],
)
def test_killed_as_it_writes(place: Path, undisturbed: Whole, name: str, counts: tuple[int, ...]) -> None:
    """At operations on files: of the preparation, of locks, of the first rows or trials, of moving into place."""
    whole = undisturbed(name)
    for count in counts:
        ended = whole.work.run(place, die_at_event(count))
        assert ended.code in (KILLED, 0), ended.said
    assert whole.ends_alike(place)


@pytest.mark.parametrize(("name", "share"), [("benchmark", 0.6), ("tune", 0.7), ("get", 0.5)])
def test_killed_at_a_moment(place: Path, undisturbed: Whole, name: str, share: float) -> None:
    whole = undisturbed(name)
    killed(whole.work.start(place), place, share * whole.seconds)
    assert whole.ends_alike(place)


def test_a_download_that_is_killed_goes_on_where_it_was(place: Path, undisturbed: Whole, host: Host) -> None:
    whole, asked = undisturbed("get"), host.places["/source.h5ad"].asked
    asked.clear()
    part = place / "cache" / "datasets" / "mine" / "source.h5ad.part"
    process = whole.work.start(place)
    while not (part.exists() and part.stat().st_size > 50_000):
        process.join(0.01)
    process.kill()
    assert finish(process, place).code == KILLED
    came = part.stat().st_size
    assert whole.ends_alike(place)
    assert asked == [None, f"bytes={came}-"]


@pytest.mark.soak
@pytest.mark.parametrize("name", ["benchmark", "tune", "get"])
def test_killed_at_random(tmp_path: Path, many_cells: Path, undisturbed: Whole, name: str) -> None:
    """Every round kills one run up to four times, and lets it end."""
    whole, soak = undisturbed(name), Soak(f"killed-{name}")
    for number in soak.rounds():
        place = tmp_path / str(number)
        place.mkdir()
        shutil.copy(many_cells, place)
        for _ in range(soak.draws.integers(1, 5)):
            soak.tried["kills"] += _kill(whole, place, soak.draws)
        assert whole.ends_alike(place), number
        shutil.rmtree(place)


def _kill(whole: Undisturbed, place: Path, draws: np.random.Generator) -> bool:
    """Kill a run at a random moment or operation on files; nothing of what it kept before may be lost."""
    kept = whole.work.kept(place)
    if draws.random() < 0.5:
        ended = killed(whole.work.start(place), place, draws.uniform(0, whole.seconds))
    else:
        ended = whole.work.run(place, die_at_event(int(draws.integers(1, whole.work.events))))
    after = whole.work.kept(place)
    assert ended.code in (KILLED, 0), ended.said
    assert {name: after.get(name) for name in kept} == kept
    return ended.code == KILLED
