"""Killed with -9 and begun again, a benchmark, a search and a download lose nothing and end alike."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import works
from hosts import Host, serving
from mortals import die_at_event, finish, killed
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
