"""The numbers of a page: those of the metrics, on the right cells, beside a control that mixes."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

from topocraft.metrics import mixing_map, neighbor_purity, positive_rate
from topocraft.progress import Silent
from topocraft.report.groups import GroupRow, batch_rows, grids, group_rows, where_to_look
from topocraft.report.measures import Measures, measure
from topocraft.report.subject import Subject, read_subject
from topocraft.topology.neighbors import nearest_neighbors


@pytest.fixture(scope="module")
def subject(cells: AnnData) -> Subject:
    adata = cells.copy()
    adata.obs["celltype"] = adata.obs["celltype"].astype(object)
    adata.obs.iloc[:20, adata.obs.columns.get_loc("celltype")] = None
    adata.obsm["X_topocraft"][20:25] = np.nan
    return read_subject(adata, "batch", "celltype", None)


@pytest.fixture(scope="module")
def measures(subject: Subject) -> Measures:
    return measure(subject, 0, Silent())


def test_cells_without_coordinates_are_left_out_and_remembered(subject: Subject) -> None:
    assert subject.kept.sum() == len(subject.batch) == len(subject.after) == len(subject.before) == 295
    assert subject.adata.n_obs == 295
    assert len(subject.aside) == 300


def test_scores_are_those_of_the_metrics_over_cells_with_a_type(subject: Subject, measures: Measures) -> None:
    typed = np.array([label is not None for label in subject.labels])
    labels, batch, after = subject.labels[typed].astype(str), subject.batch[typed], subject.after[typed]
    due = mixing_map(after, batch, labels)
    assert measures.row("mixing").after == pytest.approx(np.nanmean(due))
    assert measures.mixing["after"][typed] == pytest.approx(due, nan_ok=True)
    assert np.isnan(measures.mixing["after"][~typed]).all()
    assert measures.row("positive_rate").after == pytest.approx(positive_rate(after, labels))
    assert measures.row("mixing").control > measures.row("mixing").before
    assert np.isnan(measures.row("nmi").control)


def test_purity_by_cell_is_the_purity_by_type(subject: Subject, measures: Measures) -> None:
    typed = np.array([label is not None for label in subject.labels])
    labels = subject.labels[typed].astype(str)
    due = neighbor_purity(nearest_neighbors(subject.after[typed], 15, 0).indices, labels)
    for name, value in due.items():
        assert np.mean(measures.purity["after"][typed][labels == name]) == pytest.approx(value)


def test_without_types_the_clusters_are_spoken_of(cells: AnnData) -> None:
    adata = cells.copy()
    adata.obs["topocraft_low"] = [str(value) for value in np.arange(300) % 2]
    subject = read_subject(adata, None, None, None)
    found = measure(subject, 0, Silent())
    assert [row.name for row in found.rows] == ["mixing", "ilisi", "within_batch_nmi", "within_batch_ari"]
    assert subject.kind == "cluster"
    assert [row.name for row in group_rows(subject, found)] == ["0", "1"]
    assert found.row("mixing").after == pytest.approx(np.mean(mixing_map(subject.after, subject.batch)))


def test_rows_and_grids_count_what_is_there(subject: Subject, measures: Measures) -> None:
    rows, obs = group_rows(subject, measures), subject.adata.obs
    counts = obs["celltype"].value_counts()
    assert {row.name: row.cells for row in rows} == counts.to_dict()
    assert [row.cells for row in rows] == sorted(counts, reverse=True)
    assert [row.rare for row in rows] == [row.cells < 2.95 for row in rows]
    for row in batch_rows(subject, measures):
        inside = (obs["batch"] == row.name).to_numpy()
        assert (row.cells, row.others) == (inside.sum(), obs.loc[inside, "celltype"].nunique())
        assert row.mixing[1] == pytest.approx(np.nanmean(measures.mixing["after"][inside]))
    composition = grids(subject, measures, rows)[0]
    for place, batch in enumerate(composition.columns):
        inside = obs["batch"] == batch
        for line, name in enumerate(composition.rows):
            share = (obs.loc[inside, "celltype"] == name).sum() / inside.sum()
            assert composition.values[line, place] == pytest.approx(share)


def test_rare_types_are_named_with_their_rates(subject: Subject, measures: Measures) -> None:
    rows = group_rows(subject, measures)
    rows[-1] = type(rows[-1])("few", 2, 1, (0.1, 0.2), (0.5, 0.6), (1.0, 0.75), (0.25, 0.5), rare=True)
    said = list(where_to_look(rows, "cell type", most=2))
    assert (
        said[-1]
        == "Rare cell type few, 2 cells: positive 75% (100% unintegrated); truly positive 50% (25% unintegrated)."
    )
    assert said[0].startswith("Least mixed: few (0.20), ")


def test_nobody_is_sent_to_look_at_types_that_are_pure() -> None:
    def rows(*purities: float) -> list[GroupRow]:
        one = (1.0, 1.0)
        return [GroupRow(str(place), 9, 2, one, (0.5, purity), one, one) for place, purity in enumerate(purities)]

    told = list(where_to_look(rows(0.99, 1.0, 0.95, 1.0), "cell type"))
    assert told[1] == "Every cell type is pure: 95% or more of the neighbours of its cells are of the same cell type."
    assert list(where_to_look(rows(0.99, 0.94, 0.5, 1.0), "cell type"))[1] == "Least pure: 2 (0.50), 1 (0.94)."
