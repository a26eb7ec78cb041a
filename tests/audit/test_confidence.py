"""Every cell gets its row; those that moved, lost their neighbours or did not mix are flagged, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from topocraft.audit.confidence import DISPLACED, NOT_MIXED, SCRAMBLED, cell_table, confidence_statement


def _flags(subject: Any, own_of: Any, cells: AnnData) -> pd.DataFrame:
    return cell_table(subject, own_of(subject), cells.obs_names)


def _own_components(make: Any, own_of: Any, codes: np.ndarray) -> np.ndarray:
    """Return an embedding that keeps neighbours: each batch's components, its types moved to common places."""
    points = np.zeros((300, 54), dtype=np.float32)
    for one in own_of(make()):
        for code in np.unique(codes[one.cells]):
            inside = codes[one.cells] == code
            points[one.cells[inside], :50] = one.components[inside] - one.components[inside].mean(axis=0)
    points[:, 50:] = 200 * np.eye(4)[codes]
    return points


def test_kept_and_mixed_cells_are_not_flagged(make: Any, own_of: Any, codes: np.ndarray, cells: AnnData) -> None:
    table = _flags(make(_own_components(make, own_of, codes)), own_of, cells)
    assert table["topocraft_kept"].mean() > 0.95
    assert not table["topocraft_flagged"].any()
    assert table["topocraft_mixed"].isna().sum() == 60, "type d is in one batch only"


def test_cells_among_others_are_flagged_as_such(
    make: Any, own_of: Any, codes: np.ndarray, cells: AnnData, heaps: Any
) -> None:
    points = _own_components(make, own_of, codes)
    moved = codes.copy()
    moved[:4] = 2
    points[:, 50:] = 200 * np.eye(4)[moved]
    table = _flags(make(points), own_of, cells)
    assert table.index[table["topocraft_flag"] == DISPLACED].tolist() == cells.obs_names[:4].tolist()


def test_unmixed_and_scrambled_cells_are_told_apart(
    make: Any, own_of: Any, codes: np.ndarray, cells: AnnData, heaps: Any
) -> None:
    far = _own_components(make, own_of, codes)
    far[:, 50:] += 5000 * (cells.obs["batch"] == "y").to_numpy()[:, None]
    unmixed = _flags(make(far), own_of, cells)
    assert set(unmixed["topocraft_flag"]) == {NOT_MIXED, ""}
    assert (unmixed["topocraft_flag"] == NOT_MIXED).sum() == 240
    scrambled = _flags(make(heaps(codes)), own_of, cells)
    # Inside a heap neighbours are chance, of 39 or 59: most keep more than chance in the whole batch would.
    assert set(scrambled["topocraft_flag"]) <= {SCRAMBLED, ""}


def test_cells_that_are_not_audited_have_no_values(make: Any, own_of: Any, cells: AnnData) -> None:
    adata = cells.copy()
    adata.obs["topocraft_set_aside"] = np.arange(300) < 3
    adata.obsm["X_mine"] = adata.obsm["X_good"]
    from topocraft.audit.subject import read_subject

    subject = read_subject(
        adata, "batch", "celltype", embedding="X_mine", layer=None, continuous=(), conditions=(), config=None
    )
    table = _flags(subject, own_of, cells)
    assert len(table) == 300
    assert table["topocraft_kept"].isna().tolist() == [True] * 3 + [False] * 297
    assert not table["topocraft_flagged"][:3].any()
    said = confidence_statement(table, subject)
    assert "of 297 cells" in said.sentence
    assert said.value == pytest.approx(table["topocraft_flagged"][3:].mean())
