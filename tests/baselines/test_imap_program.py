"""iMAP's program around a stand-in for the library: what it is given, and what becomes of its result."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.baselines.programs import imap


class Library:
    """Stands in for imap.stage1 and imap.stage2; batches merge from the last name to the first."""

    def __init__(self, corrected: np.ndarray) -> None:
        self.corrected = corrected
        self.first: dict[str, Any] = {}
        self.second: dict[str, Any] = {}

    def iMAP_fast(self, adata: AnnData, **given: Any) -> tuple[str, str]:
        self.first = given | {"values": adata.X, "batch": list(adata.obs["batch"])}
        return "encoder", "content"

    def extract_data(self, adata: AnnData, key: str, batches: list[str]) -> tuple[list[np.ndarray], np.ndarray]:
        parts = [adata.X[adata.obs[key] == name] for name in batches]
        return parts, np.arange(len(batches))[::-1]

    def integrate_data(self, adata: AnnData, content: str, **given: Any) -> np.ndarray:
        self.second = given | {"content": content}
        return self.corrected


def _cells(*sizes: int) -> AnnData:
    rng = np.random.default_rng(0)
    batch = rng.permutation(np.repeat([f"batch{place}" for place in range(len(sizes))], sizes))
    adata = AnnData(sparse.csr_matrix(rng.poisson(1, (len(batch), 5)), dtype=np.float32), obs={"batch": batch})
    adata.obs["batch"] = adata.obs["batch"].astype("category")
    return adata


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    corrected = np.random.default_rng(1).normal(size=(40, 5)) * np.arange(1, 6)
    known = Library(corrected)
    package = ModuleType("imap")
    for name in ("stage1", "stage2"):
        setattr(package, name, known)
        monkeypatch.setitem(sys.modules, f"imap.{name}", known)
    monkeypatch.setitem(sys.modules, "imap", package)
    return known


def test_both_stages_get_dense_values_the_seed_and_the_epochs(library: Library) -> None:
    cells = _cells(15, 25)
    imap.integrate(cells, seed=7)
    np.testing.assert_array_equal(library.first["values"], cells.X.toarray())
    assert library.first["batch"] == list(cells.obs["batch"])
    assert (library.first["n_epochs"], library.first["seed"]) == (50, 7)
    assert (library.second["n_epochs"], library.second["seed"]) == (50, 7)
    assert library.second["content"] == "content"
    assert "inc" not in library.second  # as documented: False


def test_the_result_is_the_corrected_values_up_to_a_rotation(library: Library) -> None:
    embedding = imap.integrate(_cells(15, 25), seed=0)
    corrected = library.corrected
    apart = np.linalg.norm(corrected[:, None] - corrected[None], axis=2)
    found = np.linalg.norm(embedding[:, None] - embedding[None], axis=2)
    np.testing.assert_allclose(found, apart, rtol=1e-4, atol=1e-5)
    assert embedding.dtype == np.float32


def test_components_are_those_of_the_singular_value_decomposition() -> None:
    values = np.random.default_rng(2).normal(size=(60, 8)) @ np.diag([9.0, 5, 4, 3, 2, 1, 1, 1]) + 3
    left, singular, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    found = imap.principal_components(values, 3)
    assert found.shape == (60, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(left * singular)[:, :3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("n_cells", "expected"), [(541, 50), (999, 50), (1_000, 100), (4_999, 100), (5_000, 150), (300_000, 150)]
)
def test_epochs_follow_the_advice_of_the_authors(n_cells: int, expected: int) -> None:
    assert imap.epochs(n_cells) == expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((100, 100), (None, None)), ((99, 5_000), (1, 5)), ((5_000, 99), (1, 5)), ((500, 600, 8), (None, None))],
)
def test_neighbours_are_chosen_where_a_hundredth_of_the_first_two_batches_is_none(
    sizes: tuple[int, ...], expected: tuple[int | None, int | None]
) -> None:
    assert imap.neighbours(sizes) == expected


def test_the_first_two_batches_are_those_that_imap_merges_first(library: Library) -> None:
    library.corrected = np.zeros((330, 5))
    imap.integrate(_cells(10, 160, 160), seed=0)  # merged from the last to the first
    assert (library.second["k1"], library.second["k2"]) == (None, None)
    imap.integrate(_cells(160, 160, 10), seed=0)
    assert (library.second["k1"], library.second["k2"]) == (1, 5)
