"""A folder with small cells, and what an integration of them comes to that nothing disturbs."""

from __future__ import annotations

import shutil
from pathlib import Path

import mortals
import pytest

from topocraft.simulate.demo import demo_cells


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of small cells."""
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    demo_cells(n_cells=150, n_genes=80).write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def many_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of as many cells as tuning needs."""
    path = tmp_path_factory.mktemp("many") / "cells.h5ad"
    demo_cells(n_cells=240, n_genes=200).write_h5ad(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, cells: Path) -> Path:
    shutil.copy(cells, tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> tuple[bytes, float]:
    """Return the embedding of a run that was left alone and kept no checkpoints, and the seconds it took."""
    place = tmp_path_factory.mktemp("whole")
    shutil.copy(cells, place)
    mortals.run(place, "-o", "first.h5ad")  # with the time that the libraries take to load
    ended = mortals.run(place, "-o", "out.h5ad")
    assert ended.code == 0, ended.said
    return mortals.embedding(place / "out.h5ad"), ended.seconds


@pytest.fixture(scope="session")
def integrated(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> Path:
    """Return a file of cells that were integrated."""
    place = tmp_path_factory.mktemp("integrated")
    shutil.copy(cells, place)
    assert mortals.run(place, "-o", "out.h5ad").code == 0
    return place / "out.h5ad"


@pytest.fixture(scope="session")
def killed_once(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> Path:
    """Return the folder of a run that was killed when its training was done; not to be changed."""
    place = tmp_path_factory.mktemp("killed") / "run"
    place.mkdir()
    shutil.copy(cells, place)
    hook = mortals.at_phase("embed", "os.kill(os.getpid(), signal.SIGKILL)")
    assert mortals.run(place, "-o", "out.h5ad", "--checkpoint-every", "0", hook=hook).code == -9
    return place


@pytest.fixture
def broken_off(tmp_path: Path, killed_once: Path) -> Path:
    """Return a copy of that folder."""
    shutil.copytree(killed_once, tmp_path / "copy")
    return tmp_path / "copy"
