"""What holds for every method alike: rows in the order of the cells, one each, finite, repeatable.

Methods that are importable here are tried always; those with an environment of their own, and those in R, where
TOPOCRAFT_TEST_METHODS names them: scvi,scanorama. ``make methods`` names all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from anndata import AnnData
from scipy.spatial.distance import cdist

import topocraft
from topocraft import IntegrationConfig
from topocraft.baselines import METHODS, Method, Output, Run, integrate
from topocraft.baselines.execution import execute
from topocraft.baselines.preparation import Preparation, write_preparation
from topocraft.data.cells import Cells


def _is_importable(method: Method) -> bool:
    return not method.r_packages and all(find_spec(module.partition(".")[0]) for module in method.modules)


NAMED = os.environ.get("TOPOCRAFT_TEST_METHODS", "").split(",")
HERE = [name for name, method in METHODS.items() if name in NAMED or _is_importable(method)]
OTHERS = [name for name in HERE if name != "topocraft"]
"""It gives the bytes of the call without the harness, whose order of cells has tests of its own."""
TINY = {"n_latent": 8, "encoder_widths": [32], "decoder_widths": [32], "classifier_widths": [8]}
TINY |= {"epochs": 4, "warmup_epochs": 1, "cells_per_batch": 64, "cells_per_step": 96}
SETTINGS = {"topocraft": TINY}
ORDER = np.random.default_rng(5).permutation(150)


class Runs(NamedTuple):
    """A method on the cells, on the same cells in another order, and on the cells once more."""

    first: Run
    moved: Run
    again: Run


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, cells: Cells, labels: np.ndarray) -> Preparation:
    folder = tmp_path_factory.mktemp("moved") / "cells"
    return write_preparation(cells.take(ORDER), folder, labels=labels[ORDER])


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, cells: Cells, labels: np.ndarray) -> dict[str, bytes]:
    """Return digests of the files of the same cells, written anew, which no method has seen."""
    return _digests(write_preparation(cells, tmp_path_factory.mktemp("untouched") / "cells", labels=labels).folder)


@pytest.fixture(scope="module")
def runs(prepared: Preparation, moved: Preparation) -> Callable[[Method], Runs]:
    done: dict[str, Runs] = {}

    def find(method: Method) -> Runs:
        if method.name not in done:
            given = {"threads": 1, "settings": SETTINGS.get(method.name)}
            places = (prepared.folder, moved.folder, prepared.folder)[: 1 if method.name == "topocraft" else 3]
            with ThreadPoolExecutor(2) as pool:
                found = list(pool.map(lambda place: execute(method, place, 1, **given), places))
            done[method.name] = Runs(*(found * 3)[:3])
        return done[method.name]

    return find


def _apart(output: Output) -> np.ndarray:
    """Return how far apart every pair of cells is."""
    if output.graph is not None:
        return -(output.graph + output.graph.T).toarray()
    return cdist(output.embedding, output.embedding)


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    pairs = np.triu_indices(len(one), 1)
    return float(np.corrcoef(one[pairs], other[pairs])[0, 1])


def _keeps_order(found: Runs) -> bool:
    first, moved = _apart(found.first.output), _apart(found.moved.output)
    return _agreement(first[np.ix_(ORDER, ORDER)], moved) > max(0.5, 0.2 + _agreement(first, moved))


def _same(one: Output, other: Output) -> bool:
    if one.graph is not None:
        return (one.graph != other.graph).nnz == 0
    return np.array_equal(one.embedding, other.embedding)


def test_what_comes_with_the_test_extra_is_among_them() -> None:
    assert {"topocraft", "harmony", "unintegrated"} <= set(HERE)


@pytest.mark.parametrize("name", HERE)
def test_every_cell_has_its_finite_row(name: str, runs: Callable[[Method], Runs]) -> None:
    for run in runs(METHODS[name]):
        assert (run.status, run.reason) == ("ok", "")
        given = run.output.graph if METHODS[name].gives == "graph" else run.output.embedding
        assert given.shape[0] == 150
        assert np.isfinite(given.data).all()
        assert (given.dtype, given.min() < given.max()) == (np.float32, True)


@pytest.mark.parametrize("name", OTHERS)
def test_rows_are_in_the_order_of_the_cells(name: str, runs: Callable[[Method], Runs]) -> None:
    assert _keeps_order(runs(METHODS[name]))


@pytest.mark.parametrize("name", [name for name in OTHERS if METHODS[name].deterministic])
def test_the_same_seed_gives_the_same_bytes(name: str, runs: Callable[[Method], Runs]) -> None:
    found = runs(METHODS[name])
    assert _same(found.first.output, found.again.output)


@pytest.mark.parametrize("name", HERE)
def test_the_library_is_named_with_its_version(name: str, runs: Callable[[Method], Runs]) -> None:
    run = runs(METHODS[name]).first
    assert METHODS[name].control or run.version.split()[1][0].isdigit()


def test_the_suite_finds_out_who_breaks_the_contract(runs: Callable[[Method], Runs]) -> None:
    found = runs(METHODS["unintegrated"])
    scrambled = replace(found.moved, output=Output(found.moved.output.embedding[ORDER]))
    assert not _keeps_order(found._replace(moved=scrambled))
    assert not _same(found.first.output, Output(found.first.output.embedding + 1e-6))


@pytest.mark.parametrize("name", HERE)
def test_no_run_changed_what_all_of_them_read(
    name: str, runs: Callable[[Method], Runs], prepared: Preparation, untouched: dict[str, bytes]
) -> None:
    assert runs(METHODS[name]).first.status == "ok"
    assert _digests(prepared.folder) == untouched


def _digests(folder: Path) -> dict[str, bytes]:
    return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}


def test_topocraft_is_what_it_is_without_the_harness(simulated: AnnData, runs: Callable[[Method], Runs]) -> None:
    adata = simulated.copy()
    topocraft.integrate(adata, "batch", config=IntegrationConfig(seed=1, threads=1).with_values(**TINY))
    assert np.array_equal(runs(METHODS["topocraft"]).first.output.embedding, adata.obsm["X_topocraft"])


def test_one_call_gives_what_the_run_gives(cells: Cells, runs: Callable[[Method], Runs]) -> None:
    expected = runs(METHODS["unintegrated"]).first.output.embedding
    assert np.array_equal(integrate("unintegrated", cells, 1).embedding, expected)
