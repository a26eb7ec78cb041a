"""The command on real cells, from file to file, against the same cells uncorrected."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import scanpy
from anndata import AnnData
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

import topocraft

NEIGHBORS = 15


@dataclass(frozen=True, eq=False)
class Outcome:
    """The input, the file that the command wrote, and the uncorrected control: components of the same genes."""

    before: AnnData
    after: AnnData
    control: np.ndarray

    @property
    def types(self) -> np.ndarray:
        return self.after.obs["celltype"].to_numpy(dtype=str)

    @property
    def batch(self) -> np.ndarray:
        return self.after.obs["batch"].to_numpy(dtype=str)

    @property
    def embedding(self) -> np.ndarray:
        return self.after.obsm["X_topocraft"]


def _run(source: Path, folder: Path, *arguments: str) -> Outcome:
    target = folder / "integrated.h5ad"
    command = ["integrate", str(source), "--batch-key", "batch", "--output", str(target), *arguments]
    done = subprocess.run(
        [sys.executable, "-m", "topocraft", *command],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    before, after = anndata.read_h5ad(source), anndata.read_h5ad(target)
    return Outcome(before, after, _uncorrected(before, after.uns["topocraft"]["genes"]))


def _uncorrected(counts: AnnData, genes: np.ndarray) -> np.ndarray:
    logged = counts.copy()
    scanpy.pp.normalize_total(logged, target_sum=1e4)
    scanpy.pp.log1p(logged)
    return PCA(50, random_state=0).fit_transform(logged[:, genes].X.toarray())


def _purity(points: np.ndarray, types: np.ndarray) -> float:
    """Mean share of a cell's neighbours that are of its type."""
    near = NearestNeighbors(n_neighbors=NEIGHBORS).fit(points).kneighbors(return_distance=False)
    return float((types[near] == types[:, None]).mean())


def _mixing(points: np.ndarray, types: np.ndarray, batch: np.ndarray) -> float:
    """Mean share of other batches among a cell's neighbours of its own type, 1 where it is that of chance."""
    shares = []
    for name in np.unique(types):
        here = np.flatnonzero(types == name)
        if len(here) <= NEIGHBORS or len(np.unique(batch[here])) < 2:
            continue
        near = NearestNeighbors(n_neighbors=NEIGHBORS).fit(points[here]).kneighbors(return_distance=False)
        found = (batch[here][near] != batch[here][:, None]).mean(axis=1)
        _, code, sizes = np.unique(batch[here], return_inverse=True, return_counts=True)
        shares.append(found * (len(here) - 1) / (len(here) - sizes[code]))
    return float(np.concatenate(shares).mean())


def _ari(points: np.ndarray, types: np.ndarray) -> float:
    clusters = KMeans(len(np.unique(types)), n_init=10, random_state=0).fit_predict(points)
    return float(adjusted_rand_score(types, clusters))


def _require_input_untouched(outcome: Outcome) -> None:
    before, after = outcome.before, outcome.after
    assert after.obs_names.equals(before.obs_names)
    assert after.var_names.equals(before.var_names)
    assert (after.X != before.X).nnz == 0
    assert outcome.embedding.shape == (before.n_obs, 50)
    assert np.isfinite(outcome.embedding).all()


def _require_sensible_scores(after: AnnData) -> None:
    scores = topocraft.evaluate(after, "batch", "celltype")
    assert scores.attrs["n_cells"] == after.n_obs
    found = scores[scores["part"] == ""].pivot(index="embedding", columns="score", values="value")
    assert found.loc["type oracle", "composite"] > found["composite"].max() - 0.02  # the embedding reaches it
    assert found["composite"].idxmin() == "types shuffled"
    assert found.loc["X_topocraft", "composite"] > found.loc["unintegrated", "composite"] + 0.1
    assert found.loc["X_topocraft", "nmi"] > found.loc["types shuffled", "nmi"] + 0.8
    assert found.loc["X_topocraft", "bras"] > found.loc["batch islands", "bras"] + 0.3


def test_cell_lines_are_kept_and_their_batches_mixed(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    outcome = _run(shared_data("cellline_mixology.h5ad"), tmp_path)
    _require_input_untouched(outcome)
    types, batch = outcome.types, outcome.batch
    kept, control = _ari(outcome.embedding, types), _ari(outcome.control, types)
    assert kept >= 0.95  # 1.00, as uncorrected
    assert kept >= control - 0.02
    assert _purity(outcome.embedding, types) >= _purity(outcome.control, types) - 0.01
    mixed, unmixed = _mixing(outcome.embedding, types, batch), _mixing(outcome.control, types, batch)
    _require_sensible_scores(outcome.after)
    assert mixed >= 0.85  # 0.98, uncorrected 0.46
    assert mixed >= unmixed + 0.3


def test_blood_cells_are_kept_and_their_batches_mixed(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    short = ("--epochs", "20", "--set", "warmup_epochs=7")
    outcome = _run(shared_data("pbmc_10x_6batch.h5ad"), tmp_path, *short)
    _require_input_untouched(outcome)
    types, batch = outcome.types, outcome.batch
    assert _purity(outcome.embedding, types) >= _purity(outcome.control, types) - 0.03  # 0.960, uncorrected 0.978
    mixed, unmixed = _mixing(outcome.embedding, types, batch), _mixing(outcome.control, types, batch)
    assert mixed >= 2 * unmixed  # 0.57, uncorrected 0.16
