"""The label-free scores against direct calls of the metrics, and the true ones against ``evaluate``."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

import topocraft
from topocraft import IntegrationConfig
from topocraft.config import PreprocessConfig
from topocraft.data.cells import from_anndata
from topocraft.data.columns import cell_types
from topocraft.data.preprocess import prepare
from topocraft.errors import InputError
from topocraft.metrics import cilisi, within_batch_agreement, within_batch_clusters
from topocraft.metrics.confusion import batch_confusion
from topocraft.metrics.yardstick import LabelFree, label_free
from topocraft.tuning.subject import Subject, read_subject
from topocraft.tuning.truth import make_truth, true_scores


@pytest.fixture(scope="module")
def subject(tiny: AnnData) -> Subject:
    return read_subject(tiny, "batch", "celltype", IntegrationConfig(threads=1))


@pytest.fixture(scope="module")
def embedding(tiny: AnnData, subject: Subject) -> np.ndarray:
    types = tiny.obs["celltype"].cat.codes.to_numpy()
    noise = np.random.default_rng(0).normal(size=(tiny.n_obs, 6))
    made: np.ndarray = (noise + 4 * np.eye(6)[types]).astype(np.float32)
    return made


def test_the_scores_are_those_of_the_metrics(tiny: AnnData, subject: Subject, embedding: np.ndarray) -> None:
    points, batch = embedding[subject.scored], tiny.obs["batch"].to_numpy().astype(str)[subject.scored]
    found = label_free(points, subject.yardstick)
    prepared = subject.steps.prepare(subject.cells, IntegrationConfig())
    own = within_batch_clusters(prepared.expression, batch)
    assert (found.nmi, found.ari) == within_batch_agreement(points, batch, own)
    matched = subject.yardstick.matched
    there = matched >= 0
    assert there.sum() > 200
    assert found.cilisi == pytest.approx(cilisi(points[there], batch[there], matched[there], normalised="expected"))
    assert found.confusion == pytest.approx(batch_confusion(points[there], batch[there], matched[there]))
    assert found.structure == pytest.approx((found.nmi + found.ari) / 2)
    assert found.mixing == pytest.approx((found.cilisi + found.confusion) / 2)
    assert found.score == pytest.approx(0.3 * (found.nmi + found.ari) + 0.2 * (found.cilisi + found.confusion))


def test_mixed_types_score_higher_than_the_cells_before_and_islands_of_batches(
    tiny: AnnData, subject: Subject, embedding: np.ndarray
) -> None:
    codes = tiny.obs["batch"].cat.codes.to_numpy()
    apart = embedding + 60 * np.eye(6)[codes]
    kept, islands = (label_free(points[subject.scored], subject.yardstick) for points in (embedding, apart))
    assert kept.mixing > 0.8 > 0.5 > subject.before.mixing > islands.mixing
    assert kept.score > subject.before.score
    shuffled = label_free(np.random.default_rng(0).permutation(embedding), subject.yardstick)
    assert shuffled.structure < 0.2 < kept.structure


def test_true_scores_are_those_of_evaluate(tiny: AnnData, embedding: np.ndarray) -> None:
    adata = tiny.copy()
    adata.obsm["X_mine"] = embedding
    adata.obs["partly"] = adata.obs["celltype"].astype(str).where(np.arange(adata.n_obs) % 7 > 0)
    table = topocraft.evaluate(adata, "batch", "partly", embeddings="X_mine", controls=False)
    wanted = table[table["part"] == ""].set_index("score")["value"]
    cells = from_anndata(adata, "batch")
    labels = cell_types(adata.obs, "partly")
    truth = make_truth(prepare(cells, PreprocessConfig(min_genes=0)).expression, cells.batch, labels)
    found = true_scores(embedding, truth)
    assert found == pytest.approx({name: wanted[name] for name in ("composite", "bio", "batch")}, abs=1e-6)


def test_cells_without_matching_clusters_cannot_be_tuned_for() -> None:
    draws = np.random.default_rng(0)
    counts = draws.poisson(3, size=(60, 60)).astype(np.float32)
    counts[::2, :30] *= 5  # batches differ
    adata = AnnData(counts)
    adata.obs["batch"] = ["a", "b"] * 30
    with pytest.raises(InputError, match=r"Tuning needs batches of at least 30 cells.*Integrate with the defaults"):
        read_subject(adata, "batch", None, IntegrationConfig(threads=1))


def test_the_scores_do_not_depend_on_the_order_of_the_cells(tiny: AnnData, subject: Subject) -> None:
    shuffled = tiny[np.random.default_rng(3).permutation(tiny.n_obs)].copy()
    assert read_subject(shuffled, "batch", None, IntegrationConfig(threads=1)).before == subject.before
    assert isinstance(subject.before, LabelFree)
