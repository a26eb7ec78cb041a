"""scDML's program around a stand-in for the library: what it is given, and in which order its rows come back."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.baselines.programs import scdml

SIMILARITY = np.array([[-1.0, 4, 0], [4, -1, 2], [0, 2, -1]])


class Library:
    """Stands in for scDML: sorts cells by batch, as it does, and embeds each as the sum of its values."""

    def __init__(self, verbose: bool, save_dir: str) -> None:
        seen.update(verbose=verbose, save_dir=save_dir)
        assert Path(save_dir).is_dir()

    def preprocess(self, adata: AnnData, **given: Any) -> AnnData:
        seen.update(given)
        adata.X.data *= 2
        return adata[np.argsort(adata.obs["BATCH"].to_numpy(), kind="stable")].copy()

    def convertInput(self, adata: AnnData, **given: Any) -> None:
        self.adata = adata

    def calculate_similarity(self, **given: Any) -> None:
        seen.update(given)
        self.cor_matrix = pd.DataFrame(SIMILARITY)

    def merge_cluster(self, **given: Any) -> None:
        seen.update(given)

    def build_net(self, **given: Any) -> None:
        seen.update(given)

    def train(self, **given: Any) -> np.ndarray:
        seen.update(given)
        total: np.ndarray = np.asarray(self.adata.X.sum(axis=1), dtype=np.float32)
        return total.reshape(-1, 1)


def eigenDecomposition(matrix: np.ndarray, plot: bool) -> tuple[np.ndarray, None, None]:
    seen.update(matrix=matrix, plot=plot)
    return np.array(estimates), None, None


seen: dict[str, Any] = {}
estimates: list[int] = []


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    seen.clear()
    estimates[:] = [3, 1, 2]
    package, utilities = ModuleType("scDML"), ModuleType("scDML.utils")
    package.scDMLModel, utilities.eigenDecomposition = Library, eigenDecomposition  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "scDML", package)
    monkeypatch.setitem(sys.modules, "scDML.utils", utilities)


def _cells(*sizes: int, n_genes: int = 150) -> AnnData:
    rng = np.random.default_rng(0)
    batch = rng.permutation(np.repeat([f"batch{place}" for place in range(len(sizes))], sizes))
    adata = AnnData(sparse.csr_matrix(rng.poisson(1, (len(batch), n_genes)), dtype=np.float32), obs={"batch": batch})
    adata.obs["batch"] = adata.obs["batch"].astype("category")
    return adata


def test_rows_come_back_in_the_order_of_the_cells_which_stay_as_they_were() -> None:
    cells = _cells(60, 70)
    before = cells.X.toarray()
    embedding = scdml.integrate(cells, seed=0)
    np.testing.assert_array_equal(embedding[:, 0], 2 * before.sum(axis=1))
    np.testing.assert_array_equal(cells.X.toarray(), before)
    assert list(cells.obs) == ["batch"]


def test_rows_are_put_where_they_belong() -> None:
    ordered = scdml.in_order(np.array([[10.0], [20.0], [30.0]]), np.array(["2", "0", "1"]))
    np.testing.assert_array_equal(ordered[:, 0], [20, 30, 10])


def test_it_gets_the_seed_the_defaults_and_values_that_are_normalised_already() -> None:
    scdml.integrate(_cells(60, 70), seed=5)
    assert (seen["seed"], seen["pca_dim"], seen["K_in"], seen["K_bw"]) == (5, 100, 5, 10)
    assert not any(seen[flag] for flag in ("normalize_samples", "log_normalize", "verbose", "plot"))
    assert not Path(seen["save_dir"]).exists()


def test_small_sets_lower_what_cannot_exceed_them() -> None:
    scdml.integrate(_cells(60, 4), seed=0)
    assert (seen["pca_dim"], seen["K_in"], seen["K_bw"]) == (63, 4, 4)
    scdml.integrate(_cells(60, 70, n_genes=30), seed=0)
    assert seen["pca_dim"] == 29


def test_a_batch_of_one_cell_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scDML needs at least 2 cells in every batch; a batch here has 1\. Leave"):
        scdml.integrate(_cells(60, 1), seed=0)


def test_a_category_without_cells_is_no_batch() -> None:
    assert scdml.fewest_cells(pd.Series(pd.Categorical(["a", "a"], categories=["a", "b"]))) == 2


def test_the_number_of_clusters_is_its_own_estimate() -> None:
    """By hand: S / 4 = [[0, 1, 0], [1, 0, .5], [0, .5, 0]]; its square adds .5 between the first and the third."""
    assert scdml.estimated_clusters(SIMILARITY) == 3
    np.testing.assert_allclose(seen["matrix"], [[0, 1, 0.5], [1, 0, 0.5], [0.5, 0.5, 0]])
    scdml.integrate(_cells(60, 70), seed=0)
    assert (seen["ncluster_list"], seen["expect_num_cluster"]) == ([3], 3)


def test_an_estimate_of_one_cluster_is_passed_over() -> None:
    estimates[:] = [1, 5, 7]
    scdml.integrate(_cells(60, 70), seed=0)
    assert (seen["ncluster_list"], seen["expect_num_cluster"]) == ([5], 5)


def test_where_there_is_no_other_estimate_it_is_refused() -> None:
    estimates[:] = [1]
    with pytest.raises(
        ValueError, match=r"scDML needs at least 2 clusters; its estimates are \[1\]\. Give it more cells"
    ):
        scdml.integrate(_cells(60, 70), seed=0)
